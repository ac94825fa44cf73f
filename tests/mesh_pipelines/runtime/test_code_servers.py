"""Code servers: one for each domain, and one that has lost its inner process is ended, so that it is started again."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from dagster._core.workspace.load_target import WorkspaceFileTarget

from mesh_pipelines.errors import MeshError
from mesh_pipelines.runtime import code_servers
from mesh_pipelines.runtime.code_servers import CodeServers
from resources.processes import children
from tests.mesh_pipelines.runtime.supervised_parts import ME

WORKSPACE = """load_from:
  - python_module: domains.shop.definitions
  - python_module:
      module_name: domains.plant.definitions
      location_name: factory
      attribute: defs
      working_directory: code
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a workspace of two domains."""
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "workspace.yaml").write_text(WORKSPACE)
    return folder


@pytest.fixture
def servers(root: Path, tmp_path: Path) -> Iterator[CodeServers]:
    """Their code servers, which are killed at the end."""
    made = CodeServers(root, tmp_path)
    yield made
    for part in made.parts:
        if part.process is not None:
            for number in [*children(part.process.pid), part.process.pid]:
                with suppress(ProcessLookupError):  # killed by the test
                    os.kill(number, signal.SIGKILL)
            part.close()


def until(condition: Callable[[], object], action: Callable[[], None] = lambda: None) -> None:
    """Wait until something has come about, and do something meanwhile."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "not in time"
        action()
        time.sleep(0.05)


def test_each_domain_has_a_server_that_dagster_finds(servers: CodeServers, root: Path) -> None:
    """Under the name of its location, on a socket of its own, with the code that workspace.yaml names."""
    origins = WorkspaceFileTarget(paths=[str(servers.workspace)]).create_origins()
    assert [origin.location_name for origin in origins] == ["shop", "factory"]
    shop, factory = (part.command for part in servers.parts)
    assert shop[shop.index("-m") + 1 :] == ("domains.shop.definitions", "-d", str(root))
    folder = str(root / "code")
    assert factory[factory.index("-m") + 1 :] == ("domains.plant.definitions", "-d", folder, "-a", "defs")
    sockets = [command[command.index("--socket") + 1] for command in (shop, factory)]
    assert [getattr(origin, "socket", "") for origin in origins] == sockets
    assert len(set(sockets)) == 2
    assert not any(part.needed for part in servers.parts), "one domain that does not load holds nobody up"


def test_they_are_ready_when_all_of_them_answer(servers: CodeServers) -> None:
    """A socket that nobody listens on any more is not enough."""
    places = [part.command[part.command.index("--socket") + 1] for part in servers.parts]
    assert not servers.ready()
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
        for listening, place in zip((first, second), places, strict=True):
            assert not servers.ready()
            listening.bind(place)
            listening.listen()
        assert servers.ready()
    assert not servers.ready()


def test_a_workspace_without_domains_is_ready_at_once(tmp_path: Path) -> None:
    """A project in which no domain was made yet has a UI too."""
    (tmp_path / "workspace.yaml").write_text("load_from:\n")
    (tmp_path / "sockets").mkdir()
    made = CodeServers(tmp_path, tmp_path / "sockets")
    assert made.ready()
    assert list(WorkspaceFileTarget(paths=[str(made.workspace)]).create_origins()) == []


def test_a_workspace_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """It says what and where, as all commands do."""
    (tmp_path / "workspace.yaml").write_text("load_from: a.py\n")
    with pytest.raises(MeshError, match="is not a workspace"):
        CodeServers(tmp_path, tmp_path)


def test_an_entry_that_is_refused_has_no_server(tmp_path: Path) -> None:
    """The others have theirs, and Dagster is shown these alone."""
    (tmp_path / "workspace.yaml").write_text(f"{WORKSPACE}  - python_file: a.py\n  - 7\n")
    made = CodeServers(tmp_path, tmp_path.parent)
    assert [part.name for part in made.parts] == ["the code server of shop", "the code server of factory"]
    assert [fault.about for fault in made.refused] == [("entry 3",), ("entry 4",)]
    assert len(WorkspaceFileTarget(paths=[str(made.workspace)]).create_origins()) == 2


def test_a_server_that_has_ended_is_not_waited_for(servers: CodeServers) -> None:
    """Web application and daemon begin, and the domain joins when its server answers."""
    for part in servers.parts:
        part.deaths = 1
    assert servers.ready()


def test_a_server_whose_inner_process_is_killed_is_ended(
    servers: CodeServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outer process is killed within two looks; another server goes on, and one that has just started."""
    monkeypatch.setattr(code_servers, "SECONDS", 0.2)
    (tmp_path / "more").mkdir()
    struck, whole = servers.parts
    starting = CodeServers(tmp_path / "root", tmp_path / "more").parts[0]
    servers.parts = [struck, whole, starting]
    for part, kind in ((struck, "stubborn"), (whole, "stubborn"), (starting, "live")):
        part.command = (ME, kind, str(tmp_path), kind)
        part.start(Path.cwd(), os.environ)
    outer, other = (part.process.pid if part.process else 0 for part in (struck, whole))
    until(lambda: children(outer) and children(other), servers.end_orphaned)
    time.sleep(0.3)
    servers.end_orphaned()  # both are seen whole
    assert struck.code() is None
    os.kill(children(outer)[0], signal.SIGKILL)
    until(lambda: struck.code() is not None, servers.end_orphaned)
    assert struck.code() == -signal.SIGKILL
    for _ in range(10):
        servers.end_orphaned()
        time.sleep(0.05)
    assert (whole.code(), starting.code()) == (None, None)
