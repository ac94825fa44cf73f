"""What people decide about a champion, and what they are told when they ask why."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mesh_pipelines import decisions
from mesh_pipelines.errors import GateRefused, NotPublished, SelectionError
from mesh_pipelines.instance import dagster_instance
from mesh_pipelines.platform import platform
from mesh_pipelines.testing import mesh_home, workspace
from mesh_pipelines.why import explain
from tests.mesh_pipelines.conftest import Machines

pytestmark = pytest.mark.slow
KEY = "machines.repair"


@pytest.fixture
def inside(machines: Machines, tmp_path: Path) -> Iterator[Path]:
    """A copy of the machines' workspace, of this test alone."""
    folder = tmp_path / "copy"
    shutil.copytree(machines.folder, folder)
    with mesh_home(folder / ".mesh"), workspace(folder):
        yield folder


def told_in_dagster() -> dict[str, object]:
    """What the champion's page in Dagster says last."""
    event = dagster_instance(platform()).get_latest_materialization_event(
        dg.AssetKey(["machines", "repair_champion"])
    )
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def facts_of_card(key: str, heading: str) -> dict[str, str]:
    """One section of what ``mesh why`` says."""
    return dict(next(section.facts for section in explain(key).sections if section.heading == heading))


@pytest.mark.usefixtures("inside")
def test_a_pinned_champion_is_moved_by_nobody_until_it_is_unpinned() -> None:
    """Each decision stays on record in MLflow and in Dagster, with who and why."""
    decisions.pin(KEY, "audit")
    with pytest.raises(GateRefused, match="audit"):
        decisions.promote(KEY, 1, "impatience")
    assert told_in_dagster()["because"] == "audit"
    decisions.unpin(KEY, "audit is over")
    move = decisions.promote(KEY, 1, "agreed")
    assert (move.to, move.because) == (1, "agreed")
    assert [m.action for m in platform().registry.history(KEY)][-3:] == ["pin", "unpin", "promote"]
    assert told_in_dagster()["because"] == "agreed"
    assert told_in_dagster()["champion"] == "repair@1"


@pytest.mark.usefixtures("inside")
def test_there_is_no_way_back_before_the_first_champion() -> None:
    """A rollback that leads nowhere says so, and moves nothing."""
    with pytest.raises(NotPublished, match="no champion before"):
        decisions.rollback(KEY, "regret")
    champion = platform().registry.champion(KEY)
    assert champion is not None
    assert champion.version == 1


@pytest.mark.usefixtures("inside")
def test_only_models_are_decided_on() -> None:
    """A product's key is answered with what it is."""
    with pytest.raises(SelectionError, match="is a product"):
        decisions.pin("machines.readings", "why not")


def test_why_tells_what_is_what_was_and_what_comes_next(inside: Path) -> None:
    """Up to date first; after a corrected file landed, what will follow from it and the run that makes it."""
    assert "up to date" in facts_of_card(KEY, "Now")
    assert "asked for by a person" in facts_of_card(KEY, "Last")["made"]
    assert "everything is up to date" in facts_of_card(KEY, "Next tick")["machines_current"]
    file = inside / ".mesh" / "landing" / "machines" / "readings.csv"
    file.write_text(file.read_text() + "m99,2026-04-01,60.0,1.0,false\n")
    a_minute_ago = time.time() - 60
    os.utime(file, (a_minute_ago, a_minute_ago))  # it has settled
    assert "readings.csv was corrected" in facts_of_card(KEY, "Now")["will follow"]
    following = facts_of_card(KEY, "Next tick")["machines_current"]
    assert "readings.csv was corrected" in following
    assert KEY in following
