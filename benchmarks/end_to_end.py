"""Operations from landing to predictions, against a plain script that does the same work without the platform.

Run: python -m benchmarks end_to_end

Both begin with landed files and with what other domains have published; both end with the source, the product, the
feature set, the model and its predictions written. Whole processes are timed, imports included: medians of three
rounds, in which platform and script take turns to be first.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks._data import A_YEAR, crowd
from benchmarks._measure import (
    Figure,
    Sample,
    Work,
    alternate,
    at_most,
    ended_well,
    median,
    peak,
    run,
)

TIMES, ROUNDS = 10, 3
MAX_RATIO, MAX_MEMORY_RATIO, MAX_MORE_SECONDS = 1.25, 1.5, 15.0
PORTS = ("weather.observations", "weather.visibility_forecast", "fleet.aircraft")
FORECAST = "operations.delay_forecast"


def figures(*, quick: bool = False) -> list[Figure]:
    """Ten times the bundled departures (left out of a quick look), and the bundled ones."""
    base = Path(tempfile.mkdtemp(prefix="mesh-bench-"))
    try:
        run("end_to_end", "others", env={"MESH_HOME": str(base)}, ports=str(base / "ports"))
        lines = [] if quick else _large(base)
        return [*lines, *_bundled(base, 1 if quick else ROUNDS)]
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _large(base: Path) -> list[Figure]:
    rows = TIMES * A_YEAR
    found = _both(base, TIMES, ROUNDS)
    mesh, plain = median(found["mesh"], "process_seconds"), median(found["plain"], "process_seconds")
    most, least = peak(found["mesh"]), peak(found["plain"])
    note = f"AUC {found['mesh'][0].result['auc']:.4f} / {found['plain'][0].result['auc']:.4f}"
    return [
        at_most(
            f"operations end to end, {rows:,} departures / plain script",
            mesh / plain,
            MAX_RATIO,
            note=f"{mesh:.1f} s / {plain:.1f} s, medians of {ROUNDS}; {note}",
        ),
        at_most(
            f"its peak memory, {rows:,} departures / plain script",
            most / least,
            MAX_MEMORY_RATIO,
            note=f"{most:.2f} GiB / {least:.2f} GiB",
        ),
        _overhead(
            f"share of it that is not reading, auditing, training or writing, {rows:,} departures", found
        ),
    ]


def _overhead(what: str, found: Mapping[str, list[Sample]]) -> Figure:
    """As the demo's; it is the same work whatever the number of rows, so its share shrinks as they grow."""
    samples = [
        (s.result["overhead"] + s.process_seconds - s.seconds, s.process_seconds) for s in found["mesh"]
    ]
    rest, whole = sorted(samples)[len(samples) // 2]
    return Figure(what, f"{rest / whole:.0%}", note=f"{rest:.1f} s of {whole:.1f} s")


def _bundled(base: Path, runs: int) -> list[Figure]:
    found = _both(base, 1, runs)
    mesh, plain = median(found["mesh"], "process_seconds"), median(found["plain"], "process_seconds")
    note = (
        f"{mesh:.1f} s / {plain:.1f} s; processor time {median(found['mesh'], 'cpu_seconds'):.1f} s / "
        f"{median(found['plain'], 'cpu_seconds'):.1f} s; AUC {found['mesh'][0].result['auc']:.4f} / "
        f"{found['plain'][0].result['auc']:.4f}"
    )
    what = f"operations end to end, {A_YEAR:,} departures: more than the plain script"
    return [
        at_most(what, mesh - plain, MAX_MORE_SECONDS, unit=" s", note=note),
        _overhead(f"the same share, {A_YEAR:,} departures", found),
    ]


def _both(base: Path, times: int, runs: int) -> dict[str, list[Sample]]:
    landing = crowd(times)

    def mesh() -> Sample:
        home = Path(tempfile.mkdtemp(prefix="mesh-bench-")) / "home"
        try:
            shutil.copytree(base, home)
            shutil.copytree(landing, home / "landing" / "operations", dirs_exist_ok=True)
            return run("end_to_end", "platform", env={"MESH_HOME": str(home)})
        finally:
            shutil.rmtree(home.parent, ignore_errors=True)

    def plain() -> Sample:
        with tempfile.TemporaryDirectory(prefix="mesh-bench-") as out:
            return run("end_to_end", "script", landing=str(landing), ports=str(base / "ports"), out=out)

    return alternate({"mesh": mesh, "plain": plain}, runs)


def others(ports: str) -> Work:
    """Land weather and aircraft, publish what operations reads of them, and copy that to plain Parquet."""

    def work() -> Mapping[str, Any]:
        from mesh_pipelines.commands.demo_data import MONTHS, land
        from mesh_pipelines.orchestration.run import run as run_mesh
        from mesh_pipelines.shared import shared_resources

        shared = shared_resources()
        land(MONTHS, shared.settings.landing_folder)
        shutil.rmtree(shared.settings.landing_folder / "operations")
        report = run_mesh(PORTS)
        ended_well(report)
        Path(ports).mkdir()
        for key in PORTS:
            shared.lake.scan(key).sink_parquet(Path(ports) / f"{key.partition('.')[2]}.parquet")
        return {}

    return work


def platform() -> Work:
    """The work of ``mesh run operations.delay_forecast``."""

    def work() -> Mapping[str, Any]:
        from mesh_pipelines.modeling.registry import registry_of
        from mesh_pipelines.orchestration.run import run as run_mesh
        from mesh_pipelines.shared import shared_resources

        report = run_mesh([FORECAST])
        ended_well(report)
        champion = registry_of(shared_resources()).champion("operations.departure_delay")
        steps = {
            step.key: [round(step.seconds, 2), round(step.work_seconds, 2)]
            for step in report.steps
            if step.status == "done"
        }
        return {
            "auc": champion.metrics["auc"] if champion else 0.0,
            "steps": steps,
            "overhead": report.overhead_seconds,
        }

    return work


def script(landing: str, ports: str, out: str) -> Work:
    """The plain script."""

    def work() -> Mapping[str, Any]:
        from benchmarks.plain_operations import main

        return main(landing, ports, out)

    return work
