"""The step of a champion: the gate between the newest version and the one in use."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from mesh_pipelines.dagster_names import WORK_SECONDS, asset_key
from mesh_pipelines.declaring.load import model_spec
from mesh_pipelines.declaring.node import ChampionNode, LoadedDomain, Node
from mesh_pipelines.errors import NotPublished
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.publishing.slices import with_slice_labels
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.checks import SHADOW_CHECK, champion_checks
from mesh_pipelines.steps.context import Produce
from mesh_pipelines.steps.model import just_trained
from quality.markup import markdown_cell

if TYPE_CHECKING:
    from mesh_pipelines.declaring.model_spec import ModelSpec
    from mesh_pipelines.modeling.gate_decision import GateCheck, GateDecision
    from mesh_pipelines.modeling.training import TrainedModel
    from mesh_pipelines.modeling.version import LoadedModel, ModelVersion


def gate_step(node: ChampionNode, domain: LoadedDomain) -> Produce:
    """The step of a champion."""
    model = node.model_key

    def step(context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        from mesh_pipelines.modeling import shadow
        from mesh_pipelines.modeling.promotion import bring_to_gate, carry_out
        from mesh_pipelines.planning.judge import judge
        from mesh_pipelines.planning.lookup import facts_for_step
        from mesh_pipelines.steps.context import reads_of

        begun = time.perf_counter()
        shared = shared_resources()
        spec = with_slice_labels(model_spec(node, domain.by_key), domain.by_key, shared)
        registry, now = registry_of(shared), reads_of(context)[spec.features]
        facts = facts_for_step(domain.by_key, shared, [now.table])
        number, changes = facts.of_model(model).latest, judge(node, facts).changes
        if not number:
            raise NotPublished("no version was ever trained", where=model, remedy=f"mesh run {model}")
        latest, begins = registry.version(model, number), False
        who = f"gate, run {context.run.run_id[:8]}"
        before = registry.champion(model)
        if changes.awaits_gate:
            challenger = registry.read(latest)
            frame = shared.lake.scan(spec.features, version=challenger.record.features.version)
            with shared.lake.reading(spec.features):
                decision = bring_to_gate(
                    _evaluation_of(challenger, spec, frame),
                    registry.read(before) if before else None,
                    frame,
                    spec,
                )
            begins = bool(decision.promote and spec.gate.shadow and before)
            if begins:
                latest = shadow.begin(registry, challenger, decision, spec)
            else:
                latest = carry_out(registry, latest, decision, who=who)
        hidden = registry.in_shadow(model)
        if hidden is not None and (begins or changes.shadow):
            with shared.lake.reading(spec.features, now.version):
                frame = shared.lake.scan(spec.features, version=now.version)
                hidden = shadow.follow(registry, shared.lake, spec, hidden, frame, now.data_version, who=who)
            latest = hidden if hidden.version == latest.version else latest
        yield from _gate_results(node, latest.decision)
        champion = registry.champion(model)
        if champion is None:
            raise NotPublished(
                f"version {latest.version} did not pass the gate, and there is no champion before it:\n{latest.reason}",
                where=model,
                remedy=f"see mesh show {model}; improve the model, or lower its gate's floors in the open",
            )
        yield dg.Output(
            None,
            "result",
            metadata=_champion_metadata(champion, latest, time.perf_counter() - begun),
            data_version=dg.DataVersion(f"{champion.version}-{champion.sha256[:16]}"),
        )

    return step


def _evaluation_of(model: LoadedModel, spec: ModelSpec, frame: pl.LazyFrame) -> TrainedModel:
    """A registered version with its holdout evaluation: this process's own from training, or made again."""
    from mesh_pipelines.modeling.training import assess

    known = just_trained.pop(model.version.key, None)
    if known and known.record.to_json() == model.record.to_json() and known.record.spec_digest == spec.digest:
        return known
    return assess(spec, frame, model.model, model.record)


def _gate_results(node: Node, decision: GateDecision | None) -> Iterator[dg.AssetCheckResult]:
    kinds = [check.name for check in champion_checks(node)]
    groups: dict[str, list[GateCheck]] = {name: [] for name in kinds}
    for check in decision.reasons if decision else ():
        name = check.name
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
            figures = {check.name: check.value, f"{check.name} bound": check.bound}
            metadata |= {name: float(figure) for name, figure in figures.items() if figure is not None}
        yield dg.AssetCheckResult(
            check_name=name,
            asset_key=asset_key(node.key),
            passed=all(check.passed for check in found),
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(check.text for check in found) or "nothing to compare with yet",
            metadata=metadata,
        )


def _champion_metadata(champion: ModelVersion, latest: ModelVersion, seconds: float) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "champion": champion.label,
        "trained at": str(champion.trained_at),
        "sha256": champion.sha256,
        WORK_SECONDS: round(seconds, 2),
        "gate": dg.MetadataValue.md(
            f"**{latest.label} was {latest.gate}**\n\n"
            + "\n".join(f"- {markdown_cell(line)}" for line in latest.reason.splitlines())
        ),
    }
    return metadata | {name: float(value) for name, value in champion.metrics.items()}
