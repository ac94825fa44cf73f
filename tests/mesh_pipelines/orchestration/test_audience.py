"""The people who hear of an asset: whose address, which notice, and what becomes of one that is not taken."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.declaring.domain_profile import DomainProfile
from mesh_pipelines.errors import NoticeRefused
from mesh_pipelines.orchestration.audience import (
    News,
    compose,
    consumers_of,
    deliver,
    name_of,
    send,
    urls_for,
)
from mesh_pipelines.orchestration.notices import notice_sensor
from mesh_pipelines.shared import shared_resources
from resources.settings import Settings, get_settings
from tests.mesh_pipelines.orchestration.three_readers import write_readers
from tests.mesh_pipelines.small_domains import World
from tests.webhook import webhook

SECRET = "hunter2"


@pytest.fixture
def world(world: World) -> World:
    """``shop`` publishes orders, ``store`` reads them and publishes sales, ``third`` reads the sales."""
    write_readers(world)
    return world


def test_readers_are_found_through_each_other(world: World) -> None:
    """By port, and through the products of others; the owner is none of them."""
    mesh = world.mesh()
    assert [(one.profile.name, one.reads) for one in consumers_of(mesh, "shop.orders_raw")] == [
        ("store", ("shop.orders",)),
        ("third", ("store.sales",)),
    ]
    assert [one.profile.name for one in consumers_of(mesh, "shop")] == ["store", "third"]
    assert consumers_of(mesh, "third.totals") == []


def test_nobody_is_told_unless_it_is_set(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off by default; a domain's own addresses come before those for all."""
    shop = world.mesh().domains["shop"]
    assert urls_for(shop.profile, get_settings()) == ()
    assert notice_sensor(shop).default_status == dg.DefaultSensorStatus.STOPPED
    monkeypatch.setenv("MESH_NOTIFY", "mailto://a?to={contact} json://b/{domain}")
    get_settings.cache_clear()
    assert urls_for(shop.profile, get_settings()) == ("mailto://a?to=shop%40mesh.example", "json://b/shop")
    assert notice_sensor(shop).default_status == dg.DefaultSensorStatus.RUNNING
    monkeypatch.setenv("MESH_NOTIFY_DOMAINS", '{"shop": "slack://c"}')
    get_settings.cache_clear()
    assert urls_for(shop.profile, get_settings()) == ("slack://c",)
    assert "slack" not in repr(get_settings())


def test_a_notice_that_is_not_taken_says_so_without_the_address() -> None:
    """The tick fails in Dagster, where it is seen; the address is a secret."""
    with pytest.raises(NoticeRefused, match=r"json:// \(number 1\)") as refused:
        send(["json://user:hunter2@127.0.0.1:9/"], "a title", "a text")
    assert SECRET not in str(refused.value)


def settings_for(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Settings:
    """Settings of this home with these addresses."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    return get_settings()


def test_without_a_contact_an_address_that_needs_one_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail to nobody would be refused at each look; an address for all is none of these."""
    profile = DomainProfile("shop", "a team", "")
    assert urls_for(profile, settings_for(monkeypatch, MESH_NOTIFY="mailto://a?to={contact}")) == ()
    found = urls_for(profile, settings_for(monkeypatch, MESH_NOTIFY="json://b/{domain} json://c"))
    assert found == ("json://b/shop", "json://c")


def test_an_address_is_kept_by_a_name_that_does_not_lead_back() -> None:
    """The same each time, and another for each address."""
    url = "slack://token-a/token-b"
    assert name_of(url) == name_of(url)
    assert name_of(url) != name_of(url + "/")
    assert not any(part in name_of(url) for part in ("slack", "token"))


def test_each_address_has_its_notice_whatever_becomes_of_the_others() -> None:
    """Those that took theirs are named, and one error names the rest, without an address."""
    nobody = "json://user:hunter2@127.0.0.1:9/"
    with webhook() as hook:
        letters = {nobody: ("a title", "a text"), hook.url: ("another", "text")}
        taken, error = deliver(letters)
        assert [notice["title"] for notice in hook.told] == ["another"]
        assert deliver({hook.url: ("once more", "text")}) == (frozenset({name_of(hook.url)}), None)
    assert taken == {name_of(hook.url)}
    assert error is not None
    assert "'a title' was not taken by json:// (number 1)" in str(error)
    assert SECRET not in str(error)
    assert deliver({}) == (frozenset(), None)


def test_people_of_one_address_have_one_notice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner's text comes first and once; then who else reads it, with the version, or that there is none yet."""
    settings = settings_for(
        monkeypatch, MESH_NOTIFY="json://all", MESH_NOTIFY_DOMAINS='{"third": "json://third"}'
    )
    mesh, news = world.mesh(), News("shop.orders", "Late", ("by 8 days",))
    letters = compose(
        mesh, shared_resources(), mesh.domains["shop"].profile, [news],
        title="[mesh] shop.orders: late", text=news.text, settings=settings,
    )  # fmt: skip
    assert list(letters) == ["json://all", "json://third"]
    title, text = letters["json://all"]
    assert title == "[mesh] shop.orders: late"
    assert text.split("\n\n") == [
        "shop.orders: Late\nby 8 days",
        "store (store@mesh.example) reads on: nothing of shop.orders, which is not published yet.",
    ]
    title, text = letters["json://third"]
    assert title == "[mesh] shop.orders: late; third reads it"
    assert text.startswith("shop.orders: Late\nby 8 days\n\nthird (third@mesh.example) reads on: ")


def test_news_without_a_known_owner_still_reach_the_readers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a domain does not load; without an address nobody is written to."""
    mesh, news = world.mesh(), News("shop", "Left out")
    given: dict[str, Any] = {"title": "a title", "text": news.text}
    shared = shared_resources()
    assert compose(mesh, shared, None, [news], settings=get_settings(), **given) == {}
    settings = settings_for(monkeypatch, MESH_NOTIFY="json://{domain}")
    assert list(compose(mesh, shared, None, [news], settings=settings, **given)) == [
        "json://store",
        "json://third",
    ]
