"""Cost of a sensor's tick where nothing has landed: over 10,000 known files, and over ten years of months.

Run: python -m benchmarks landing
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks._data import endless, months
from benchmarks._measure import Figure, Work, at_most, ended_well, load, median, run, workspace_at

FILES = 10_000
SOURCE = "operations.departures_raw"
SHORT, LONG = 1, 10
"""Years of months."""

MAX_SECONDS = 0.5
MAX_MORE_MS = 10.0
"""Greatest difference: small beside the seconds between two ticks; a ratio of figures this small is noise."""
_TICKS = 5
_ROWS = 800


def figures(*, quick: bool = False) -> list[Figure]:
    """Ticks in processes of their own, those after a short and a long history in alternation."""
    turns = 1 if quick else 5
    base = Path(tempfile.mkdtemp(prefix="mesh-bench-"))
    try:
        many = base / "many"
        work = _many_files(many, FILES)
        run("landing", "make", env={"MESH_HOME": str(many / ".mesh")}, root=str(work), domain="machines")
        crowd = [_tick(many / ".mesh", str(work), "machines") for _ in range(turns)]
        homes = {years: base / f"years-{years}" for years in (SHORT, LONG)}
        domains = str(endless(base / "endless"))
        for years, home in homes.items():
            _months(home, years)
            run("landing", "make", env={"MESH_HOME": str(home)}, root=domains, domain=SOURCE)
        found: dict[int, list[Any]] = {SHORT: [], LONG: []}
        for turn in range(turns):
            for years in (SHORT, LONG) if turn % 2 else (LONG, SHORT):
                found[years].append(_tick(homes[years], domains, SOURCE))
    finally:
        shutil.rmtree(base, ignore_errors=True)
    typical = statistics.median(sample.result["seconds"] for sample in crowd)
    long, short = (statistics.median(s.result["seconds"] for s in found[years]) for years in (LONG, SHORT))
    return [
        at_most(
            f"a tick over {FILES:,} seen files",
            typical,
            MAX_SECONDS,
            unit=" s",
            note=f"{median(crowd, 'cpu_seconds') / _TICKS:.2f} s of processor time; median of {_TICKS * turns}",
        ),
        at_most(
            f"a look of the planner at departures: more after {12 * LONG} months of files than after {12 * SHORT}",
            (long - short) * 1000,
            MAX_MORE_MS,
            unit=" ms",
            note=f"{long * 1000:.1f} ms / {short * 1000:.1f} ms; median of {_TICKS * turns} each",
        ),
    ]


def make(root: str, domain: str) -> Work:
    """Publish what has landed, so that it has been seen."""
    from mesh_pipelines.orchestration.run import run as run_mesh

    mesh = workspace_at(root)

    def work() -> Mapping[str, Any]:
        ended_well(run_mesh([domain], mesh=mesh))
        return {}

    return work


def tick(root: str, domain: str) -> Work:
    """The work of a domain's sensor: facts from lake and landing zone, and a decision on them."""
    load("dagster", "deltalake", "mesh_pipelines.orchestration.run")
    from mesh_pipelines.orchestration.tick import attempts_in
    from mesh_pipelines.planning.lookup import facts_of
    from mesh_pipelines.planning.next_run import NoRun, next_run
    from mesh_pipelines.planning.plan import plan
    from mesh_pipelines.runtime.instance import dagster_instance
    from mesh_pipelines.shared import shared_resources

    mesh = workspace_at(root)
    instance = dagster_instance(shared_resources())

    def once() -> None:
        facts = facts_of(mesh.nodes, shared_resources(), settle=shared_resources().settings.settle_seconds)
        if "." in domain:  # its domain has more that was never made
            assert not plan(mesh.select([domain]), facts).steps
        else:
            decision = next_run(mesh, domain, facts, attempts_in(instance, domain))
            assert isinstance(decision, NoRun), decision

    def work() -> Mapping[str, Any]:
        seconds: list[float] = []
        for _ in range(_TICKS):
            begun = time.perf_counter()
            once()
            seconds.append(time.perf_counter() - begun)
        return {"seconds": statistics.median(seconds)}

    return work


def _tick(home: Path, root: str, domain: str) -> Any:
    return run("landing", "tick", env={"MESH_HOME": str(home)}, root=root, domain=domain)


def _many_files(folder: Path, count: int) -> Path:
    """A workspace with one domain of one source, and so many files of a row each."""
    from mesh_pipelines.scaffold import new_domain
    from mesh_pipelines.testing import mesh_home, workspace

    root = folder / "work"
    with mesh_home(folder / ".mesh") as home, workspace(root):
        new_domain("machines", root)
        domain, landing = root / "domains" / "machines", home / "landing" / "machines"
        for name in ("products", "features", "models"):
            (domain / f"{name}.py").unlink()
        for contract in (domain / "contracts").iterdir():
            if not contract.name.startswith("readings_raw"):
                contract.unlink()
        sources = domain / "sources.py"
        sources.write_text(sources.read_text().replace("readings.csv", "readings-*.csv"))
        (landing / "readings.csv").unlink()
        for number in range(count):  # no two alike: of two with the same content, only one is read
            text = f"machine,day,temperature,vibration,repaired\nm{number:05d},2026-01-01,60.00,1.500,false\n"
            (landing / f"readings-{number:05d}.csv").write_text(text)
    return root


def _months(home: Path, years: int) -> None:
    landing = home / "landing" / "operations"
    landing.mkdir(parents=True)
    for file in sorted(months(2013, years).iterdir()):
        lines = file.read_text().splitlines(keepends=True)
        (landing / file.name).write_text("".join(lines[: _ROWS + 1]))
