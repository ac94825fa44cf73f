"""One process below the supervisor, with all that it starts, in a session of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from resources.processes import children, processes_by_session

QUICK = 20.0
"""Seconds; a process that ends sooner by itself never worked, and one killed sooner counts as killed again."""


class Part:
    """A process that is started again when it has ended; ``needed`` if the mesh is of no use without it."""

    def __init__(
        self, name: str, command: Sequence[str], *, needed: bool = True, descriptors: Sequence[int] = ()
    ) -> None:
        self.name, self.needed = name, needed
        self.command, self._descriptors = tuple(command), tuple(descriptors)
        self.deaths = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._since = 0.0
        self._left: set[int] = set()  # further sessions in which something of it may run

    def start(self, folder: Path, environment: Mapping[str, str]) -> None:
        if self.process is not None:
            self._left.add(self.process.pid)
            self._close_pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mesh_pipelines.runtime.part", *self.command],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,  # closes when this process ends, however it ends
            pass_fds=self._descriptors,
            start_new_session=True,  # so that Ctrl-C reaches it through the supervisor alone
        )
        self._since = time.monotonic()

    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs, and before it was started."""
        return None if self.process is None else self.process.poll()

    def count_death(self) -> bool:
        """Count that it has ended; true if it did so soon after its start."""
        quick = time.monotonic() - self._since < QUICK
        self.deaths = self.deaths + 1 if quick else 1
        return quick

    def living(self, processes: Mapping[int, Sequence[int]]) -> list[int]:
        """Living processes of it, and of everything that it has started."""
        own = [self.process.pid] if self.process is not None and self.code() is None else []
        return [*{*own, *(number for session in self._sessions() for number in processes.get(session, ()))}]

    def follow(self, processes: Mapping[int, Sequence[int]]) -> None:
        """Count sessions that its processes have made, as the children that judge rules do, as its own."""
        known = self.living(processes)
        while known:
            for child in children(known.pop()):
                with suppress(ProcessLookupError):
                    self._left.add(os.getsid(child))
                known.append(child)

    def forget_ended(self) -> None:
        """Forget sessions in which nothing runs: the system gives their numbers to others."""
        if self._left:
            self._left &= set(processes_by_session())

    def close(self) -> None:
        if self.process is not None:
            self.process.wait()
            self._close_pipe()

    def _sessions(self) -> set[int]:
        return self._left | ({self.process.pid} if self.process is not None else set())

    def _close_pipe(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
