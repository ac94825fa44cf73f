"""The sensor that keeps a domain up to date, evaluated as Dagster's daemon does."""

from __future__ import annotations

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import CAUSES, DOMAIN, REASON
from mesh_pipelines.orchestration.sensors import update_sensor
from resources.settings import get_settings
from tests.e2e.ticks import tick
from tests.mesh_pipelines.small_domains import World
from tests.mesh_pipelines.three_domains import write_three_domains

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")


@pytest.fixture
def landed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Months have landed for shop; store reads what it makes of them."""
    write_three_domains(world)
    monkeypatch.setenv("MESH_SETTLE_SECONDS", "0")
    get_settings.cache_clear()
    return world


def test_a_tick_ends_in_a_run_or_in_a_reason_for_none(landed: World) -> None:
    """The run has its assets, its checks and its reason; who waits says for what."""
    mesh = landed.mesh()
    asked = tick(mesh.domains["shop"])
    assert isinstance(asked, dg.RunRequest)
    assert {key.path[-1] for key in asked.asset_selection or ()} == {"orders_raw", "orders"}
    assert {key.asset_key.path[-1] for key in asked.asset_check_keys or ()} == {"orders_raw", "orders"}
    assert asked.tags[DOMAIN] == "shop"
    assert asked.tags[REASON].startswith("orders-2013-01.csv landed")
    assert "shop.orders_raw" in asked.tags[CAUSES]
    again = tick(mesh.domains["shop"])
    assert isinstance(again, dg.RunRequest)
    assert again.run_key == asked.run_key, "Dagster starts it once"
    assert tick(mesh.domains["store"]) == "waits for shop.orders, about to be made by another domain"


@pytest.mark.parametrize(("seconds", "interval"), [("30", 29), ("1", 1)])
def test_it_is_on_and_looks_as_often_as_the_settings_say(
    landed: World, monkeypatch: pytest.MonkeyPatch, seconds: str, interval: int
) -> None:
    """A second less, for Dagster looks every five; at least every second."""
    monkeypatch.setenv("MESH_SENSOR_SECONDS", seconds)
    get_settings.cache_clear()
    sensor = update_sensor(landed.mesh().domains["bank"])
    assert sensor.name == "bank_current"
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == interval
