"""From a file's landing to the published predictions of three domains, followed by a real daemon.

The figure is the time in which nothing is read, audited, trained or written: waiting for ticks, for the queue,
for processes to start, for Dagster's records.

Run: python -m benchmarks followed
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks._measure import ROOT, Figure, at_most, environment

MAX_SECONDS = 20.0
PATIENCE = 600.0
LAST = "operations.delay_forecast"
_COMMAND = (sys.executable, "-c", "from mesh_pipelines.commands.cli import main; main()")


def figures(*, quick: bool = False) -> list[Figure]:
    """Two months land one after the other; the second is timed, as the first finds the daemon just started."""
    from mesh_pipelines.commands.demo_data import land
    from resources.settings import Settings

    home = Path(tempfile.mkdtemp(prefix="mesh-bench-"))
    settings = Settings(home=home)
    # Measured processes keep their bytecode elsewhere; a daemon that somebody uses keeps it where it is.
    variables = environment({"MESH_HOME": str(home), "MESH_SENSOR_SECONDS": "5", "MESH_SETTLE_SECONDS": "1"})
    history = 5 if quick else 9
    months = [f"2013-{month:02d}" for month in range(1, history + 3)]
    daemon: subprocess.Popen[bytes] | None = None
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)  # by which Dagster's settings name it
    try:
        land(months[:-2], settings.landing_folder)
        subprocess.run([*_COMMAND, "run"], cwd=ROOT, env=variables, check=True, capture_output=True)
        daemon = _start(variables)
        spans: list[tuple[float, float]] = []
        begun = 0.0
        for month in months[-2:]:
            before = _version(settings)
            begun = time.time()
            land([month], settings.landing_folder)
            _wait(lambda before=before: _version(settings) > before)
            _wait(lambda: _at_rest(settings))
            spans = _work(settings, since=begun)
        took = max(end for _, end in spans) - begun
    finally:
        if daemon is not None:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
        del os.environ["DAGSTER_HOME"]
        shutil.rmtree(home, ignore_errors=True)
    working = _union(spans)
    return [
        at_most(
            f"from a landed month to the published predictions, after {history + 1} months: time without work",
            took - working,
            MAX_SECONDS,
            unit=" s",
            note=f"{took:.1f} s in all, {working:.1f} s of it some domain reads, audits, trains or writes; "
            "sensors look every 5 s",
        )
    ]


def _start(variables: dict[str, str]) -> subprocess.Popen[bytes]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    nowhere = subprocess.DEVNULL
    command = [*_COMMAND, "ui", "--port", port]
    return subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=nowhere, stderr=nowhere, start_new_session=True
    )


def _version(settings: Any) -> int:
    from mesh_pipelines.shared import SharedResources

    record = SharedResources(settings).record(LAST)
    return record.version if record else -1


def _at_rest(settings: Any) -> bool:
    import dagster as dg

    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        return all(run.is_finished for run in instance.get_runs(limit=20))


def _work(settings: Any, since: float) -> list[tuple[float, float]]:
    """The spans of work of each step since then: the seconds that it counted itself, up to its publish."""
    import dagster as dg

    found: list[tuple[float, float]] = []
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
                made = entry.asset_materialization
                seconds = made.metadata.get("work seconds") if made else None
                if seconds is not None and entry.timestamp > since:
                    found.append((entry.timestamp - float(str(seconds.value)), entry.timestamp))
    return found


def _union(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds covered by at least one span."""
    covered, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered


def _wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise SystemExit(f"not in {PATIENCE:.0f} s; load {os.getloadavg()}")
        time.sleep(0.5)
