"""The web process of `mesh ui`. The supervisor starts it, with a socket that listens already.

python -m mesh_pipelines.web.serve WORKSPACE SOCKET URL
"""

from __future__ import annotations

import socket
import sys
from urllib.parse import urlsplit

import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.version import __version__

from mesh_pipelines.web.app import application
from resources.settings import Settings, get_settings

GRACE = 1
"""Seconds that open connections have when the process is ended."""
# As Dagster's own webserver has them.
STATEMENT_MILLISECONDS = 15_000
RECYCLE_SECONDS = 3600
OVERFLOW = 20


def main(workspace: str, descriptor: str, url: str) -> None:
    """Serve on an open socket, by its descriptor, until a signal ends it."""
    settings = get_settings()
    target = WorkspaceFileTarget(paths=[workspace])
    with (
        socket.socket(fileno=int(descriptor)) as listening,
        DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, target, version=__version__) as context,
    ):
        instance.optimize_for_webserver(STATEMENT_MILLISECONDS, RECYCLE_SECONDS, OVERFLOW)
        app = application(
            context,
            settings.docs,
            names(settings, url),
            origin=settings.ui_url,
            largest=settings.ui_bytes,
            started=lambda: announce(url),
        )
        config = uvicorn.Config(
            app,
            ws_max_size=settings.ui_bytes,
            http="h11",  # refuses two Host headers, and keeps an absolute target recognizable
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        uvicorn.Server(config).run(sockets=[listening])


def names(settings: Settings, url: str) -> list[str]:
    """Host names that the server answers for, besides those of this machine."""
    given = [urlsplit(address).hostname for address in (url, settings.ui_url)]
    return [*(f"[{name}]" if ":" in name else name for name in given if name), *settings.ui_hosts]


def announce(url: str) -> None:
    """Tell the person who started it that it answers."""
    sys.stdout.write(f"Dagster is at {url}, everything else at {url}/mesh  (Ctrl-C stops it)\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
