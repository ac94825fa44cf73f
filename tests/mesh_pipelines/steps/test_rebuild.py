"""Training a version again from its record, on a model that the mesh itself has made."""

from __future__ import annotations

import dagster as dg
import pytest

from mesh_pipelines.declaring.node import ModelNode
from mesh_pipelines.errors import NotPublished, SelectionError
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.orchestration.model_requests import rebuild
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.rebuild import CHECK, rebuild_check, rebuild_version
from tests.mesh_pipelines.conftest import Machines

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning"),
]
KEY = "machines.repair"


def test_a_champion_is_rebuilt_bit_for_bit(machines: Machines) -> None:
    """``mesh rebuild`` trains it again to the same bytes, and the model's page in Dagster shows it as a check."""
    with machines.inside():
        report = rebuild(KEY, 1)
        champion = registry_of(shared_resources()).champion(KEY)
        assert champion is not None
        assert report.same
        assert report.recorded == report.rebuilt == champion.sha256
        key = dg.AssetCheckKey(dg.AssetKey(KEY.split(".")), CHECK)
        [record] = dagster_instance(shared_resources()).event_log_storage.get_asset_check_execution_history(
            key, limit=1
        )
        assert record.event is not None
        evaluation = record.event.asset_check_evaluation
        assert evaluation is not None
        assert evaluation.passed
        assert evaluation.metadata["rebuilt"].value == champion.sha256


def test_a_person_rebuilds_a_model_from_its_page(machines: Machines) -> None:
    """The check, executed in Dagster, trains the newest version again; where there is none it says so."""
    with machines.inside() as mesh:
        instance, checks = dagster_instance(shared_resources()), dg.AssetSelection.all_asset_checks()
        made = dg.materialize([rebuild_check(mesh.nodes[KEY])], selection=checks, instance=instance)
        [check] = made.get_asset_check_evaluations()
        assert check.passed
        assert check.metadata["rebuilt"].value == check.metadata["recorded"].value
        untrained = rebuild_check(ModelNode("machines", "untrained"))
        with pytest.raises(NotPublished, match="no version was ever trained"):
            dg.materialize([untrained], selection=checks, instance=instance)


def test_a_version_that_does_not_exist_is_told_so(machines: Machines) -> None:
    """A version that was never trained is a NotPublished, by its key."""
    with machines.inside(), pytest.raises(NotPublished, match="99"):
        rebuild_version(shared_resources(), KEY, 99)


def test_only_models_are_rebuilt(machines: Machines) -> None:
    """A product's key is answered with what it is."""
    with machines.inside(), pytest.raises(SelectionError, match=r"machines\.readings is a product"):
        rebuild("machines.readings", 1)
