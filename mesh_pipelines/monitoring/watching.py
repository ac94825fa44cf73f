"""A look at a model in use: drift of its features and predictions in the newest months, and its live metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import polars as pl

from mesh_pipelines.declaring.declarations import ModelDeclaration
from mesh_pipelines.declaring.load import model_spec
from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.declaring.node import PARTITION, LoadedDomain, Node, PredictionsNode
from mesh_pipelines.declaring.watch import Watch
from mesh_pipelines.errors import NotPublished, TransientError
from mesh_pipelines.modeling.evaluation import SCORE, TARGET
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.modeling.scoring import MODEL_VERSION
from mesh_pipelines.modeling.split import moment
from mesh_pipelines.modeling.version import LoadedModel
from mesh_pipelines.monitoring.column_profile import (
    ColumnProfile,
    TableProfile,
    count_in_bins,
    reference_profile,
)
from mesh_pipelines.monitoring.drift import compare
from mesh_pipelines.monitoring.earlier_predictions import earlier_predictions, keep_predictions
from mesh_pipelines.monitoring.findings import ColumnDrift, LiveMetric
from mesh_pipelines.monitoring.performance import (
    MONTH,
    TIME,
    Performance,
    against_holdout,
    key_of,
    outcomes,
    performance,
    score_column,
)
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.publishing.slices import with_slice_labels
from mesh_pipelines.shared import SharedResources
from resources.lake.publication import Publication

PROFILE = "__profile"
"""Suffix of the key of a model's reference profile, encrypted: its cuts and categories are values of features."""
PREDICTION = "prediction"
_A_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


@dataclass(frozen=True)
class Drifted:
    """Drift of columns, and the rows compared."""

    columns: tuple[ColumnDrift, ...]
    months: tuple[str, ...]
    rows: int
    reference: str
    before: tuple[ColumnProfile, ...] = ()
    now: tuple[ColumnProfile, ...] = ()


@dataclass(frozen=True)
class Live:
    """Live performance of a model; ``since`` is the champion's after the months of its holdout, against that."""

    all: tuple[Performance, ...]
    holdout: tuple[Performance, ...]
    since: tuple[LiveMetric, ...]
    waiting: int


@dataclass(frozen=True)
class Snapshot:
    """A model in use with its features and predictions, at the versions that are newest when it begins.

    The newest predictions were made from ``features``; ``newest`` is a later version, which has the outcomes.
    """

    shared: SharedResources
    node: Node
    spec: ModelSpec
    watch: Watch
    champion: LoadedModel
    predictions: Publication
    features: Publication
    newest: Publication

    @classmethod
    def at(cls, shared: SharedResources, node: PredictionsNode, domain: LoadedDomain) -> Snapshot | None:
        """A look that begins now; None where there is no champion, or nothing was predicted yet."""
        spec = with_slice_labels(model_spec(node, domain.by_key), domain.by_key, shared)
        made = shared.record(node.key)
        newest = shared.record(spec.features)
        champion = registry_of(shared).champion(node.model_key) if made and newest else None
        if made is None or newest is None or champion is None:
            return None
        read = PublishRecord.of(made).inputs.get(spec.features)
        features = shared.lake.record(spec.features, read.version) if read else newest
        return cls(
            shared,
            node,
            spec,
            watch_of(domain.nodes[node.declared.model]),
            registry_of(shared).read(champion),
            made,
            features,
            newest,
        )

    def input_drift(self) -> Drifted:
        """Drift of the features of the newest months from those that the champion was trained on."""
        months = self._newest({name: part.rows for name, part in self.features.partitions.items()})
        with self.shared.lake.reading(self.spec.features, self.features.version):
            rows = self._scan(self.features, months)
            after = moment(self.champion.record.split.train_until, rows, self.spec.time)
            before, reference = self._reference()
            now = count_in_bins(rows.filter(pl.col(self.spec.time) > after), before.columns)
        return Drifted(compare(before, now), months, now.rows, reference)

    def prediction_drift(self) -> Drifted:
        """Drift of the newest months' predictions from earlier ones: the champion's own if there are as many."""
        _, predicted = self._outcomes
        counts = {row[0]: row[1] for row in predicted.group_by(MONTH).len().iter_rows()}
        months = self._newest(counts)
        fresh = pl.col(MONTH).is_in(list(months))
        earlier, now = predicted.filter(~fresh), predicted.filter(fresh)
        own = earlier.filter(pl.col(MODEL_VERSION) == self.champion.label)
        kept = own if own.height >= now.height else earlier
        reference = f"{kept.height:,} earlier predictions" + (" of its own" if kept is own else "")
        if not kept.height:
            return Drifted((), months, now.height, "nothing: there are no earlier predictions")
        rename = {SCORE: PREDICTION}
        before = reference_profile(kept.lazy().rename(rename), [PREDICTION])
        after = count_in_bins(now.lazy().rename(rename), before.columns)
        return Drifted(compare(before, after), months, now.height, reference, before.columns, after.columns)

    def live(self) -> Live:
        """Every version by month and slice, and the champion's live metrics against its holdout."""
        return self._outcomes[0]

    @cached_property
    def _outcomes(self) -> tuple[Live, pl.DataFrame]:
        """Live performance, read by month: memory holds one month, the holdout and one number a prediction."""
        spec, split = self.spec, self.champion.record.split
        names = tuple(self.newest.schema)
        assert self.node.contract is not None
        key = key_of(self.node.contract, names, spec.entity)
        score = score_column(self.node.contract, names, self.watch.score)
        found: list[Performance] = []
        since: list[Performance] = []
        held: list[pl.DataFrame] = []
        predicted: list[pl.DataFrame] = []
        meeting = partial(
            outcomes, key=key, score=score, target=spec.target, time=spec.time, slices=spec.slices
        )
        waiting: list[pl.DataFrame] = []
        count = 0
        columns = [*key, MODEL_VERSION, score]
        by_version = MODEL_VERSION in self.predictions.schema
        before = earlier_predictions(self.shared.lake, self.node.key, columns) if by_version else None
        for month in sorted(self.newest.partitions)[-self.watch.months :]:
            with (
                self.shared.lake.reading(self.newest.key, self.newest.version),
                self.shared.lake.reading(self.node.key, self.predictions.version),
            ):
                made = self._scan(self.predictions, _neighbouring_partitions(month, self.predictions))
                happened = self._scan(self.newest, (month,))
                rows = meeting(made, happened).collect(engine="streaming")
                replaced = rows.clear()
                if before is not None:
                    then = before.lazy().join(made, on=columns[:-1], how="anti")
                    replaced = meeting(then, happened).collect()
                if by_version:
                    waiting.append(
                        _without_outcome(made.select(columns), happened, key, spec.target).collect()
                    )
            predicted.append(rows.select(SCORE, MODEL_VERSION, MONTH))
            count += int(rows[TARGET].null_count())
            found += performance(
                pl.concat([rows, replaced]).lazy(), spec.metrics, spec.slices, label=spec.slice_label
            )
            own = rows.filter(pl.col(MODEL_VERSION) == self.champion.label).lazy()
            until = pl.col(TIME) <= moment(split.holdout_until, own, TIME)
            after = pl.col(TIME) > moment(split.holdout_from, own, TIME)
            since += performance(own.filter(~until), spec.metrics, spec.slices, label=spec.slice_label)
            held.append(own.filter(until & after).with_columns(pl.lit("holdout").alias(MONTH)).collect())
        if waiting:
            classes = self.predictions.classification
            keep_predictions(self.shared.lake, self.node.key, pl.concat(waiting), before, classes)
        holdout = (
            performance(pl.concat(held).lazy(), spec.metrics, spec.slices, label=spec.slice_label)
            if held
            else ()
        )
        live = Live(tuple(found), holdout, against_holdout(since, holdout, spec.metric), count)
        empty = pl.DataFrame(schema={SCORE: pl.Float64, MODEL_VERSION: pl.String, MONTH: pl.String})
        return live, pl.concat([empty, *predicted])

    def _reference(self) -> tuple[TableProfile, str]:
        """Profile of the champion's training window, and its description; worked out once a champion."""
        record = self.champion.record
        unwatched = {*self.watch.ignore, PARTITION}
        columns = [name for name in record.schema.names if name not in unwatched]
        words = f"the training window of {self.champion.label}"
        known = self._kept_profile(columns)
        if known is not None:
            return known, words
        pinned = record.features.version
        try:
            frame = self.shared.lake.scan(self.spec.features, version=pinned)
        except NotPublished:
            frame, pinned = self._scan(self.features), self.features.version
            words += ", as it is now: the version it was trained on was vacuumed"
        time = pl.col(self.spec.time)
        first, last = (
            moment(value, frame, self.spec.time)
            for value in (record.split.train_from, record.split.train_until)
        )
        with self.shared.lake.reading(self.spec.features, pinned):
            profile = reference_profile(frame.filter((time >= first) & (time <= last)), columns)
        self._keep(profile)
        return profile, words

    def _kept_profile(self, columns: Sequence[str]) -> TableProfile | None:
        key = self.spec.key + PROFILE
        if not self.shared.lake.exists(key):
            return None
        with self.shared.lake.reading(key):
            kept = self.shared.lake.scan(key).collect()
        if kept["model"].to_list() != [self.champion.version.sha256]:
            return None
        profile = TableProfile.from_json(kept["profile"].item())
        return profile if [given.column for given in profile.columns] == list(columns) else None

    def _keep(self, profile: TableProfile) -> None:
        kept = pl.DataFrame({"model": [self.champion.version.sha256], "profile": [profile.to_json()]})
        classes = {"model": "public", "profile": "internal"}
        try:
            with self.shared.lake.stage(self.spec.key + PROFILE, dict(kept.schema), classes) as stage:
                stage.write(kept)
                stage.commit({"champion": self.champion.label}, replace="all")
        except TransientError:
            pass  # It is worked out again next time.

    def _newest(self, rows: Mapping[str, int]) -> tuple[str, ...]:
        """The newest months, enough for ``min_rows``: the newest of all may have just begun."""
        chosen: list[str] = []
        for month in sorted((name for name, count in rows.items() if count), reverse=True):
            if sum(rows[name] for name in chosen) >= self.watch.min_rows:
                break
            chosen.append(month)
        return tuple(sorted(chosen))

    def _scan(self, record: Publication, partitions: Sequence[str] | None = None) -> pl.LazyFrame:
        return self.shared.lake.scan(record.key, version=record.version, partitions=partitions)


def watch_of(model: Node) -> Watch:
    """Bounds of a model, its champion or its predictions; the defaults where its domain set none."""
    declared = model.declaration
    return declared.watch if isinstance(declared, ModelDeclaration) else Watch()


def _neighbouring_partitions(month: str, record: Publication) -> list[str] | None:
    """Partitions that can hold a month's rows, neighbours included: in another zone a month begins at another time."""
    names = sorted(name for name in record.partitions if name)
    if not record.partition_by or not all(_A_MONTH.fullmatch(name) for name in names):
        return None
    place = _number(month)
    return [name for name in names if abs(_number(name) - place) <= 1]


def _without_outcome(
    made: pl.LazyFrame, happened: pl.LazyFrame, key: Sequence[str], target: str
) -> pl.LazyFrame:
    types = made.collect_schema()
    unknown = happened.filter(pl.col(target).cast(pl.Float64).fill_nan(None).is_null())
    rows = unknown.select(pl.col(name).cast(types[name]) for name in key)
    return made.join(rows, on=list(key), how="semi")


def _number(month: str) -> int:
    year, _, within = month.partition("-")
    return 12 * int(year) + int(within)
