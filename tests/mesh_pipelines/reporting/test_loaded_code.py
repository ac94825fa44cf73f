"""Code that the running `mesh ui` has loaded: where it is not that of the folder, people are told what to do."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.reporting import loaded_code
from mesh_pipelines.reporting.loaded_code import loaded_versions, reload_remark
from mesh_pipelines.reporting.status import read_state
from mesh_pipelines.reporting.why import explain
from mesh_pipelines.shared import shared_resources
from resources.settings import Settings
from resources.ui_address import announce_ui
from tests.mesh_pipelines.small_domains import World, promise

FOLDER = {"shop": {"shop.orders": "1", "shop.sales": "2"}, "bank": {"bank.accounts": "3"}}
LOADED = {"shop.orders": "1", "shop.sales": "2", "bank.accounts": "3"}


def mesh_of(versions: Mapping[str, Mapping[str, str]]) -> Any:
    """A mesh whose assets have these versions of code, by domain."""
    domains = {
        name: SimpleNamespace(
            by_key={key: SimpleNamespace(version_of_code=version) for key, version in found.items()}
        )
        for name, found in versions.items()
    }
    return Mesh(Path(), (), domains)  # pyright: ignore[reportArgumentType]


@contextmanager
def answering(body: bytes) -> Generator[str]:
    """The address of a server that answers every POST with this."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def graphql(versions: Mapping[str, str]) -> bytes:
    """The answer of Dagster's GraphQL; an asset that another system makes has no version."""
    nodes: list[dict[str, Any]] = [
        {"assetKey": {"path": key.split(".")}, "opVersion": version, "isMaterializable": True}
        for key, version in versions.items()
    ]
    nodes.append({"assetKey": {"path": ["shop", "outside"]}, "opVersion": None, "isMaterializable": False})
    return json.dumps({"data": {"assetNodes": nodes}}).encode()


@pytest.mark.parametrize(
    ("loaded", "words"),
    [
        (LOADED, ""),
        ({**LOADED, "shop.gone": "9"}, ""),
        (
            {**LOADED, "shop.sales": "0"},
            "other code of shop than the folder has: reload the code location at ",
        ),
        ({**LOADED, "shop.sales": "0", "bank.accounts": "0"}, "other code of bank, shop than"),
        ({"shop.orders": "1", "bank.accounts": "3"}, "other code of shop than the folder has: reload"),
        ({"shop.orders": "1", "shop.sales": "2"}, "other code of bank than the folder has: start it again"),
    ],
)
def test_other_code_is_named_with_the_remedy(loaded: Mapping[str, str], words: str, tmp_path: Path) -> None:
    """A changed or new asset asks for a reload; a domain that was not there needs a new start."""
    settings = Settings(home=tmp_path)
    with answering(graphql(loaded)) as url, announce_ui(settings, url):
        remark = reload_remark(mesh_of(FOLDER), settings, ["shop", "bank", "unknown"])
        assert bool(remark) is bool(words)
        assert words in remark
        assert "reload" not in remark or f"{url}/locations" in remark
        if "bank" not in words:
            assert reload_remark(mesh_of(FOLDER), settings, ["bank"]) == ""


@pytest.mark.odd_input("neighbours", "held up")
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"data": null}', b'{"data": {"assetNodes": [1]}}', b"\xff"]
)
def test_an_answer_that_is_none_is_no_remark(body: bytes, tmp_path: Path) -> None:
    """Whatever listens there."""
    settings = Settings(home=tmp_path)
    with answering(body) as url, announce_ui(settings, url):
        assert loaded_versions(url) is None
        assert reload_remark(mesh_of(FOLDER), settings, ["shop"]) == ""


@pytest.mark.odd_input("neighbours", "held up")
def test_a_server_that_does_not_answer_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one, nothing is asked."""
    monkeypatch.setattr(loaded_code, "SECONDS", 0.1)
    settings = Settings(home=tmp_path)
    assert reload_remark(mesh_of(FOLDER), settings, ["shop"]) == ""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert loaded_versions(address) is None
    assert loaded_versions(address) is None


@pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
def test_why_and_status_do_not_promise_what_older_code_does_not_do(world: World) -> None:
    """Both say what is to be done before; with the same code they say nothing of it."""
    world.write(
        "shop", promise("shop", "orders_raw", {"id": "integer"}), sources='orders_raw = source("orders.csv")'
    )
    settings = shared_resources().settings
    for version in ("old", ""):
        current = loaded_versions_of(world) if not version else {"shop.orders_raw": version}
        with answering(graphql(current)) as url, announce_ui(settings, url):
            sections = {
                section.heading: dict(section.fields) for section in explain("shop.orders_raw").sections
            }
            assert ("before that" in sections["Next tick"]) is bool(version)
            assert ("other code of shop" in read_state().remark) is bool(version)
            assert ("remark" in read_state().to_json()) is bool(version)


def loaded_versions_of(world: World) -> Mapping[str, str]:
    """Versions of the code that the workspace has now."""
    from mesh_pipelines.governance.load_mesh import load_sound_mesh

    return {key: node.version_of_code for key, node in load_sound_mesh(world.root).nodes.items()}
