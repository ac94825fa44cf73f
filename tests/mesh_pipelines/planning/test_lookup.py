"""Where the planner's facts come from, asked of real stores."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.monitoring.checks import INPUT_DRIFT
from mesh_pipelines.monitoring.findings import ColumnDrift, Watched
from mesh_pipelines.planning import lookup
from mesh_pipelines.planning.facts import ModelFacts
from mesh_pipelines.planning.lookup import all_model_facts, facts_of
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import small_domain
from resources import registry_rows
from tests.mesh_pipelines.conftest import Machines

FORECAST = dg.AssetKey(["machines", "repair_forecast"])


def tell(instance: dg.DagsterInstance, found: Watched, *, as_text: bool = False) -> None:
    """Let the watch on the forecast have found this; ``as_text``: long ago."""
    metadata = {"facts": json.dumps(found.to_dict()) if as_text else found.to_dict()}
    evaluation = dg.AssetCheckEvaluation(
        asset_key=FORECAST, check_name=INPUT_DRIFT, passed=False, metadata=metadata
    )
    instance.report_runless_asset_event(evaluation)


def test_drift_is_what_the_watch_found_on_this_content_of_the_champion(tmp_path: Path) -> None:
    """What it found on other content, or of another version, is no reason; nor is what nobody has looked at."""
    moved = (ColumnDrift("temperature", 0.4, 0.3, 5000, 0.0, 0.0),)
    with small_domain(tmp_path) as mesh, dg.DagsterInstance.ephemeral() as instance:
        node = mesh.node("machines.repair")

        def drift(content: str) -> str | None:
            return facts_of(mesh.nodes, shared_resources(), instance=lambda: instance).drift(node, content)

        assert drift("content") is None
        tell(
            instance, Watched("repair@0", "content", inputs=moved)
        )  # nothing is registered: 0 is the champion
        assert drift("content") == "inputs drifted: temperature (PSI 0.40 > 0.25)"
        assert drift("other content") is None
        tell(instance, Watched("repair@0", "content of before", inputs=moved), as_text=True)
        assert drift("content of before") == "inputs drifted: temperature (PSI 0.40 > 0.25)"
        tell(instance, Watched("repair@7", "content", inputs=moved))
        assert drift("content") is None
        without = facts_of(mesh.nodes, shared_resources())
        assert without.drift(node, "content") is None


def test_the_registry_is_asked_again_only_when_its_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before there is one, it is not made; a look at an idle one costs the look at a file."""
    from mesh_pipelines.modeling.registry import Registry

    with small_domain(tmp_path) as mesh:
        assert all_model_facts(shared_resources(), mesh.nodes) == {}
        assert not (tmp_path / ".mesh" / "mlflow").exists()
        client = registry_of(shared_resources()).client
        client.create_registered_model("machines.repair")
        client.create_model_version("machines.repair", "file:///nowhere", tags={"gate": "promoted"})
        monkeypatch.setattr(lookup, "_TICK", 0.0)
        asked: list[int] = []
        standing = Registry.standing
        monkeypatch.setattr(Registry, "standing", lambda self: asked.append(1) or standing(self))
        known = ModelFacts(latest=1, decided=1)
        assert all_model_facts(shared_resources(), mesh.nodes) == {"machines.repair": known}
        assert all_model_facts(shared_resources(), mesh.nodes) == {"machines.repair": known}
        assert len(asked) == 1
        client.set_registered_model_alias("machines.repair", "champion", "1")
        assert all_model_facts(shared_resources(), mesh.nodes)["machines.repair"].champion == 1
        assert len(asked) == 2


def test_facts_are_the_same_where_mlflow_has_to_be_asked(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry of tables that are not known here tells of a champion all that one read directly does."""
    with machines.inside() as mesh:
        registry = registry_of(shared_resources())
        read = (
            all_model_facts(shared_resources(), mesh.nodes),
            registry.standing(),
            registry.versions("machines.repair"),
        )
        assert read[0]["machines.repair"].champion == 1
        monkeypatch.setattr(registry_rows, "REVISION", "of another day")
        monkeypatch.setattr(lookup, "_seen", {})
        assert read == (
            all_model_facts(shared_resources(), mesh.nodes),
            registry.standing(),
            registry.versions("machines.repair"),
        )
