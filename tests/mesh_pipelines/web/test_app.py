"""One application: the mesh's pages, Dagster at every other path, one look, one door."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget

from mesh_pipelines.web.app import application
from mesh_pipelines.web.door import Door
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
