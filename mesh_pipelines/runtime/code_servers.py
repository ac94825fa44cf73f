"""Code servers that were killed come back.

``dagster dev`` runs each code server as an outer process and an inner one, which holds the domain's code. It starts
the outer one again when that has ended, but nobody looks after the inner one: its domain's sensor would fail at every
tick from then on. So an outer process that has lost its inner one is ended, and Dagster starts both.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress

from resources.processes import children, command_of, repeat_in_background

SECONDS = 3.0
"""Between two looks; one that reloads its code has none for less than that."""


@contextmanager
def watch_code_servers(dagster: int) -> Generator[None]:
    """Look after the code servers of a ``dagster dev`` for a while.

    Args:
        dagster: number of its process.
    """
    whole: set[int] = set()  # one that starts has no inner process yet
    lonely: set[int] = set()

    def look() -> None:
        nonlocal whole, lonely
        servers = code_servers(dagster)
        whole |= {server for server, inner in servers.items() if inner}
        before, lonely = lonely, {server for server, inner in servers.items() if not inner} & whole
        for server in before & lonely:
            with suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)

    with repeat_in_background(look, SECONDS):
        yield


def code_servers(dagster: int) -> dict[int, list[int]]:
    """The outer processes, each with its inner ones.

    Args:
        dagster: number of the ``dagster dev`` that started them.
    """
    return {
        process: children(process)
        for process in children(dagster)
        if "dagster code-server start"
        in command_of(process)  # the daemon has children too, and words like it
    }
