"""Readers of what is refused, late or left out hear of it once, by a real webhook, and once more when it is well."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from mesh_pipelines.errors import NoticeRefused
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration import standing_notices
from mesh_pipelines.orchestration import tick as orchestration_tick
from mesh_pipelines.orchestration.standing_notices import tell_states
from mesh_pipelines.planning.lag import late_nodes
from mesh_pipelines.runtime import instance as instances
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from resources.settings import get_settings
from resources.store.folder import FolderStore
from tests.mesh_pipelines.orchestration.notice_ticks import tick as tick_of_failure
from tests.mesh_pipelines.orchestration.three_readers import write_readers
from tests.mesh_pipelines.small_domains import World
from tests.webhook import Webhook, webhook

NAMES = ("shop", "store", "third")
NOTHING: dict[str, list[str]] = {name: [] for name in NAMES}


@pytest.fixture
def world(world: World) -> World:
    """``shop`` publishes orders, ``store`` reads them and publishes sales, ``third`` reads the sales."""
    write_readers(world)
    return world


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, Webhook]]:
    """A webhook for each domain."""
    monkeypatch.setattr(orchestration_tick, "_meshes", {})
    with ExitStack() as held:
        found = {name: held.enter_context(webhook()) for name in NAMES}
        address(monkeypatch, {name: hook.url for name, hook in found.items()})
        yield found


def address(monkeypatch: pytest.MonkeyPatch, urls: Mapping[str, str]) -> None:
    """Name the addresses of the domains."""
    monkeypatch.setenv("MESH_NOTIFY_DOMAINS", json.dumps(dict(urls)))
    monkeypatch.setenv("MESH_SETTLE_SECONDS", "0")
    get_settings.cache_clear()


def look(world: World) -> None:
    """A look of the sensor of each sound domain, in a process that has just started."""
    orchestration_tick._meshes.clear()
    instances._instance.cache_clear()
    for domain in [world.sound(name) for name in NAMES if name in world.sound_names()]:
        tell_states(domain, dagster_instance(shared_resources()))


def taken(hooks: Mapping[str, Webhook]) -> dict[str, list[Any]]:
    """Titles of the notices since the last call, by domain."""
    found = {name: [notice["title"] for notice in hook.told] for name, hook in hooks.items()}
    for hook in hooks.values():
        hook.told.clear()
    return found


def test_a_refused_file_is_told_to_all_readers_once_and_that_it_is_mended(
    world: World, hooks: Mapping[str, Webhook]
) -> None:
    """With the version that each still reads; a restart repeats nothing; then once that it is well, with the new."""
    assert runs.run().ok
    look(world)
    assert taken(hooks) == NOTHING
    world.land("shop", "orders.csv", "id\nhunter2\n")
    assert not runs.run().ok
    assert tick_of_failure(world.sound("shop")) == "notified shop@mesh.example of shop.orders_raw"
    texts = {name: hook.told[0]["message"] for name, hook in hooks.items()}
    assert "store@mesh.example" in texts["store"]
    assert "shop.orders version 0" in texts["store"]
    assert "store.sales version 0" in texts["third"]
    assert "hunter2" not in json.dumps(texts)
    assert taken(hooks) == {
        "shop": ["[mesh] shop.orders_raw: audit refused"],
        "store": ["[mesh] shop.orders_raw: audit refused; store reads it"],
        "third": ["[mesh] shop.orders_raw: audit refused; third reads it"],
    }
    assert not runs.run().ok
    assert tick_of_failure(world.sound("shop")) == "notified before"
    look(world)
    assert taken(hooks) == NOTHING
    world.land("shop", "orders.csv", "id\n2\n")
    assert runs.run().ok
    look(world)
    assert "shop.orders version 1" in hooks["store"].told[0]["message"]
    assert [len(titles) for titles in taken(hooks).values()] == [1, 1, 1]
    look(world)
    assert taken(hooks) == NOTHING


def test_what_is_late_is_told_once_and_that_it_has_come(
    world: World, hooks: Mapping[str, Webhook], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A promise of freshness is broken: owner and readers hear of it, and of its end."""
    assert runs.run(["shop"]).ok
    days = {"more": 8}

    def late(nodes: Any, facts: Any, now: Any) -> dict[str, str]:
        found = late_nodes(nodes, facts, now + timedelta(days=days["more"]))
        return {key: text for key, text in found.items() if key == "shop.orders"}

    monkeypatch.setattr(standing_notices, "late_nodes", late)
    look(world)
    look(world)
    found = taken(hooks)
    assert found["shop"] == ["[mesh] shop.orders: late"]
    assert found["third"] == ["[mesh] shop.orders: late; third reads it"]
    days["more"] = 0
    look(world)
    look(world)
    assert taken(hooks)["shop"] == ["[mesh] shop.orders: well again"]


def test_a_domain_that_does_not_load_is_told_by_another(world: World, hooks: Mapping[str, Webhook]) -> None:
    """Its own contact and its readers hear of it once, and once that it loads again."""
    products = world.root / "domains/store/products.py"
    text = products.read_text()
    products.write_text("import nowhere_at_all\n")
    look(world)
    look(world)
    assert taken(hooks) == {
        "shop": [],
        "store": ["[mesh] store: left out"],
        "third": ["[mesh] store: left out; third reads it"],
    }
    products.write_text(text)
    look(world)
    assert taken(hooks)["store"] == ["[mesh] store: well again"]


def test_a_store_that_does_not_answer_is_told_when_it_stays_so(
    world: World, hooks: Mapping[str, Webhook], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at the first look, which a moment's failure would be; then once."""

    def refuse(self: FolderStore, folder: str) -> Any:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "entries", refuse)
        look(world)
        assert taken(hooks)["shop"] == []
        look(world)
        look(world)
        assert taken(hooks)["shop"] == ["[mesh] shop.orders_raw: cannot be read"]
    look(world)
    assert taken(hooks)["shop"] == ["[mesh] shop.orders_raw: well again"]


def test_one_address_that_answers_nobody_keeps_no_notice_from_the_others(
    world: World, hooks: Mapping[str, Webhook], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick fails where it is seen; the others have theirs once, and it gets its own when it answers."""
    urls = {name: hook.url for name, hook in hooks.items()}
    address(monkeypatch, {**urls, "store": "json://127.0.0.1:9/"})
    (world.root / "domains/shop/contracts/orders.odcs.yaml").write_text("a: [\n")
    for _ in range(2):
        with pytest.raises(NoticeRefused):
            look(world)
    assert [len(titles) for titles in taken(hooks).values()] == [1, 0, 1]
    address(monkeypatch, urls)
    look(world)
    assert [len(titles) for titles in taken(hooks).values()] == [0, 1, 0]
