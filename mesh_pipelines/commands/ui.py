"""`mesh ui`: code servers, Dagster's daemon and the web application on workspace.yaml, all on one port."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import TYPE_CHECKING

from mesh_pipelines.declaring.workspace import read_entries
from mesh_pipelines.errors import MeshError
from mesh_pipelines.reporting import terminal
from mesh_pipelines.runtime.code_servers import CodeServers
from mesh_pipelines.runtime.dagster_yaml import ensure_dagster_home
from mesh_pipelines.runtime.socket_folder import socket_folder
from mesh_pipelines.runtime.supervised import Part
from mesh_pipelines.runtime.supervisor import Supervisor
from resources.ui_address import announce_ui, running_ui

if TYPE_CHECKING:
    from resources.settings import Settings

EVERYWHERE = ("0.0.0.0", "::")


def environment(settings: Settings) -> dict[str, str]:
    """Environment of the processes: this mesh, whatever folder they are started in."""
    own = {
        "MESH_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "true",
        # A domain that does not load is reported once, by its code server, in few lines.
        "DAGSTER_IS_DEV_CLI": "1",
        "DAGSTER_verbose": "",
    }
    return os.environ | settings.given_places | own


def serve(settings: Settings, *, host: str, port: int) -> int:
    """Run the web application and the daemon until a signal stops them.

    Returns:
        The exit code, 0.

    Raises:
        MeshError: there is no workspace.yaml, the port is taken, another one runs on this home, or a process ended by
            itself.
    """
    workspace = settings.workspace
    if not workspace.is_file():
        raise MeshError(
            "there is no workspace.yaml", where=str(workspace.parent), remedy="run it within a mesh"
        )
    read_entries(workspace.parent)  # in bounded memory; its sockets are what Dagster reads
    _require_alone(settings)
    with _listen(host, port) as listening, socket_folder() as folder:
        ensure_dagster_home(settings)
        servers = CodeServers(workspace.parent, folder)
        for refused in servers.refused:
            _tell(str(refused))
        url = _url(host, port)
        place = str(servers.workspace)
        web = Part(
            "the web application",
            ("mesh_pipelines.web.serve", place, str(listening.fileno()), url),
            descriptors=[listening.fileno()],
        )
        daemon = Part("the daemon", ("dagster._daemon", "run", "-w", place, "--log-level", "warning"))
        _tell(f"Starting Dagster at {url} ...")
        if host in EVERYWHERE:
            _tell("Everybody who reaches this machine may use it: there is no login.")
        with announce_ui(settings, url):
            supervisor = Supervisor(workspace.parent, environment(settings), _tell)
            supervisor.run(servers.parts, (web, daemon), ready=servers.ready, look=servers.end_orphaned)
    return 0


def _tell(line: str) -> None:
    terminal.show(line[:1].upper() + line[1:], file=sys.stderr)


def _url(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _require_alone(settings: Settings) -> None:
    running = running_ui(settings)
    if running:
        raise MeshError(
            f"`mesh ui` of this home runs already, at {running}",
            where=str(settings.home),
            remedy="use that one, or stop it: two daemons would start every run twice",
        )


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; it is held all the time, even while what answers is started again."""
    try:
        if not host.strip():
            raise ValueError("it names no address")
        kinds = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, address = kinds[0][0], kinds[0][4]
        return socket.create_server(address, family=family, backlog=128)
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
