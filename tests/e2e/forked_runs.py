"""Starts runs in processes of their own, to be killed or raced; :mod:`tests.e2e.fork_server` runs there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PATIENCE = 120.0


@dataclass(frozen=True)
class ForkedRun:
    """One run in a process of its own.

    Args:
        pid: the process.
        signs: folder in which it says how far it is.
    """

    pid: int
    signs: Path

    def wait(self, sign: str) -> None:
        """Wait until it has got there: ``reached`` or ``report``."""
        deadline = time.monotonic() + PATIENCE
        while not (self.signs / sign).exists():
            error = self.signs / "error"
            assert not error.exists(), error.read_text()
            assert time.monotonic() < deadline, f"process {self.pid} is not at {sign!r} in time"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, without a chance to tidy up."""
        os.kill(self.pid, signal.SIGKILL)
        while Path(f"/proc/{self.pid}").exists():
            time.sleep(0.005)

    def report(self) -> dict[str, tuple[str, str]]:
        """Status and message of each step, once it is done."""
        self.wait("report")
        return {key: tuple(told) for key, told in json.loads((self.signs / "report").read_text()).items()}


class ForkServer:
    """A warm process that forks a run at each request."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    @contextmanager
    def of(cls, root: Path) -> Generator[ForkServer]:
        """Start it in the project's folder, and end it."""
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        command = [sys.executable, "-m", "tests.e2e.fork_server"]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=root, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        ) as process:
            yield cls(process)
            process.kill()

    def start(
        self,
        home: Path,
        selection: Sequence[str],
        stop: tuple[str, str] | None = None,
        workspace: str = "",
        by_hand: bool = False,
        **options: Any,
    ) -> ForkedRun:
        """Run a selection in a new process.

        Args:
            home: its ``MESH_HOME``.
            selection: as of ``runs.run``.
            stop: table (or model) and step at which it waits, for its end or for :meth:`go`.
            workspace: folder of a workspace, whose selected domain runs what a tick of it requests.
            by_hand: true for what `mesh run` does there instead.
            **options: as of ``runs.run``.
        """
        signs = Path(tempfile.mkdtemp(dir=home.parent, prefix="signs-"))
        task = {
            "home": str(home),
            "selection": list(selection),
            "stop": stop,
            "workspace": workspace,
            "by_hand": by_hand,
            "options": options,
            "signs": str(signs),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return ForkedRun(int(self._answer()), signs)

    @staticmethod
    def go(home: Path) -> None:
        """Let all that wait in a home go on."""
        (home.parent / "go").touch()

    def _answer(self) -> str:
        answers: IO[str] | None = self._process.stdout
        assert answers is not None
        line = answers.readline().strip()
        return self._answer() if line == "ready" else line
