"""Measurement of figures: each variant in a process of its own, in alternation, medians of several runs.

    python -m benchmarks._measure MODULE VARIANT '{"argument": value}'

runs one variant and prints its sample as JSON. A variant is a function that does all that is not timed
(imports, opening its input) and returns the work, a function without arguments.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mesh_pipelines.orchestration.run_report import RunReport

ROOT = Path(__file__).resolve().parent.parent
Work = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Args:
        what: subject of the measurement, with its size.
        measured: the figure, with its unit.
        bar: its limit; empty where it is only shown.
        met: true if it is within its bar; None where it is only shown.
        note: the figures that it was made from.
    """

    what: str
    measured: str
    bar: str = ""
    met: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Sample:
    """One run of a variant.

    Args:
        seconds: wall time of the work alone.
        cpu_seconds: processor time of the work alone, all threads together.
        process_seconds: wall time of its whole process: interpreter, imports, work.
        peak_gib: most memory that the process, or it and its children together, ever held (GiB, resident).
    """

    seconds: float
    process_seconds: float
    peak_gib: float
    cpu_seconds: float = 0.0
    result: Mapping[str, Any] = field(default_factory=dict)


def workspace_at(root: str) -> Any:
    """Use the mesh of another workspace for the rest of this process."""
    from mesh_pipelines.governance.load_mesh import load_mesh
    from mesh_pipelines.testing import workspace

    inside = workspace(Path(root))
    atexit.register(inside.__exit__, None, None, None)
    inside.__enter__()
    return load_mesh(Path(root))


def run(module: str, variant: str, *, env: Mapping[str, str] | None = None, **arguments: Any) -> Sample:
    """Run one variant in a fresh process.

    Args:
        module: the benchmark, e.g. ``audit_publish``.
        env: settings to add to the environment.
        arguments: JSON-able arguments of the function.

    Raises:
        subprocess.CalledProcessError: it failed; what it wrote on standard error is shown then, and only then.
    """
    command = [sys.executable, "-m", "benchmarks._measure", f"benchmarks.{module}", variant]
    begun = time.perf_counter()
    arguing = [*command, json.dumps(arguments)]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            arguing, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env=environment(env)
        ) as process,
        _Together(process.pid) as together,
    ):
        printed, _ = process.communicate()
        errors.seek(0)
        complaints = errors.read()
    took = time.perf_counter() - begun
    if process.returncode:
        sys.stderr.write(complaints)
        raise subprocess.CalledProcessError(process.returncode, arguing)
    found = json.loads(printed.splitlines()[-1])
    most = max(found["peak_gib"], together.gib)
    return Sample(found["seconds"], took, most, found["cpu_seconds"], found["result"])


def alternate(variants: Mapping[str, Callable[[], Sample]], runs: int) -> dict[str, list[Sample]]:
    """Run every variant ``runs`` times in turn, each round in the opposite order of the one before."""
    found: dict[str, list[Sample]] = {name: [] for name in variants}
    for turn in range(runs):
        names = list(variants)
        for name in names if turn % 2 == 0 else reversed(names):
            found[name].append(variants[name]())
    return found


def median(samples: Sequence[Sample], of: str = "seconds") -> float:
    """The median of one figure of several runs."""
    return statistics.median(getattr(sample, of) for sample in samples)


def peak(samples: Sequence[Sample]) -> float:
    """The highest peak of several runs, in GiB."""
    return max(sample.peak_gib for sample in samples)


def at_most(what: str, value: float, bar: float, *, unit: str = "x", note: str = "") -> Figure:
    """A figure that has to be at most ``bar``."""
    return Figure(what, f"{value:.2f}{unit}", f"at most {bar:g}{unit}", value <= bar, note)


def at_least(what: str, value: float, bar: float, *, unit: str = "x", note: str = "") -> Figure:
    """A figure that has to be at least ``bar``."""
    return Figure(what, f"{value:.1f}{unit}", f"at least {bar:g}{unit}", value >= bar, note)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a measured process: compiled modules are kept, as on any machine that is used twice.

    OpenMP waits without spinning, as in the platform: on a busy machine a plain script that spins takes five times as
    long, and would make any figure look good.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    own = {"PYTHONPYCACHEPREFIX": str(cache("bytecode")), "OMP_WAIT_POLICY": "passive"}
    return {**kept, **own, **(more or {})}


def cache(name: str) -> Path:
    """A folder for data that takes long to make, kept between runs below the system's temporary folder."""
    folder = Path(tempfile.gettempdir()) / "mesh-bench" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def load(*modules: str) -> None:
    """Import what the work is going to import, so that it is not timed."""
    for module in modules:
        import_module(module)


def warm_auditor() -> None:
    """Wait until the child that judges dataset rules has imported what it needs, so that it is not timed."""
    from mesh_pipelines.shared import shared_resources

    auditor = shared_resources().auditor
    auditor.start()
    validation = auditor.validation("warm.up")
    validation.page()
    validation.close()


def ended_well(report: RunReport) -> None:
    """Stop the benchmark if a step of a run failed, with every message."""
    if not report.ok:
        raise SystemExit("\n".join(f"{step.key}: {step.message}" for step in report.steps if step.message))


def peak_gib() -> float:
    """The most memory that this process has held."""
    try:
        # Not ru_maxrss: what a process held before it became this program counts in that.
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) / 2**20
    except (OSError, IndexError):
        unit = 2**30 if sys.platform == "darwin" else 2**20
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


class _Together:
    """The most memory that a process and its children hold at one time, sampled ten times a second."""

    def __init__(self, process: int) -> None:
        self.gib = 0.0
        self._process, self._ended = process, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Together:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self.gib = max(self.gib, sum(map(_resident, _family(self._process))) / 2**20)


def _family(process: int) -> list[int]:
    found = [process]
    for number in found:
        with suppress(OSError):
            for task in Path(f"/proc/{number}/task").iterdir():
                found += map(int, (task / "children").read_text(encoding="utf-8").split())
    return found


def _resident(process: int) -> int:
    """KiB; none of one that has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0])
    except (OSError, IndexError):
        return 0


def cpu_seconds() -> float:
    """Processor time of this process, all its threads, and of those it has started that have ended."""
    started = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + started.ru_utime + started.ru_stime


def _main() -> None:
    module, variant, arguments = sys.argv[1:]
    work: Work = getattr(import_module(module), variant)(**json.loads(arguments))
    begun, spent = time.perf_counter(), cpu_seconds()
    result = dict(work())
    took = {"seconds": time.perf_counter() - begun, "cpu_seconds": cpu_seconds() - spent}
    print(json.dumps({**took, "peak_gib": peak_gib(), "result": result}), flush=True)


if __name__ == "__main__":
    _main()
