"""A mesh that lives: its webserver, daemon and code servers are processes of their own, seen from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.runtime.dagster_yaml import ensure_dagster_home
from mesh_pipelines.shared import SharedResources
from resources.settings import Settings

PATIENCE = 240.0
QUIET = 12.0
"""Seconds without a new run after which the mesh has settled; its sensors look every five."""
_SENSOR = "dagster/sensor_name"


class LivingMesh:
    """A mesh and the processes that keep it current.

    Args:
        root: folder of its ``workspace.yaml``.
        home: its ``MESH_HOME``.
    """

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home = root, home
        known = {name: value for name, value in os.environ.items() if not name.startswith("MESH_")}
        self.environment = known | {
            "MESH_HOME": str(home),
            "MESH_SENSOR_SECONDS": "5",
            "MESH_SETTLE_SECONDS": "1",
        }
        self.settings = Settings(home=home)
        self.platform = SharedResources(self.settings)
        self._process: subprocess.Popen[bytes] | None = None

    def mesh(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Type a ``mesh`` command."""
        command = [sys.executable, "-c", "from mesh_pipelines.commands.cli import main; main()", *words]
        return subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )

    def start(self) -> None:
        """Start webserver, daemon and code servers, as ``mesh ui`` does."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        words = [
            sys.executable,
            "-c",
            "from mesh_pipelines.commands.cli import main; main()",
            "ui",
            "--port",
            port,
        ]
        with (self.home / "ui.log").open("ab") as log:
            self._process = subprocess.Popen(
                words, cwd=self.root, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self) -> None:
        """Stop all of them."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None

    def wait_until_ended(self) -> None:
        """Wait until ``mesh ui`` has ended by itself."""
        assert self._process is not None
        assert self._process.wait(60) != 0
        self._process = None

    def processes(self, *words: str) -> list[int]:
        """Living processes of this mesh, and of no other, whose command line holds all of these words."""
        mine = f"MESH_HOME={self.home}".encode()
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mine in environment and all(word in line for word in words):
                found.append(int(entry.name))
        return sorted(found)

    def kill(self, *words: str) -> list[int]:
        """Kill those processes, as a power cut would."""
        found = self.processes(*words)
        for process in found:
            with suppress(ProcessLookupError):  # it ended with another one
                os.kill(process, signal.SIGKILL)
        return found

    @contextmanager
    def instance(self) -> Generator[dg.DagsterInstance]:
        """Its Dagster instance, whose settings name the folder by a variable; made here if nobody has yet."""
        ensure_dagster_home(self.settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAGSTER_HOME", str(self.settings.dagster_home))
            with dg.DagsterInstance.from_config(str(self.settings.dagster_home)) as instance:
                yield instance

    def runs(self) -> list[dg.DagsterRun]:
        """Runs that no person started, the oldest first."""
        with self.instance() as instance:
            return [run for run in reversed(instance.get_runs()) if _SENSOR in run.tags]

    def ticks(self) -> dict[str, str]:
        """Why each domain's last tick asked for no run; empty where it asked for one."""
        from dagster._core.scheduler.instigation import TickStatus

        ended = [TickStatus.SKIPPED, TickStatus.SUCCESS]
        with self.instance() as instance:
            sensors = instance.all_instigator_state()
            last = {
                state.instigator_name: instance.get_ticks(
                    state.instigator_origin_id, state.selector_id, limit=1, statuses=ended
                )
                for state in sensors
            }
        return {
            name.removesuffix("_current"): tick.skip_reason or ""
            for name, ticks in last.items()
            for tick in ticks
        }

    def wait_for(self, what: str, condition: Callable[[], Any], every: float = 0.5) -> None:
        """Wait until something has come about."""
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                log = (self.home / "ui.log").read_text(errors="replace")[-4000:]
                raise AssertionError(f"not in {PATIENCE:.0f} s: {what}\n{log}")
            time.sleep(every)

    def settle(self, quiet_for: float = QUIET) -> None:
        """Wait until all runs have ended, no new one comes, and each domain's last tick was about nothing."""
        since, seen = time.monotonic(), -1

        def quiet() -> bool:
            nonlocal since, seen
            runs = self.runs()
            if len(runs) != seen or not all(run.is_finished for run in runs):
                since, seen = time.monotonic(), len(runs)
            return time.monotonic() - since > quiet_for

        self.wait_for("the mesh settles", quiet, every=1)

    def versions(self, key: str) -> tuple[Any, ...]:
        """Registered versions of a model."""
        return registry_of(self.platform).versions(key)

    def content(self, key: str) -> tuple[int, str]:
        """Version and content of a table; -1 where nothing is published."""
        record = self.platform.record(key)
        return (record.version, record.data_version) if record else (-1, "")


def made(runs: Sequence[dg.DagsterRun]) -> Counter[str]:
    """How often each asset was asked for."""
    return Counter(".".join(key.path) for run in runs for key in run.asset_selection or ())
