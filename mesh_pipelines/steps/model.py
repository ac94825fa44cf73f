"""What models, champions and predictions do when they run: train and log, judge and promote, score and publish."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from mesh_pipelines.declaring.declarations import PredictionsDeclaration
from mesh_pipelines.declaring.load import LoadedDomain, Node, model_spec
from mesh_pipelines.errors import NotPublished
from mesh_pipelines.orchestration.assets import SHADOW_CHECK, Produce, as_rows, champion_checks
from mesh_pipelines.orchestration.io_manager import Read
from mesh_pipelines.plotting import in_markdown
from mesh_pipelines.publishing.publish import Candidate, Stopwatch
from mesh_pipelines.reporting.reports import WORK_SECONDS
from mesh_pipelines.shared import Platform, platform

if TYPE_CHECKING:
    from mesh_pipelines.declaring.model_spec import ModelSpec
    from mesh_pipelines.modeling.registry import LoadedModel, ModelVersion
    from mesh_pipelines.modeling.training import TrainedModel

_just_trained: dict[str, TrainedModel] = {}
"""What this process trained and has not brought to the gate, by key: mostly the gate is the next step of its run."""


def model_step(node: Node, domain: LoadedDomain) -> Produce:
    """The step of a model, a champion or predictions.

    Args:
        node: what is to be made.
        domain: the domain that owns it.
    """
    match node.stage:
        case "model":
            return _training_step(node, domain)
        case "champion":
            return _gate_step(node, domain)
        case _:
            return _prediction_step(node, domain)


def _training_step(node: Node, domain: LoadedDomain) -> Produce:
    def step(context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        from mesh_pipelines.declaring.mesh import Mesh
        from mesh_pipelines.modeling.logbook import log_model, plots
        from mesh_pipelines.modeling.training import train
        from mesh_pipelines.planning.lookup import facts_of
        from mesh_pipelines.planning.plan import stale
        from mesh_pipelines.runtime.preload import trained_meanwhile
        from mesh_pipelines.steps.transform import only_if_stale, reads_of
        from resources.tracking import training_run

        shared, spec, watch = platform(), model_spec(node, domain.nodes), Stopwatch()
        reads = reads_of(context)
        features = reads[spec.features]
        if only_if_stale(context):
            # What was made ahead of it in this run may not have changed, or not by enough: its own policy decides.
            alone = Mesh(domain.folder.parent.parent, (), {domain.name: domain})
            facts = facts_of(alone, shared, instance=lambda: context.instance)
            if stale(node, facts) is None:
                latest = shared.registry.version(node.key, facts.of_model(node.key).latest)
                yield _kept(latest, "by its policy there is no reason to train it again")
                return
        with training_run(
            shared.tracking,
            model=node.key,
            dagster_run_id=context.run.run_id,
            step=context.get_step_execution_context().step.key,
            log=context.log,
        ) as run:
            with trained_meanwhile(), watch.phase("train"):
                trained = train(
                    spec,
                    inputs["features"],
                    features=_input_version(features),
                    inputs=_inputs_of(shared, features),
                    code_version=node.version_of_code,
                )
            pictures = plots(spec, trained)
            with watch.phase("write"):
                version = log_model(run, spec, trained, pictures)
        _just_trained[node.key] = trained
        yield dg.Output(
            None,
            "result",
            metadata=_model_metadata(spec, trained, version, pictures, features, watch.seconds),
            data_version=dg.DataVersion(trained.sha256),
        )

    return step


def _gate_step(node: Node, domain: LoadedDomain) -> Produce:
    model = domain.nodes[node.inputs[0].key.partition(".")[2]]

    def step(context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        from mesh_pipelines.modeling import shadow
        from mesh_pipelines.modeling.gate import decide, judge
        from mesh_pipelines.steps.transform import reads_of

        begun = time.perf_counter()
        shared, spec = platform(), model_spec(model, domain.nodes)
        registry = shared.registry
        versions = registry.versions(model.key)
        if not versions:
            raise NotPublished("no version was ever trained", where=model.key, remedy=f"mesh run {model.key}")
        latest = versions[-1]
        who = f"gate, run {context.run.run_id[:8]}"
        before = registry.champion(model.key)
        if not latest.gate:
            challenger = registry.read(latest)
            frame = shared.lake.scan(spec.features, version=challenger.record.features.version)
            with shared.lake.reading(spec.features):
                decision = decide(
                    _evaluated(challenger, spec, frame),
                    registry.read(before) if before else None,
                    frame,
                    spec,
                )
            if decision.promote and spec.gate.shadow and before:
                latest = shadow.begin(registry, challenger, decision, spec)
            else:
                latest = judge(registry, latest, decision, who=who)
        hidden, now = registry.in_shadow(model.key), reads_of(context)[spec.features]
        if hidden is not None and hidden.shadow_seen != now.data_version:
            with shared.lake.reading(spec.features, now.version):
                frame = shared.lake.scan(spec.features, version=now.version)
                hidden = shadow.follow(registry, shared.lake, spec, hidden, frame, now.data_version, who=who)
            latest = hidden if hidden.version == latest.version else latest
        decision_of = _decision_of(latest, shared)
        yield from _gate_results(node, decision_of)
        champion = registry.champion(model.key)
        if champion is None:
            raise NotPublished(
                f"version {latest.version} did not pass the gate, and there is no champion before it:\n{latest.reason}",
                where=model.key,
                remedy=f"see mesh show {model.key}; improve the model, or lower its gate's floors in the open",
            )
        yield dg.Output(
            None,
            "result",
            metadata=_champion_metadata(champion, latest, time.perf_counter() - begun),
            data_version=dg.DataVersion(f"{champion.version}-{champion.sha256[:16]}"),
        )

    return step


def _prediction_step(node: Node, domain: LoadedDomain) -> Produce:
    declared = node.declaration
    assert isinstance(declared, PredictionsDeclaration)
    model = domain.nodes[declared.model]

    def step(context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        from mesh_pipelines.steps.transform import calling, gate, only_if_stale, reads_of, unchanged

        shared, spec = platform(), model_spec(model, domain.nodes)
        reads = reads_of(context)
        features = reads[spec.features]
        champion = shared.registry.champion(model.key)
        if champion is None:
            raise NotPublished("there is no champion yet", where=model.key, remedy=f"mesh run {model.key}")
        before = shared.record(node.key)
        made = dict(before.info.get("made_from") or {}) if before else {}
        same_code = before is not None and before.code_version == node.version_of_code
        same_champion = before is not None and before.info.get("champion") == champion.version
        if (
            only_if_stale(context)
            and before
            and same_code
            and same_champion
            and made == dict(features.partitions)
        ):
            yield unchanged(node, before)
            return
        begun = time.perf_counter()
        loaded = shared.registry.read(champion)
        changed = sorted(name for name, content in features.partitions.items() if made.get(name) != content)
        start = _first_moment(changed, loaded, same_champion) if same_code and before else None
        with shared.lake.reading(spec.features):
            scores = _scores(spec, inputs["features"], loaded, declared.history, start)
        with calling(node):
            rows = as_rows(declared(scores.frame), node.key)
        spent = time.perf_counter() - begun
        candidate = Candidate(
            _with_kept(shared, node, rows) if before and same_code else rows,
            info={
                "champion": champion.version,
                "scored by": list(scores.models),
                "unseen": dict(scores.unseen),
                "made_from": dict(features.partitions),
            },
        )
        yield from gate(node, context, shared, candidate, reads, spent)

    return step


def _scores(
    spec: ModelSpec, frame: pl.LazyFrame, champion: LoadedModel, history: str, start: datetime | None
) -> Any:
    """Scores of rows that no scoring model learnt from: from ``start`` on, or of all of them."""
    from mesh_pipelines.modeling.scoring import score_history

    dated = frame.collect_schema()[spec.time] == pl.Date
    since = start.date() if start is not None and dated else start
    return score_history(spec, frame, champion, since=since, backcast=history == "walk_forward")


def _with_kept(shared: Platform, node: Node, rows: pl.LazyFrame) -> pl.LazyFrame:
    """New predictions beside those already made: what was once predicted is kept unless it is predicted anew."""
    assert node.contract is not None
    columns = list(node.contract.dtypes)
    new = rows.select(columns).with_columns(
        pl.col(name).cast(dtype) for name, dtype in node.contract.dtypes.items()
    )
    new = new.collect(engine="streaming").lazy()
    kept = shared.lake.scan(node.key).select(columns).join(new, on=list(node.contract.key), how="anti")
    return pl.concat([kept, new])


def _first_moment(changed: list[str], champion: LoadedModel, same_champion: bool) -> datetime:
    moments = [datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC) for name in changed[:1]]
    if not same_champion or not moments:
        moments.append(_utc(champion.record.split.train_until))
    return min(moments)


def _utc(moment: Any) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _evaluated(model: LoadedModel, spec: ModelSpec, frame: pl.LazyFrame) -> TrainedModel:
    """A registered version as it was judged on its own holdout when it was trained: remembered, or judged again."""
    from mesh_pipelines.modeling.training import assess

    known = _just_trained.pop(model.version.key, None)
    if known and known.record.to_json() == model.record.to_json() and known.record.spec_digest == spec.digest:
        return known
    return assess(spec, frame, model.model, model.record)


def _decision_of(version: ModelVersion, shared: Platform) -> dict[str, Any]:
    tags = shared.registry.client.get_model_version(version.key, str(version.version)).tags
    return json.loads(tags.get("gate_decision") or '{"reasons": []}')


def _gate_results(node: Node, decision: Mapping[str, Any]) -> Iterator[dg.AssetCheckResult]:
    kinds = [check.name for check in champion_checks(node)]
    groups: dict[str, list[Mapping[str, Any]]] = {name: [] for name in kinds}
    for check in decision["reasons"]:
        name = str(check["name"])
        group = (
            "floors"
            if name.startswith("floor_")
            else "no_slice_left_behind"
            if name.startswith("slice_")
            else SHADOW_CHECK.name
            if name.startswith("shadow")
            else name
        )
        groups.setdefault(group, []).append(check)
    for name in kinds:
        found = groups[name]
        metadata: dict[str, Any] = {}
        for check in found:
            metadata |= {
                k: float(check[v])
                for k, v in ((check["name"], "value"), (f"{check['name']} bound", "bound"))
                if check[v] is not None
            }
        yield dg.AssetCheckResult(
            check_name=name,
            asset_key=dg.AssetKey(node.key.split(".")),
            passed=all(check["passed"] for check in found),
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(str(check["text"]) for check in found) or "nothing to compare with yet",
            metadata=metadata,
        )


def _model_metadata(
    spec: ModelSpec,
    trained: TrainedModel,
    version: ModelVersion,
    pictures: Mapping[str, bytes],
    features: Read,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    from mesh_pipelines.steps.transform import seconds_of

    metadata: dict[str, Any] = {
        "version": version.version,
        "sha256": trained.sha256,
        "mlflow run": version.run_id,
        "trained on": f"{features.key}@{features.version}",
        "rows": trained.record.split.train_rows,
        "judged on rows": trained.record.split.holdout_rows,
        **seconds_of(seconds),
    }
    metadata |= {name: round(float(value), 6) for name, value in trained.metrics.items()}
    metadata |= {f"baseline {name}": round(float(value), 6) for name, value in trained.baseline.items()}
    unknown = float("nan")
    rows = [
        f"| {part.column} | {part.value} | {part.rows:,} | {part.metrics.get(spec.metric, unknown):.4f} "
        f"| {part.baseline.get(spec.metric, unknown):.4f} |"
        for part in trained.slices
    ]
    if rows:
        table = [f"| slice | | rows | {spec.metric} | baseline |", "|---|---|--:|--:|--:|", *rows]
        metadata["slices"] = dg.MetadataValue.md("\n".join(table))
    for name, svg in pictures.items():
        shown = name.removesuffix(".svg")
        metadata[shown] = dg.MetadataValue.md(in_markdown(svg, shown))
    return metadata


def _champion_metadata(champion: ModelVersion, latest: ModelVersion, seconds: float) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "champion": champion.label,
        "trained at": str(champion.trained_at),
        "sha256": champion.sha256,
        WORK_SECONDS: seconds,
        "gate": dg.MetadataValue.md(
            f"**{latest.label} was {latest.gate}**\n\n"
            + "\n".join(f"- {line}" for line in latest.reason.splitlines())
        ),
    }
    return metadata | {name: float(value) for name, value in champion.metrics.items()}


def _kept(version: ModelVersion, why: str) -> dg.Output[None]:
    return dg.Output(
        None,
        "result",
        metadata={"unchanged": why, "version": version.version},
        data_version=dg.DataVersion(version.sha256),
    )


def _input_version(read: Read) -> Any:
    from mesh_pipelines.modeling.record import InputVersion

    return InputVersion(read.key, read.version, read.data_version)


def _inputs_of(shared: Platform, features: Read) -> list[Any]:
    """What the feature set itself was made from, as its own publish record says."""
    from mesh_pipelines.modeling.record import InputVersion

    record = shared.lake.record(features.key, features.version)
    return [
        InputVersion(key, given["version"], given["data_version"])
        for key, given in (record.info.get("inputs") or {}).items()
    ]
