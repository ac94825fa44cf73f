"""`mesh ui` before it starts anything: where it listens, and what it refuses."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from mesh_pipelines.commands import ui
from mesh_pipelines.errors import MeshError
from mesh_pipelines.testing import workspace
from resources.settings import Settings, get_settings


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A workspace without domains, to be in."""
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    return tmp_path


def port_of(listening: socket.socket) -> int:
    """The port that the system has chosen."""
    return int(listening.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_it_listens_where_it_is_asked_to(host: str) -> None:
    """By number or name, of either kind of address; nobody else can take the port meanwhile."""
    with ui._listen(host, 0) as listening:
        port = port_of(listening)
        with socket.create_connection((host, port), 5):
            pass
        with pytest.raises(MeshError, match=f"mesh ui --port {port + 1}"):
            ui._listen(host, port)


@pytest.mark.parametrize(
    "host", ["", " ", "no such host", "nowhere.invalid", "\0", "a" * 300, "10.255.255.254"]
)
def test_an_address_of_another_machine_is_an_error(host: str) -> None:
    """It says where, and how to name one of this machine; no odd name is taken for all addresses."""
    with pytest.raises(MeshError, match="name an address of this machine"):
        ui._listen(host, 0)


def test_links_name_an_address_that_a_browser_opens() -> None:
    """A server on all addresses is on this machine's own too; an IPv6 address stands in brackets."""
    assert ui._url("0.0.0.0", 3000) == ui._url("::", 3000) == "http://127.0.0.1:3000"
    assert ui._url("::1", 3100) == "http://[::1]:3100"
    assert ui._url("localhost", 3000) == "http://localhost:3000"


def test_a_second_one_on_the_same_home_is_refused(
    sleeper: tuple[subprocess.Popen[str], str], inside: Path
) -> None:
    """Two daemons would start every run twice; the error says where the first is."""
    _, named = sleeper
    settings = get_settings()
    settings.home.mkdir(parents=True)
    (settings.home / "ui.json").write_text(f'{{"url": "http://127.0.0.1:3999", "process": "{named}"}}')
    with workspace(inside), pytest.raises(MeshError, match=r"at http://127\.0\.0\.1:3999"):
        ui.serve(settings, host="127.0.0.1", port=3000)


def test_it_is_started_within_a_mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere there is nothing to show."""
    monkeypatch.setattr(Settings, "workspace", tmp_path / "workspace.yaml")
    with pytest.raises(MeshError, match="there is no workspace"):
        ui.serve(get_settings(), host="127.0.0.1", port=3000)


def test_its_processes_are_of_this_mesh(tmp_path: Path) -> None:
    """Whatever folder they are started in."""
    told = ui.environment(Settings(home=tmp_path))
    assert told["MESH_HOME"] == str(tmp_path)
    assert told["DAGSTER_HOME"] == str(tmp_path / "dagster")
    assert told["DAGSTER_DISABLE_TELEMETRY"] == "true"
