"""Scores with the model that gave them, never from a model that was trained on the row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.modeling.matrix import BATCH_ROWS, FeatureSchema, learn_schema
from mesh_pipelines.modeling.prediction import load_booster, predict
from mesh_pipelines.modeling.split import Moment, labelled, moment, offset
from mesh_pipelines.modeling.training import fit
from mesh_pipelines.modeling.version import LoadedModel

SCORE = "score"
MODEL_VERSION = "model_version"
_MONTH = "1mo"


@dataclass(frozen=True)
class Scores:
    """Rows with ``score`` (Float64) and ``model_version`` (String), read again each time they are collected.

    ``unseen`` has, by text feature, the number of values that were not in the training data, taken as missing.
    """

    frame: pl.LazyFrame = field(repr=False)
    rows: int
    unseen: Mapping[str, int]
    models: tuple[str, ...]


@dataclass(frozen=True)
class Scorer:
    """One model (bytes of model.ubj), its label, e.g. ``low_visibility@3``, and the rows that it may score."""

    label: str
    model: bytes = field(repr=False)
    schema: FeatureSchema = field(repr=False)
    rows: pl.Expr | None = field(default=None, repr=False)


def score(model: LoadedModel, frame: pl.LazyFrame, *, batch_rows: int = BATCH_ROWS) -> Scores:
    """Score every row with one registered model; TransformError if a feature is missing or of another kind.

    The model may have been trained on some of the rows: where that matters use ``score_history``, or filter
    ``time > model.record.split.train_until`` first.
    """
    return score_with([Scorer(model.label, model.model, model.record.schema)], frame, batch_rows=batch_rows)


def score_history(
    spec: ModelSpec,
    frame: pl.LazyFrame,
    champion: LoadedModel,
    *,
    since: Moment | None = None,
    backcast: bool = True,
    batch_rows: int = BATCH_ROWS,
) -> Scores:
    """Scores for all of history: the champion's for rows it was not trained on, walk-forward ones for earlier rows.

    Rows of the first month, for which there is nothing to train on, are left out, and those before ``since``, which
    are still trained on.
    """
    seen = champion.record.split.train_until
    scorers: list[Scorer] = []
    if backcast:
        scorers = walk_forward_scorers(spec, frame, until=seen, label=champion.label, since=since)
    time = pl.col(spec.time)
    fresh = time > moment(seen, frame, spec.time)
    now = Scorer(champion.label, champion.model, champion.record.schema, fresh)
    wanted = frame if since is None else frame.filter(time >= moment(since, frame, spec.time))
    if not backcast:
        wanted = wanted.filter(fresh)  # most of a long history is not scored, and not read
    return score_with([*scorers, now], wanted, batch_rows=batch_rows)


def walk_forward(
    spec: ModelSpec,
    frame: pl.LazyFrame,
    *,
    until: Moment,
    label: str,
    since: Moment | None = None,
) -> Scores:
    """Score each calendar month up to ``until`` by a model that was trained on earlier months only.

    Later rows are left to the champion; months that end before ``since`` are left out. A month's model is called
    ``low_visibility@3/2013-05``.
    """
    scorers = walk_forward_scorers(spec, frame, until=until, label=label, since=since)
    return score_with(scorers, frame)


def walk_forward_scorers(
    spec: ModelSpec,
    frame: pl.LazyFrame,
    *,
    until: Moment,
    label: str,
    since: Moment | None = None,
) -> list[Scorer]:
    """One model for each month that has earlier rows to train on; the embargo of the spec is kept."""
    scorers: list[Scorer] = []
    time, truth = pl.col(spec.time), pl.col(spec.target).cast(pl.Float64)
    history = labelled(frame, spec.target)
    for start, end in _months(spec, frame, until):
        if since is not None and end <= since:
            continue
        known_by = offset(start, f"-{spec.embargo}") if spec.embargo else start
        past = history.filter(time < moment(known_by, frame, spec.time))
        bounds = past.select(pl.len(), truth.min().alias("least"), truth.max().alias("most"))
        rows, least, most = bounds.collect(engine="streaming").row(0)
        if not rows or least == most:
            continue
        schema = learn_schema(spec, past)
        model, _ = fit(
            past,
            schema,
            spec.target,
            spec.booster_params,
            spec.rounds,
            rows=rows,
            max_memory=spec.max_memory,
        )
        bounds = [moment(value, frame, spec.time) for value in (start, end, until)]
        in_month = (time >= bounds[0]) & (time < bounds[1]) & (time <= bounds[2])
        scorers.append(Scorer(f"{label}/{start:%Y-%m}", model, schema, in_month))
    return scorers


def score_with(scorers: Sequence[Scorer], frame: pl.LazyFrame, *, batch_rows: int = BATCH_ROWS) -> Scores:
    """Score each row by the one scorer whose condition it meets (at most one); rows that meet none are left out.

    One pass over the rows in bounded batches; only the scores (ten bytes a row) are held, and joined to the rows when
    the result is collected. So ``frame`` must give its rows in the same order each time, as stored rows do.
    """
    for scorer in scorers:
        scorer.schema.check(frame.collect_schema(), f"model {scorer.label}")
    boosters = [load_booster(scorer.model) for scorer in scorers]
    unseen: dict[str, int] = {}
    parts: list[pl.DataFrame] = []
    for batch in frame.collect_batches(chunk_size=batch_rows, maintain_order=True, lazy=True):
        scores = np.full(batch.height, np.nan)
        codes = np.full(batch.height, -1, dtype=np.int16)
        for code, (scorer, booster) in enumerate(zip(scorers, boosters, strict=True)):
            positions = _rows_of(scorer, batch)
            if not len(positions):
                continue
            rows = batch if len(positions) == batch.height else batch[positions]
            scores[positions] = predict(booster, scorer.schema, rows).to_numpy()
            codes[positions] = code
            for name, count in _unseen(scorer, rows).items():
                unseen[name] = unseen.get(name, 0) + count
        parts.append(pl.DataFrame({SCORE: scores, MODEL_VERSION: codes}))
    empty = pl.DataFrame(schema={SCORE: pl.Float64, MODEL_VERSION: pl.Int16})
    found = pl.concat([empty, *parts], rechunk=True)
    code = pl.col(MODEL_VERSION)
    used = found.filter(code >= 0).get_column(MODEL_VERSION).unique().sort().to_list()
    names = {index: scorers[index].label for index in used}
    scored = (
        pl.concat([frame, found.lazy()], how="horizontal")
        .filter(code >= 0)
        .with_columns(code.replace_strict(names, default=None, return_dtype=pl.String))
    )
    return Scores(scored, found.select((code >= 0).sum()).item(), unseen, tuple(names.values()))


def _rows_of(scorer: Scorer, batch: pl.DataFrame) -> np.ndarray:
    if scorer.rows is None:
        return np.arange(batch.height)
    return batch.select(scorer.rows.fill_null(False).arg_true()).to_series().to_numpy()


def _months(spec: ModelSpec, frame: pl.LazyFrame, until: Moment) -> Iterator[tuple[Moment, Moment]]:
    first = frame.select(pl.col(spec.time).min().dt.truncate(_MONTH)).collect(engine="streaming").item()
    while first is not None and first <= until:
        following = offset(first, _MONTH)
        yield first, following
        first = following


def _unseen(scorer: Scorer, rows: pl.DataFrame) -> dict[str, int]:
    if not scorer.schema.categories:
        return {}
    return {
        name: count for name, count in rows.select(scorer.schema.unseen()).row(0, named=True).items() if count
    }
