"""Restarts code servers whose inner process was killed.

``dagster dev`` runs each code server as an outer process and an inner one, which holds the domain's code. It starts
the outer one again when that has ended, but does not watch the inner one: its domain's sensor would fail at every
tick from then on. So an outer process that has lost its inner one is ended, and Dagster starts both.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress

from resources.processes import children, command_of, repeat_in_background

SECONDS = 3.0
"""Between two checks; a server that reloads its code lacks its inner process for less than that."""


@contextmanager
def watch_code_servers(dagster: int) -> Generator[None]:
    """Watch the code servers of a ``dagster dev``, given by its process number, meanwhile."""
    started: set[int] = set()  # one that starts has no inner process yet
    orphaned: set[int] = set()

    def end_orphaned() -> None:
        nonlocal started, orphaned
        servers = code_servers(dagster)
        started |= {server for server, inner in servers.items() if inner}
        before, orphaned = orphaned, {server for server, inner in servers.items() if not inner} & started
        for server in before & orphaned:
            with suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)

    with repeat_in_background(end_orphaned, SECONDS):
        yield


def code_servers(dagster: int) -> dict[int, list[int]]:
    """Outer processes below a ``dagster dev``, each with its inner ones."""
    return {
        process: children(process)
        for process in children(dagster)
        if "dagster code-server start" in command_of(process)  # the daemon has children with similar commands
    }
