"""A holdout that takes all the data that contracts allow is refused before the run."""

from __future__ import annotations

import pytest

from mesh_pipelines.orchestration.check import examine_mesh
from tests.mesh_pipelines.governance.rules.test_functions import SOUND
from tests.mesh_pipelines.small_domains import PROFILE, World, promise

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")
READINGS = {"machine": "string", "day": "date", "heat": "number", "parts": "integer", "broke": "boolean"}


def told(world: World, options: str, until: str) -> list[str]:
    """Violations of a model whose only source has the months from January 2013 on."""
    raw = promise("plant", "readings_raw", READINGS, partitions="2013-01", until=until)
    modules = SOUND | {"sources": 'readings_raw = source("readings-{month}.csv")\n'}
    modules["models"] = (
        modules["models"].partition("@predictions")[0].replace("rounds=5", f"rounds=5, {options}")
    )
    world.write("plant", raw, promise("plant", "readings", READINGS), profile=PROFILE, package="", **modules)
    return [str(found) for found in examine_mesh(world.root, definitions=False).violations]


def test_a_holdout_as_long_as_all_data_is_refused(world: World) -> None:
    """With what there is, what is needed, and the remedy."""
    [found] = told(world, 'holdout="2mo", embargo="1w"', "2013-02")
    for words in (
        "models.py",
        "holdout=2mo and embargo=1w need 69 days",
        "its sources hold 59 days by their contracts",
        "[HistoriesAreLongEnough]",
        "declare shorter ones, or a later `until`",
    ):
        assert words in found, found


@pytest.mark.parametrize(("options", "until"), [('holdout="30d"', "2013-02"), ('holdout="90y"', "")])
def test_a_holdout_that_data_may_exceed_is_let_be(world: World, options: str, until: str) -> None:
    """Without a last month nothing is known before the run, whose own error says what it has and needs."""
    assert told(world, options, until) == []
