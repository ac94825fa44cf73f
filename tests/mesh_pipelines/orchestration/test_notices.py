"""Failures reach the people who answer for them: by a real SMTP server and a real webhook, once, and without data."""

from __future__ import annotations

import email
import json
import socket
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from resources.settings import get_settings
from tests.mesh_pipelines.orchestration.notice_ticks import tick
from tests.mesh_pipelines.small_domains import World, promise
from tests.webhook import Webhook, webhook

SECRET = "hunter2"
COLUMNS: dict[str, Any] = {
    "id": "integer",
    "pin": {
        "logicalType": "string",
        "classification": "restricted",
        "logicalTypeOptions": {"pattern": "^[0-9]+$"},
    },
}


class Inbox:
    """Takes mail, as a mail server does."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """One mail."""
        del server, session
        mail = email.message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """A mail server on a free port, named in MESH_NOTIFY with a place for the domain's contact."""
    inbox = Inbox()
    with socket.socket() as free:  # the controller looks for itself at the port that it was given
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    monkeypatch.setenv("MESH_NOTIFY", f"mailto://127.0.0.1:{port}?from=mesh@mesh.example&to={{contact}}")
    get_settings.cache_clear()
    yield inbox
    server.stop()


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """A webhook on a free port, and what it was told."""
    with webhook() as listening:
        yield listening


@pytest.fixture
def shop(world: World) -> LoadedDomain:
    """A domain whose orders hold a secret, and one file of orders whose every secret breaks its rule."""
    world.write("shop", promise("shop", "orders_raw", COLUMNS), sources='orders_raw = source("orders.csv")')
    world.land("shop", "orders.csv", f"id,pin\n1,{SECRET}\n2,{SECRET}\n3,123\n")
    return world.mesh().domains["shop"]


def test_a_refused_audit_reaches_the_contact_by_mail_once(shop: LoadedDomain, inbox: Inbox) -> None:
    """Asset, rule, rows, remedy and the link to the run, and nothing of what was refused; again only after healing."""
    assert not runs.run().ok
    assert tick(shop) == "notified team@mesh.example of shop.orders_raw"
    [mail] = inbox.mails
    assert mail["to"] == "team@mesh.example"
    assert mail["subject"] == "[mesh] shop.orders_raw: audit refused"
    part = mail.get_body(("plain",))
    assert part is not None
    text = part.get_content()
    run = dagster_instance(shared_resources()).get_runs(limit=1)[0]
    for words in (
        "pin",
        "2 of 3 rows",
        "land corrected data",
        f"/runs/{run.run_id}",
        "asked for by a person",
    ):
        assert words in text
    assert SECRET not in mail.as_string()

    assert not runs.run().ok  # the same file is refused again, in another run
    assert tick(shop) == "notified before"
    assert len(inbox.mails) == 1

    landing = get_settings().landing_folder / "shop" / "orders.csv"
    bad = landing.read_text()
    landing.write_text("id,pin\n1,123\n")
    assert runs.run().ok
    landing.write_text(bad)  # and then it happens anew
    assert not runs.run().ok
    assert tick(shop) == "notified team@mesh.example of shop.orders_raw"


def test_a_blocking_check_by_hand_is_told_as_one(
    shop: LoadedDomain, world: World, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which check of which asset, that it is published and followed by nobody, and what to do; not what it said."""
    monkeypatch.setenv("MESH_NOTIFY", hook.url)
    get_settings.cache_clear()
    world.write(
        "shop",
        promise("shop", "orders_raw", {"id": "integer"}),
        sources='orders_raw = source("orders.csv")',
        checks=f"""
        import dagster as dg

        @dg.asset_check(asset="orders_raw", blocking=True)
        def few() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=False, description="{SECRET}")
        """,
    )
    world.land("shop", "orders.csv", "id\n1\n")
    assert not runs.run().ok
    assert tick(world.mesh().domains["shop"]) == "notified team@mesh.example of shop.orders_raw"
    [notice] = hook.told
    assert notice["title"] == "[mesh] shop.orders_raw: a blocking check failed"
    for words in ("- few", "nobody follows it until the check passes", "mesh run shop.orders_raw --force"):
        assert words in notice["message"]
    assert "Nothing of what failed was published" not in notice["message"]
    assert SECRET not in json.dumps(notice)


def test_what_an_error_quotes_is_left_out_where_it_may_be_classified(
    shop: LoadedDomain, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without a header has its first row for columns: neither the run's error nor the notice quotes it."""
    monkeypatch.setenv("MESH_NOTIFY_DOMAINS", json.dumps({"shop": hook.url}))
    get_settings.cache_clear()
    (get_settings().landing_folder / "shop" / "orders.csv").write_text(f"1,{SECRET}\n2,{SECRET}\n")
    report = runs.run()
    assert SECRET not in next(step.message for step in report.steps if step.status == "failed")
    assert tick(shop).startswith("notified")
    [notice] = hook.told
    assert notice["title"] == "[mesh] shop.orders_raw: landing error"
    assert "land a corrected file" in notice["message"]
    assert SECRET not in json.dumps(notice)
