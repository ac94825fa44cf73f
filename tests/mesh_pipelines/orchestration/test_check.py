"""`mesh check`: all violations of a workspace in one list, whichever part finds them."""

from __future__ import annotations

from contextlib import chdir

import pytest

from mesh_pipelines.orchestration.check import Checked, check_mesh, examine_mesh
from tests.mesh_pipelines.small_domains import World, promise
from tests.mesh_pipelines.three_domains import write_three_domains

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
TWICE = """
import dagster as dg

nightly, weekly = (dg.ScheduleDefinition("dear", cron_schedule=c, target="*") for c in ("0 3 * * *", "0 3 * * 0"))
"""
RATES = """
@data_product
def rates() -> pl.LazyFrame:
    return pl.LazyFrame({"id": [1]})
"""


def test_a_sound_workspace_has_no_violation(world: World) -> None:
    """Its functions are planned too: what could not be planned would be noted."""
    write_three_domains(world)
    assert examine_mesh(world.root) == Checked(())
    assert check_mesh(world.root) == []


def test_an_empty_workspace_is_sound(world: World) -> None:
    """Without a domain there is nothing to hold against a rule."""
    assert check_mesh(world.root) == []


def test_the_nearest_workspace_upwards_is_examined(world: World) -> None:
    """From any folder below it, as all commands have it."""
    world.write("broken", products="import nonsense_of_mine\n")
    with chdir(world.root / "domains" / "broken"):
        assert [found.rule for found in check_mesh()] == ["DomainLoads"]


def test_what_dagster_refuses_is_a_violation_of_its_domain(world: World) -> None:
    """Beside those of others; a domain that breaks rules by itself is not built on top of that."""
    world.write("bank", promise("bank", "rates", {"id": "integer"}), products=RATES, jobs=TWICE)
    world.write("shop", products=RATES.replace("rates", "orders"), jobs=TWICE)
    found = {violation.rule: violation for violation in check_mesh(world.root)}
    assert set(found) == {"CodeLocationLoads", "EveryProductHasAContract"}
    refused = found["CodeLocationLoads"]
    assert refused.where == "domains/bank"
    assert "dear" in refused.problem
    assert "dagster definitions validate" in refused.fix
    rules = {violation.rule for violation in check_mesh(world.root, definitions=False)}
    assert rules == {"EveryProductHasAContract"}
