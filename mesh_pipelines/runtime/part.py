"""Entry of each process that the supervisor starts: runs a module, and ends when the supervisor has ended.

    python -m mesh_pipelines.runtime.part dagster._daemon run -w workspace.yaml

Its standard input is a pipe that the supervisor holds. The pipe closes when the supervisor ends, even by SIGKILL; the
process then ends with its whole session, so no daemon goes on without the rest.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from contextlib import suppress

PAUSE = 1.0
"""Seconds for what ended the supervisor to end this process too, as a person who kills all of them does."""
GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL to a session whose supervisor has ended."""


def main() -> None:
    """Run the module that the first argument names, as ``python -m`` does."""
    # A shell's background job inherits SIGINT as ignored; Dagster ends and cancels by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    held = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_end_with, args=(held,), daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    time.sleep(PAUSE)
    if os.getsid(0) != os.getpid():
        os.kill(os.getpid(), signal.SIGTERM)
        return
    with suppress(ProcessLookupError):
        os.killpg(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.killpg(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
