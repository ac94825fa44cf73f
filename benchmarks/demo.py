"""`mesh demo` in a fresh home: its wall time, and the share that is not the work itself.

Run: python -m benchmarks demo
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks._measure import Figure, Work, ended_well, run


def figures(*, quick: bool = False) -> list[Figure]:
    """Wall time, and the share that is neither reading nor auditing, training or writing."""
    del quick
    home = Path(tempfile.mkdtemp(prefix="mesh-bench-"))
    try:
        found = run("demo", "demo", env={"MESH_HOME": str(home)})
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
    ]


def demo() -> Work:
    """Land nine months and bring the whole mesh up to date, as ``mesh demo`` does."""

    def work() -> Mapping[str, Any]:
        from mesh_pipelines.commands.demo_data import FIRST_MONTHS, land
        from mesh_pipelines.orchestration.run import run as run_mesh
        from mesh_pipelines.shared import platform

        shared = platform()
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
