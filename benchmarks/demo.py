"""`mesh demo` in a fresh home: its wall time, the share that is not the work itself, and the cost of a look afterwards.

Run: python -m benchmarks demo
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks._measure import ROOT, Figure, Work, at_most, cpu_seconds, ended_well, environment, run

MAX_LOOK_SECONDS = 2.0
LOOKS = {"mesh status": ("status",), "mesh why": ("why", "operations.departure_delay")}
_COMMAND = (sys.executable, "-c", "from mesh_pipelines.commands.cli import main; main()")


def figures(*, quick: bool = False) -> list[Figure]:
    """Wall time, the share that is neither reading nor auditing, training or writing, and looks at what was made."""
    home = Path(tempfile.mkdtemp(prefix="mesh-bench-"))
    try:
        found = run("demo", "demo", env={"MESH_HOME": str(home)})
        looks = _looks(home, 3 if quick else 9)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    whole, rest = found.process_seconds, found.result["overhead"] + found.process_seconds - found.seconds
    starting = found.result["starting"] + found.process_seconds - found.seconds
    slowest = ", ".join(f"{key} {seconds:.1f} s" for key, seconds in found.result["slowest"])
    return [
        Figure("mesh demo, set-up left out", f"{whole:.0f} s", note=f"the longest: {slowest}"),
        Figure(
            "share of it that is not reading, auditing, training or writing",
            f"{rest / whole:.0%}",
            note=f"{rest:.1f} s: {starting:.1f} s of imports and planning until the first step, the rest Dagster's "
            "records, a check for each promise, and plots",
        ),
        *(
            at_most(
                f"{command} on the demo's home, start of Python included, processor time",
                statistics.median(taken),
                MAX_LOOK_SECONDS,
                unit=" s",
                note=f"median of {len(taken)}, {min(taken):.2f} to {max(taken):.2f} s",
            )
            for command, taken in looks.items()
        ),
    ]


def _looks(home: Path, rounds: int) -> dict[str, list[float]]:
    """Processor seconds of each command in a process of its own, in turn, after one that compiles its modules."""
    found: dict[str, list[float]] = {command: [] for command in LOOKS}
    variables = environment({"MESH_HOME": str(home)})
    for _ in range(rounds + 1):
        for command, words in LOOKS.items():
            spent = cpu_seconds()
            subprocess.run([*_COMMAND, *words], cwd=ROOT, env=variables, check=True, capture_output=True)
            found[command].append(cpu_seconds() - spent)
    return {command: taken[1:] for command, taken in found.items()}


def demo() -> Work:
    """Land nine months and bring the whole mesh up to date, as ``mesh demo`` does."""

    def work() -> Mapping[str, Any]:
        from mesh_pipelines.commands.demo_data import FIRST_MONTHS, land
        from mesh_pipelines.orchestration.run import run as run_mesh
        from mesh_pipelines.shared import shared_resources

        shared = shared_resources()
        with shared.auditor.beside():
            land(FIRST_MONTHS, shared.settings.landing_folder)
            report = run_mesh()
        ended_well(report)
        steps = sorted(report.steps, key=lambda step: -step.seconds)
        return {
            "overhead": report.overhead_seconds,
            "starting": report.starting_seconds,
            "slowest": [(step.key, step.seconds) for step in steps[:3]],
            "steps": {step.key: [round(step.seconds, 2), round(step.work_seconds, 2)] for step in steps},
        }

    return work
