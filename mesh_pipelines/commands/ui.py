"""`mesh ui`: the Dagster webserver and daemon on workspace.yaml, with this mesh's own DAGSTER_HOME, and the data docs.

The processes are those of `dagster dev -w workspace.yaml`, which starts each code location once and lets
webserver and daemon share it.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mesh_pipelines.declaring.mesh import read_workspace
from mesh_pipelines.errors import MeshError
from mesh_pipelines.reporting import terminal
from mesh_pipelines.runtime.code_servers import watch_code_servers
from mesh_pipelines.runtime.dagster_yaml import ensure_dagster_home

if TYPE_CHECKING:
    from resources.settings import Settings

PATIENCE = 30.0
"""Seconds that the processes are given to end by themselves."""


def environment(settings: Settings) -> dict[str, str]:
    """Environment of the processes: this mesh, whatever folder they are started in."""
    return (
        os.environ
        | settings.given_places
        | {
            "MESH_HOME": str(settings.home),
            "DAGSTER_HOME": str(settings.dagster_home),
            "DAGSTER_DISABLE_TELEMETRY": "true",
            "DAGSTER_CODE_SERVER_AUTO_RESTART_INTERVAL": "5",
            # `dagster dev` recommends `dg dev`, which expects another layout of the project.
            "PYTHONWARNINGS": "ignore:Function `dev_command`",
        }
    )


def serve(settings: Settings, *, host: str, port: int) -> int:
    """Run the webserver and the daemon until they end or a signal stops them.

    Returns:
        The exit code: 0 when stopped by a signal.

    Raises:
        MeshError: there is no workspace.yaml, the port is taken, or a process ended by itself.
    """
    workspace = settings.workspace
    if not workspace.is_file():
        raise MeshError(
            "there is no workspace.yaml", where=str(workspace.parent), remedy="run it within a mesh"
        )
    read_workspace(workspace.parent)  # in bounded memory, before Dagster reads it without a limit
    _require_free(host, port)
    ensure_dagster_home(settings)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "dagster", "dev", "--log-level", "warning"),
            *("-w", str(workspace), "-h", host, "-p", str(port)),
        ],
        cwd=workspace.parent,
        env=environment(settings),
        start_new_session=True,  # so that Ctrl-C reaches it once, through us, and not twice
    )
    with serve_docs(settings), watch_code_servers(process.pid), _forward_signals(process) as stopped:
        _announce_when_ready(process, host, port)
        code = process.wait()
    if stopped:
        return 0
    raise MeshError(
        f"Dagster ended by itself with code {code}",
        where=f"dagster dev -w {workspace}",
        remedy="its log above says why; `mesh check` finds what is wrong with the domains",
    )


@contextmanager
def serve_docs(settings: Settings) -> Generator[None]:
    """Serve the data docs at ``docs_url`` meanwhile, if that is this machine and the address is free."""
    place = urlsplit(settings.docs_url)
    if place.hostname not in ("127.0.0.1", "localhost"):
        yield  # somebody else serves them
        return
    try:
        server = ThreadingHTTPServer(
            (place.hostname, place.port or 80), partial(_Quiet, directory=str(settings.docs))
        )
    except OSError as error:
        terminal.show(
            f"Data docs are not served: {settings.docs_url}: {error.strerror}. MESH_DOCS_URL names another address.",
            file=sys.stderr,
        )
        yield
        return
    with server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, format: str, *args: Any) -> None:
        return


@contextmanager
def _forward_signals(process: subprocess.Popen[bytes]) -> Generator[list[int]]:
    """Forward the first signal as an interrupt; on a second one, or when patience ends, kill all processes."""
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            terminal.show("Stopping ...", file=sys.stderr)
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            signal.alarm(int(PATIENCE))
        else:
            _end_all(process, signal.SIGKILL)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield received
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)
        # Code servers outlive `dagster dev` until they miss its heartbeat: too long to hold their memory.
        _end_all(process, signal.SIGKILL if process.poll() is None else signal.SIGTERM)


def _end_all(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _announce_when_ready(process: subprocess.Popen[bytes], host: str, port: int) -> None:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    url = f"http://{shown}:{port}"
    terminal.show(f"Starting Dagster at {url} ...", file=sys.stderr)
    while process.poll() is None:
        with (
            suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"{url}/server_info", timeout=2),
        ):
            terminal.show(f"Dagster is at {url}  (Ctrl-C stops it)")
            return
        time.sleep(0.3)


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, TypeError, ValueError) as error:  # a name that cannot be one is no OSError
            taken = getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES)
            free = port + 1 if port < 65535 else 3000
            raise MeshError(
                f"cannot listen there: {getattr(error, 'strerror', None) or error}",
                where=f"{host[:80]}:{port}",
                remedy=f"stop what uses it, or choose another: `mesh ui --port {free}`"
                if taken
                else "name an address of this machine: `mesh ui --host 127.0.0.1`",
            ) from error
