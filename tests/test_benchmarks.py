"""What a benchmark prints is honestly had: what failed, or was not done as it says, gives no good figure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import training

ROOT = Path(__file__).resolve().parent.parent

FAILING = """
from mesh_pipelines.orchestration import run as runs

runs.run = lambda *_, **__: runs.RunReport(
    (
        runs.StepReport("a.b", "a", "product", "failed", message="disk is full"),
        runs.StepReport("a.c", "a", "product", "skipped", message="a.b failed"),
    ),
    1.0,
)

from benchmarks.demo import demo
from benchmarks.end_to_end import platform
"""


@pytest.mark.parametrize("variant", ["demo", "platform"])
def test_a_run_with_failed_steps_gives_no_figure(tmp_path: Path, variant: str) -> None:
    """The measured process prints none, says what failed, and ends badly."""
    (tmp_path / "failing.py").write_text(FAILING)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks._measure", "failing", variant, "{}"],
        check=False,
        cwd=ROOT,
        env={**os.environ, "MESH_HOME": str(tmp_path / "home"), "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert "a.b: disk is full\na.c: a.b failed" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("external", "same", "measured"),
    [
        (True, True, "the same bytes"),
        (True, False, "other bytes"),
        (False, True, "not through it"),
    ],
)
def test_external_memory_that_was_not_used_is_not_the_same(
    monkeypatch: pytest.MonkeyPatch, external: bool, same: bool, measured: str
) -> None:
    """The same bytes say nothing where training never went through external memory; its peak is shown."""

    def run(variant: str, *_: object) -> dict[str, Any]:
        its_own = variant == "external"
        return {
            "seconds": 2.0,
            "cpu_seconds": 2.0,
            "peak_gib": 0.25 if its_own else 1.0,
            "sha256": "a" if same or not its_own else "b",
            "external": external and its_own,
        }

    monkeypatch.setattr(training, "_run", run)
    figure = training.figures(quick=True)[-1]
    assert (figure.measured, figure.met) == (measured, measured == "the same bytes")
    assert "0.25 GiB at most" in figure.note
