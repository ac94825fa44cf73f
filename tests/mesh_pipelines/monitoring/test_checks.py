"""The checks on a model in use: a real domain, its lake, its registry and Dagster, while the world changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import PredictionsNode
from mesh_pipelines.declaring.watch import Watch
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.monitoring import watching
from mesh_pipelines.monitoring.checks import (
    INPUT_DRIFT,
    LIVE_PERFORMANCE,
    PREDICTION_DRIFT,
    latest_findings,
    monitor_checks,
)
from mesh_pipelines.monitoring.policy import drift_reason
from mesh_pipelines.monitoring.watching import PROFILE, Snapshot
from mesh_pipelines.orchestration.run import run
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import small_domain
from resources.settings import get_settings

KEY = "machines.repair_forecast"
WATCH = Watch(min_rows=200, max_metric_drop=0.1)


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mesh]:
    """The domain that `mesh new domain` writes, with bounds for so few rows."""
    with small_domain(tmp_path) as mesh:
        monkeypatch.setattr(watching, "watch_of", lambda _: WATCH)
        yield mesh


def look(mesh: Mesh, instance: dg.DagsterInstance) -> dict[str, Any]:
    """Run the checks in Dagster, as its own job would."""
    checks = monitor_checks(mesh.node(KEY), mesh.domains["machines"])
    definitions = dg.Definitions(
        assets=[dg.AssetSpec(KEY.split("."))],
        asset_checks=checks,
        jobs=[dg.define_asset_job("watch", selection=dg.AssetSelection.checks(*checks))],
    )
    done = definitions.resolve_job_def("watch").execute_in_process(instance=instance)
    assert done.success
    return {found.check_name: found for found in done.get_asset_check_evaluations()}


def world_turns(rows: pl.DataFrame) -> pl.DataFrame:
    """Three more months in which the machines run hot, and a hot machine is not the one to need repair."""
    later = rows.with_columns(pl.col("day") + pl.duration(days=90))
    return pl.concat([rows, later.with_columns(pl.col("temperature") + 15, repaired=~pl.col("repaired"))])


def test_only_predictions_are_watched(mesh: Mesh) -> None:
    """Three checks that block nothing, on the predictions and on nothing else."""
    domain = mesh.domains["machines"]
    made = {key: monitor_checks(node, domain) for key, node in mesh.nodes.items()}
    assert [key for key, checks in made.items() if checks] == [KEY]
    specs = list(made[KEY][0].check_specs)
    assert {spec.name for spec in specs} == {INPUT_DRIFT, PREDICTION_DRIFT, LIVE_PERFORMANCE}
    assert not any(spec.blocking for spec in specs)


def test_before_anything_is_predicted_there_is_nothing_to_say(mesh: Mesh) -> None:
    """The checks pass, say so, and leave no finding."""
    with dg.DagsterInstance.ephemeral() as instance:
        found = look(mesh, instance)
        assert all(check.passed for check in found.values())
        assert found[INPUT_DRIFT].description == "nothing to compare yet: there are no predictions"
        assert latest_findings(instance, [KEY]) == {}


@pytest.mark.slow
def test_a_model_is_watched_while_the_world_changes(mesh: Mesh) -> None:
    """At first all is well; then inputs, predictions and performance go: each is told, and a policy knows."""
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(mesh=mesh).ok
        champion = registry_of(shared_resources()).champion("machines.repair")
        assert champion is not None
        found = look(mesh, instance)
        assert found[LIVE_PERFORMANCE].passed
        assert (
            found[LIVE_PERFORMANCE].description == "too few outcomes have come in since repair@1 was judged"
        )
        watched = latest_findings(instance, [KEY, "machines.unknown"])
        assert list(watched) == [KEY]
        assert watched[KEY].model == "repair@1"
        assert {column.column for column in watched[KEY].inputs} >= {
            "machine",
            "temperature",
            "vibration_week",
        }

        # What the product says of the holdout is what training said of it: every row met its own outcome.
        forecast = mesh.node(KEY)
        assert isinstance(forecast, PredictionsNode)
        begun = Snapshot.at(shared_resources(), forecast, mesh.domains["machines"])
        assert begun is not None
        (held,) = [entry for entry in begun.live().holdout if not entry.column]
        assert held.metrics == pytest.approx(champion.metrics)

        registry_of(shared_resources()).pin(
            "machines.repair", who="a test", because="the same model is to be watched"
        )
        file = get_settings().landing_folder / "machines" / "readings.csv"
        world_turns(pl.read_csv(file, try_parse_dates=True)).write_csv(file)
        assert run(mesh=mesh).ok
        found = look(mesh, instance)
        for check in found.values():
            assert not check.passed
            assert check.severity == dg.AssetCheckSeverity.WARN
            assert check.metadata["plot"].value.startswith("![plot](data:image/svg+xml;base64,")
        figures = found[INPUT_DRIFT].metadata
        assert isinstance(figures["max psi"].value, float)
        assert figures["psi temperature"].value > WATCH.max_psi
        assert "psi machine" not in figures or figures["psi machine"].value < WATCH.max_psi
        assert found[LIVE_PERFORMANCE].metadata["drop since holdout"].value > WATCH.max_metric_drop
        watched = latest_findings(instance, [KEY])
        reason = drift_reason(WATCH, watched[KEY], champion.label)
        assert reason is not None
        assert "inputs drifted: " in reason
        assert "worse than it was: auc " in reason
        assert drift_reason(WATCH, watched[KEY], "repair@2") is None

        # The reference is kept encrypted, and what is gone is told as a warning, not as a failed run.
        record = shared_resources().lake.record("machines.repair" + PROFILE)
        assert record.classification["profile"] == "internal"
        again = look(mesh, instance)
        assert again[INPUT_DRIFT].metadata["facts"] == found[INPUT_DRIFT].metadata["facts"]
        for part in shared_resources().lake.head("machines.repair_features").files:
            (Path(get_settings().lake_uri) / part.name).unlink()
        broken = look(mesh, instance)
        assert all("could not be looked at" in str(check.description) for check in broken.values())
