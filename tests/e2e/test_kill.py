"""Kill -9 in the midst of real runs: what is published is the old or the new version, whole, and the next run heals."""

from __future__ import annotations

import pytest

from mesh_pipelines.commands.demo_data import land
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.shared import shared_resources
from resources.settings import get_settings
from tests.e2e.forked_runs import ForkServer
from tests.e2e.small_home import CORRECTED, DEPARTURES, JANUARY, QUARANTINE, SmallHome, tells

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "lost")

BEFORE_COMMIT = ("staging", "file", "written", "committing")
AFTER_COMMIT = ("committed", "done")
STOPS = [
    *((DEPARTURES, step) for step in BEFORE_COMMIT),
    (DEPARTURES + QUARANTINE, "committing"),
    (DEPARTURES + QUARANTINE, "done"),
    *((DEPARTURES, step) for step in AFTER_COMMIT),
]


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: ".".join(stop).removeprefix("operations."))
def test_a_publish_killed_at_any_step_is_healed_by_the_next_run(
    corrected: SmallHome, fork_server: ForkServer, stop: tuple[str, str]
) -> None:
    """January is replaced by its correction: the old one before the commit, the new one after it; nothing doubled."""
    small_home, key = corrected, stop[0]
    old = small_home.content(DEPARTURES)[DEPARTURES]
    child = fork_server.start(small_home.folder, [DEPARTURES], stop)
    child.wait("reached")
    child.kill()
    is_new = stop in [(DEPARTURES, step) for step in AFTER_COMMIT]
    now = small_home.content(DEPARTURES)[DEPARTURES]
    assert (now != old) == is_new
    assert small_home.rows(DEPARTURES).height == (799 if is_new else 800)
    if stop[1] in ("file", "written", "committing"):
        assert small_home.orphans(key), "killed too early to leave anything"

    found = small_home.run(DEPARTURES)
    assert found[DEPARTURES].status == ("up to date" if is_new else "done"), found
    rows = small_home.rows(DEPARTURES)
    assert rows.height == 799
    assert rows.select("scheduled_departure", "origin", "carrier", "flight").is_unique().all()
    assert rows["tailnum"].to_list().count(CORRECTED) == 1
    assert small_home.refused(DEPARTURES) == {(JANUARY, 2): ["departure_delay_min_maximum"]}
    assert small_home.content()
    assert [p.rows for p in small_home.lake.history(DEPARTURES)] == [799, 800]
    left = small_home.orphans()
    if is_new:  # nothing had to be published, so its marker, if any, waits for the next publish
        assert not [name for name in left if name.endswith(".parquet")]
        small_home.lake.heal(DEPARTURES)
        left = small_home.orphans()
    assert left == []
    assert {step.status for step in small_home.run(DEPARTURES).values()} == {"up to date"}


@pytest.mark.slow
def test_a_training_killed_at_any_step_ends_with_one_version_and_one_champion(
    small_home: SmallHome, fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without MLflow, then killed before logging, before the alias moves and after: one version, trained once."""
    model, champion = "weather.low_visibility", "weather.low_visibility_champion"
    land([f"2013-{month:02d}" for month in range(1, 7)], small_home.folder / "landing")
    assert small_home.run("weather.visibility_features")["weather.visibility_features"].status == "done"

    monkeypatch.setenv("MESH_TRACKING_URI", "http://127.0.0.1:9")
    get_settings.cache_clear()
    tells(small_home.run(champion)[model], "MLflow does not answer")
    monkeypatch.delenv("MESH_TRACKING_URI")
    get_settings.cache_clear()

    def killed_at(step: str) -> None:
        child = fork_server.start(small_home.folder, [champion], (model, step))
        child.wait("reached")
        child.kill()

    killed_at("trained")
    registry = registry_of(shared_resources())
    assert registry.versions(model) == ()
    killed_at("decided")
    assert [(v.version, v.gate) for v in registry.versions(model)] == [(1, "")]
    assert registry.champion(model) is None
    killed_at("moved")
    moved = registry.champion(model)
    assert moved is not None
    assert (moved.version, moved.gate) == (1, "")
    found = small_home.run(champion)
    assert (found[model].status, found[champion].status) == ("up to date", "done"), found
    assert [(v.version, v.gate) for v in registry.versions(model)] == [(1, "promoted")]
    assert {step.status for step in small_home.run(champion).values()} == {"up to date"}
