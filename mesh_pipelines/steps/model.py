"""The step of a model: train one version and log it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from mesh_pipelines.declaring.load import model_spec
from mesh_pipelines.declaring.node import LoadedDomain, ModelNode
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.plotting import in_markdown
from mesh_pipelines.publishing.read import Read
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.publishing.slices import with_slice_labels
from mesh_pipelines.publishing.writer import Stopwatch
from mesh_pipelines.shared import SharedResources, shared_resources
from mesh_pipelines.steps.context import Produce
from quality.markup import markdown_cell
from resources.lake.table_version import TableVersion

if TYPE_CHECKING:
    from mesh_pipelines.declaring.model_spec import ModelSpec
    from mesh_pipelines.modeling.training import TrainedModel
    from mesh_pipelines.modeling.version import ModelVersion


just_trained: dict[str, TrainedModel] = {}
"""Models trained in this process and not yet at the gate, by key: mostly the gate is the next step of its run."""


def training_step(node: ModelNode, domain: LoadedDomain) -> Produce:
    """The step of a model."""

    def step(context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        from mesh_pipelines.modeling.logbook import log_model, plots
        from mesh_pipelines.modeling.training import train
        from mesh_pipelines.planning.judge import judge
        from mesh_pipelines.planning.lookup import facts_for_step
        from mesh_pipelines.runtime.preload import MODELS, REGISTRY, TRAINED, preload
        from mesh_pipelines.steps.context import only_if_stale, reads_of
        from resources.tracking import training_run

        shared, watch = shared_resources(), Stopwatch()
        spec = with_slice_labels(model_spec(node, domain.by_key), domain.by_key, shared)
        reads = reads_of(context)
        features = reads[spec.features]
        if only_if_stale(context):
            # What was made ahead of it in this run may not have changed, or not by enough: its own policy decides.
            facts = facts_for_step(domain.by_key, shared, [features.table], lambda: context.instance)
            if not judge(node, facts).reasons:
                latest = registry_of(shared).version(node.key, facts.of_model(node.key).latest)
                yield _kept(latest, "by its policy there is no reason to train it again")
                return
        with training_run(
            shared.tracking,
            model=node.key,
            dagster_run_id=context.run.run_id,
            step=context.get_step_execution_context().step.key,
            log=context.log,
        ) as run:
            preload(REGISTRY, MODELS, TRAINED)
            with watch.phase("train"):
                trained = train(
                    spec,
                    inputs["features"],
                    features=features.table,
                    inputs=_inputs_of(shared, features),
                    code_version=node.version_of_code,
                )
            pictures = plots(spec, trained)
            with watch.phase("write"):
                version = log_model(run, spec, trained, pictures, shared.lake.keyring)
        just_trained[node.key] = trained
        yield dg.Output(
            None,
            "result",
            metadata=_model_metadata(spec, trained, version, pictures, features, watch.seconds),
            data_version=dg.DataVersion(trained.sha256),
        )

    return step


def _model_metadata(
    spec: ModelSpec,
    trained: TrainedModel,
    version: ModelVersion,
    pictures: Mapping[str, bytes],
    features: Read,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    from mesh_pipelines.steps.publish import seconds_of

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
        f"| {part.column} | {markdown_cell(part.value)} | {part.rows:,} | {part.metrics.get(spec.metric, unknown):.4f} "
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


def _kept(version: ModelVersion, why: str) -> dg.Output[None]:
    return dg.Output(
        None,
        "result",
        metadata={"unchanged": why, "version": version.version},
        data_version=dg.DataVersion(version.sha256),
    )


def _inputs_of(shared: SharedResources, features: Read) -> list[TableVersion]:
    return list(PublishRecord.of(shared.lake.record(features.key, features.version)).inputs.values())
