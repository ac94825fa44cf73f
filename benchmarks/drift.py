"""Drift of a million rows by twenty columns: population stability index and Kolmogorov-Smirnov statistic.

    python -m benchmarks.drift [--rows 1000000] [--repeat 5] [--json]

``reference`` cuts the bins and counts the rows (once a champion), ``drift`` counts the same rows again and compares
(each time). Seconds are medians of ``--repeat`` turns over a Parquet file; ``peak`` is the process's memory, imports
and Parquet reader included. ``scipy`` is the exact statistic of the numeric columns alone, for scale.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TARGET_S = 3.0
NUMBERS, WHOLE, FLAGS, TEXTS = 12, 3, 2, 3


def write(file: Path, rows: int) -> list[str]:
    """Write the rows, part by part, and return the names of the columns."""
    import numpy as np
    import polars as pl

    def part(size: int, seed: int) -> pl.DataFrame:
        random = np.random.default_rng(seed)
        ports = np.array([f"port-{index:03d}" for index in range(105)])
        return pl.DataFrame(
            {
                **{f"n{i:02d}": random.normal(i, 1 + i, size).astype("f4") for i in range(NUMBERS)},
                **{f"w{i}": random.poisson(3 + i, size).astype("i4") for i in range(WHOLE)},
                **{f"b{i}": random.random(size) < 0.2 for i in range(FLAGS)},
                **{f"t{i}": ports[random.zipf(1.3, size) % len(ports)] for i in range(TEXTS)},
            }
        ).with_columns(n00=pl.when(pl.int_range(size) % 9 > 0).then("n00"))

    size = 250_000
    names: list[str] = []
    parts: list[Path] = []
    for seed, first in enumerate(range(0, rows, size)):
        frame = part(min(size, rows - first), seed)
        parts.append(file.with_name(f"{seed}.parquet"))
        frame.write_parquet(parts[-1])
        names = frame.columns
    pl.scan_parquet(parts).sink_parquet(file)
    return names


def measure(rows: int, repeat: int) -> dict[str, Any]:
    """Seconds of each, and the peak memory after the polars part."""
    import polars as pl

    from mesh_pipelines.monitoring.drift import drift
    from mesh_pipelines.monitoring.profile import reference_profile

    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        file = Path(folder) / "rows.parquet"
        columns = write(file, rows)
        frame = pl.scan_parquet(file)
        before = _peak()
        reference, profile = _median(lambda: reference_profile(frame, columns), repeat)
        again, found = _median(lambda: drift(profile, frame), repeat)
        peak = _peak()
        assert all(column.psi == 0.0 for column in found)

        from scipy.stats import ks_2samp

        numeric = frame.select(columns[: NUMBERS + WHOLE]).collect().fill_null(0)

        def exact() -> list[Any]:
            return [ks_2samp(values, values, method="asymp") for values in numeric.to_numpy().T]

        scipy, _ = _median(exact, 1)
    return {
        "rows": rows,
        "columns": len(columns),
        "reference s": reference,
        "drift s": again,
        "both s": reference + again,
        "scipy s": scipy,
        "profile bytes": len(profile.to_json()),
        "peak before GiB": before,
        "peak GiB": peak,
    }


def _median(work: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    seconds: list[float] = []
    result: Any = None
    for _ in range(repeat):
        begun = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds), result


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--repeat", type=int, default=5)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    found = measure(given.rows, given.repeat)
    if given.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:>16}  {value:,.2f}" if isinstance(value, float) else f"{name:>16}  {value:,}")
    if given.rows == 1_000_000:
        print(f"\nreference and drift together: {found['both s']:.1f} s, wanted about {TARGET_S:g} s")


if __name__ == "__main__":
    sys.exit(main())
