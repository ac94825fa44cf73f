"""The step of predictions: score, keep earlier predictions, publish."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from mesh_pipelines.declaring.load import model_spec
from mesh_pipelines.declaring.node import LoadedDomain, Node, PredictionsNode
from mesh_pipelines.errors import NotPublished
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.publishing.candidate import Candidate, as_rows
from mesh_pipelines.publishing.record import Scoring
from mesh_pipelines.shared import SharedResources, shared_resources
from mesh_pipelines.steps.context import Produce

if TYPE_CHECKING:
    from mesh_pipelines.declaring.model_spec import ModelSpec
    from mesh_pipelines.modeling.version import LoadedModel
    from mesh_pipelines.planning.judgement import Changes


def prediction_step(node: PredictionsNode, domain: LoadedDomain) -> Produce:
    """The step of predictions."""
    declared, model = node.declared, node.model_key

    def step(context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        from mesh_pipelines.planning.judge import judge
        from mesh_pipelines.planning.lookup import facts_for_step
        from mesh_pipelines.steps.context import domain_call, only_if_stale, reads_of
        from mesh_pipelines.steps.publish import audit_and_publish, unchanged_output

        shared, spec = shared_resources(), model_spec(node, domain.by_key)
        reads = reads_of(context)
        features = reads[spec.features]
        facts = facts_for_step(domain.by_key, shared, [features.table])
        number, before = facts.of_model(model).champion, facts.of(node.key)
        if not number:
            raise NotPublished("there is no champion yet", where=model, remedy=f"mesh run {model}")
        found = judge(node, facts)
        if only_if_stale(context) and before and not found.reasons:
            yield unchanged_output(before)
            return
        begun = time.perf_counter()
        champion = registry_of(shared).version(model, number)
        loaded = registry_of(shared).read(champion)
        keep = before is not None and not found.changes.code
        start = _first_moment(found.changes, loaded) if keep else None
        with shared.lake.reading(spec.features):
            scores = _scores(spec, inputs["features"], loaded, declared.history, start)
        with domain_call(node):
            rows = as_rows(declared(scores.frame), node.key)
        spent = time.perf_counter() - begun
        candidate = Candidate(
            _with_kept(shared, node, rows) if keep else rows,
            scoring=Scoring(champion.version, tuple(scores.models), scores.unseen, features.partitions),
        )
        yield from audit_and_publish(node, context, shared, candidate, reads, spent)

    return step


def _scores(
    spec: ModelSpec, frame: pl.LazyFrame, champion: LoadedModel, history: str, start: datetime | None
) -> Any:
    """Scores of rows that no scoring model was trained on: from ``start`` on, or of all of them."""
    from mesh_pipelines.modeling.scoring import score_history

    dated = frame.collect_schema()[spec.time] == pl.Date
    since = start.date() if start is not None and dated else start
    return score_history(spec, frame, champion, since=since, backcast=history == "walk_forward")


def _with_kept(shared: SharedResources, node: Node, rows: pl.LazyFrame) -> pl.LazyFrame:
    """New predictions beside the earlier ones, which stay unless they are made anew."""
    assert node.contract is not None
    columns = list(node.contract.dtypes)
    new = rows.select(columns).with_columns(
        pl.col(name).cast(dtype) for name, dtype in node.contract.dtypes.items()
    )
    new = new.collect(engine="streaming").lazy()
    kept = shared.lake.scan(node.key).select(columns).join(new, on=list(node.contract.key), how="anti")
    return pl.concat([kept, new])


def _first_moment(changes: Changes, champion: LoadedModel) -> datetime:
    moments = [datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC) for name in changes.partitions[:1]]
    if changes.champion or not moments:
        moments.append(_utc(champion.record.split.train_until))
    return min(moments)


def _utc(moment: Any) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
