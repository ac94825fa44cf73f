"""Write a trained model into MLflow: parameters, metrics, plots, inputs, record and the model, registered."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.modeling.plots import calibration_plot, importance_plot
from mesh_pipelines.modeling.prediction import load_booster
from mesh_pipelines.modeling.record import Record
from mesh_pipelines.modeling.registry import Registry
from mesh_pipelines.modeling.sealed_record import seal_record
from mesh_pipelines.modeling.training import TrainedModel
from mesh_pipelines.modeling.version import ModelVersion
from resources.lake.table_version import TableVersion
from resources.scratch import temporary_files
from resources.settings import get_settings
from resources.tracking import TrainingRun

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

    from resources.keys.keyring import Keyring

_MLFLOW_TYPES = {"number": "double", "boolean": "boolean", "text": "string"}


def log_model(
    run: TrainingRun, spec: ModelSpec, trained: TrainedModel, pictures: Mapping[str, bytes], keyring: Keyring
) -> ModelVersion:
    """Log a trained model into its run with its ``plots``, and register it as the next version of ``spec.key``.

    The stored ``model.ubj`` has the bytes that were trained; ``Registry.read`` checks it.

    Args:
        keyring: seals the categories in the record.

    Raises:
        TrackingUnavailable: raised by the surrounding ``training_run`` if the store goes away.
    """
    record = trained.record
    run.mlflow.log_params(parameters(spec, record))
    _log_metrics(run, spec, trained)
    _log_inputs(run, record)
    with temporary_files(get_settings().scratch) as folder:
        _write_artifacts(folder, trained, pictures, keyring)
        run.mlflow.log_artifacts(str(folder))
        number = _register(run, spec, trained, folder / "record.json")
    return Registry(run.tracking, keyring).version(spec.key, number)


def parameters(spec: ModelSpec, record: Record) -> dict[str, Any]:
    """The parameters that MLflow shows for a run."""
    return {
        **record.params,
        "rounds": record.rounds,
        "features": record.features.key,
        "features.version": record.features.version,
        "target": record.target,
        "holdout": spec.holdout,
        "embargo": spec.embargo,
        "train_until": record.split.train_until.isoformat(),
        "train_rows": record.split.train_rows,
        "holdout_rows": record.split.holdout_rows,
        "data_digest": record.data_digest,
        "spec_digest": record.spec_digest,
        "code_version": record.code_version,
        "xgboost_version": record.xgboost_version,
        "external_memory": record.external_memory,
    }


def plots(spec: ModelSpec, trained: TrainedModel) -> dict[str, bytes]:
    """Plots by file name, as SVG, for MLflow and the asset's page."""
    return {
        "importance.svg": importance_plot(trained.importances, f"{spec.key}: what it looks at"),
        "calibration.svg": calibration_plot(
            trained.calibration, spec.binary, f"{spec.key}: predicted against actual"
        ),
    }


def signature_of(record: Record) -> ModelSignature:
    """MLflow's signature of a model: the features with their types, one double as output."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    columns: list[ColSpec | TensorSpec] = [
        ColSpec(_MLFLOW_TYPES[kind], name, required=False)
        for name, kind in zip(record.schema.names, record.schema.kinds, strict=True)
    ]
    return ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec("double", "score")]))


def _write_artifacts(
    place: Path, trained: TrainedModel, pictures: Mapping[str, bytes], keyring: Keyring
) -> None:
    (place / "record.json").write_text(seal_record(trained.record, keyring), encoding="utf-8")
    slices = [entry.to_dict() for entry in trained.slices]
    (place / "slices.json").write_text(json.dumps(slices, indent=1, ensure_ascii=False), encoding="utf-8")
    (place / "importance.json").write_text(json.dumps(dict(trained.importances), indent=1), encoding="utf-8")
    (place / "calibration.json").write_text(trained.calibration.write_json(), encoding="utf-8")
    for name, svg in pictures.items():
        (place / name).write_bytes(svg)


def _log_metrics(run: TrainingRun, spec: ModelSpec, trained: TrainedModel) -> None:
    values = {f"holdout.{name}": value for name, value in trained.metrics.items()}
    values |= {f"baseline.{name}": value for name, value in trained.baseline.items()}
    # Slices too small to be judged would drown the others; all of them are in slices.json.
    for entry in trained.slices:
        if entry.rows >= spec.gate.min_slice_rows and spec.metric in entry.metrics:
            values[_metric_name(f"slice.{entry.column}.{entry.value}.{spec.metric}")] = entry.metrics[
                spec.metric
            ]
    run.mlflow.log_metrics(values)


def _metric_name(text: str) -> str:
    return "".join(char if char.isalnum() or char in "_-. /" else "_" for char in text)[:250]


def _log_inputs(run: TrainingRun, record: Record) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    def given(version: TableVersion, context: str) -> DatasetInput:
        source = json.dumps(
            {"key": version.key, "version": version.version, "data_version": version.data_version}
        )
        dataset = Dataset(version.key, (version.data_version or "unknown")[:36], "mesh", source)
        return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])

    inputs = [given(record.features, "training"), *(given(version, "features") for version in record.inputs)]
    run.client.log_inputs(run.run_id, inputs)


def _register(run: TrainingRun, spec: ModelSpec, trained: TrainedModel, record: Path) -> int:
    from mlflow import xgboost as flavor

    # MLflow announces each version on stderr, past every logger.
    with warnings.catch_warnings(action="ignore"), contextlib.redirect_stderr(io.StringIO()):
        info = flavor.log_model(
            load_booster(trained.model),
            name=spec.name,
            signature=signature_of(trained.record),
            # Given, because to infer them MLflow would load the model in another process.
            pip_requirements=[f"xgboost=={trained.record.xgboost_version}"],
            extra_files=[str(record)],
            model_format="ubj",
        )
        # With its tags in one transaction: a version without them, left by a kill, would be trained again.
        made = run.mlflow.register_model(f"models:/{info.model_id}", spec.key, tags=_tags(run, trained))
    return int(made.version)


def _tags(run: TrainingRun, trained: TrainedModel) -> dict[str, str]:
    record = trained.record
    inputs: Mapping[str, Any] = {
        given.key: {"version": given.version, "data_version": given.data_version}
        for given in (record.features, *record.inputs)
    }
    return {
        "sha256": trained.sha256,
        "trained_at": record.trained_at,
        "metrics": json.dumps(dict(trained.metrics)),
        "baseline": json.dumps(dict(trained.baseline)),
        "inputs": json.dumps(inputs),
        "data_digest": record.data_digest,
        "data_until": record.split.holdout_until.isoformat(),
        "spec_digest": record.spec_digest,
        "dagster_run_id": run.client.get_run(run.run_id).data.tags.get("dagster_run_id", ""),
    }
