"""One application: the mesh's pages, Dagster at every other path, one look, one door."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget

from mesh_pipelines.web.app import application, missing_assets
from mesh_pipelines.web.door import Door
from mesh_pipelines.web.page import POLICY
from tests.mesh_pipelines.web.asgi import ask


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The application on a workspace without a domain."""
    with (
        DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace,
    ):
        yield application(workspace, tmp_path_factory.mktemp("docs"), ["mesh.example.com"])


def test_dagster_answers_at_its_own_paths(app: Door) -> None:
    """Links to runs and assets stay as they are; its pages ask by POST with JSON, and follow a run by WebSocket."""
    for path in ("/", "/runs/1234", "/assets/shop/orders", "/asset-groups"):
        answer = ask(app, path)
        assert answer.status == 200
        assert "Dagster" in answer.text
        assert "nonce-" in answer.headers["content-security-policy"], (
            "the policy of its own pages is Dagster's"
        )
    asked = ask(
        app, "/graphql", "POST", {"content-type": "application/json"}, body=b'{"query": "{ version }"}'
    )
    assert "version" in json.loads(asked.text)["data"]
    assert ask(app, "/graphql", kind="websocket").status == 101
    assert "dagster_version" in ask(app, "/server_info").text


def test_a_mutation_by_get_does_nothing(app: Door) -> None:
    """As a picture or a link of any page could ask for it."""
    answer = ask(app, "/graphql?query=mutation%7BwipeAssets(assetPartitionRanges:%5B%5D)%7B__typename%7D%7D")
    assert (answer.status, "wipe" in answer.text) == (405, False)
    assert ask(app, "/graphql", headers={"host": "evil.example"}).status == 403
    assert ask(app, "/graphql", headers={"host": "mesh.example.com", "accept": "text/html"}).status == 405


@pytest.mark.odd_input("web pages", "leaked")
@pytest.mark.parametrize(
    "path",
    [
        "/mesh/x",
        "/mesh/x/y.html",
        "/mesh/static/x.css",
        "/mesh/static/",
        "/docs/x",
        "/docs/a/b/",
        "/mesh/<b>",
    ],
)
def test_an_unknown_page_of_the_mesh_is_not_found(path: str, app: Door) -> None:
    """It says so in the look of the mesh, and leads to the pages that are there; Dagster's shell would say 200."""
    answer = ask(app, path)
    assert answer.status == 404
    assert "There is no such page" in answer.text
    assert 'href="/docs/"' in answer.text
    assert "<b>" not in answer.text
    assert answer.headers["content-security-policy"] == POLICY
    assert ask(app, "/mesh/").headers["location"] == "/mesh"


def test_no_page_sets_a_cookie_or_may_be_framed(app: Door) -> None:
    """There is nothing that another site's request could carry along."""
    for path in ("/", "/mesh", "/docs/", "/mesh/x", "/mesh/static/mesh.css", "/server_info"):
        answer = ask(app, path)
        assert "set-cookie" not in answer.headers, path
        assert answer.headers["x-frame-options"] == "SAMEORIGIN", path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["referrer-policy"], path
        if path.startswith(("/mesh", "/docs", "/server")):
            assert "frame-ancestors 'self'" in answer.headers["content-security-policy"], path


def test_audits_of_assets_that_are_gone_stand_apart(tmp_path: Path) -> None:
    """Of a domain that does not load, nobody knows what it has."""
    loaded = SimpleNamespace(
        code_location_entries={
            "shop": SimpleNamespace(load_error=None),
            "bank": SimpleNamespace(load_error="!"),
        },
        asset_graph=SimpleNamespace(has=lambda key: key.to_user_string() == "shop/orders"),
    )
    workspace = SimpleNamespace(get_current_workspace=lambda: loaded)
    keys = ["shop.orders", "shop.sample", "bank.accounts", "old.sample"]
    assert missing_assets(workspace, keys) == {"shop.sample", "old.sample"}


def test_the_start_page_leads_everywhere(app: Door) -> None:
    """Each page that it lists is there, and it needs no script and nothing of another place."""
    start = ask(app, "/mesh")
    assert start.status == 200
    assert start.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in start.text
    assert "://" not in start.text
    links = set(re.findall(r'href="([^"]+)"', start.text))
    assert {"/docs/", "/runs", "/asset-groups", "/mesh/static/mesh.css"} <= links
    for link in links:
        assert ask(app, link).status == 200, link
