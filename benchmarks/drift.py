"""Monitoring of a model: drift of a million rows by twenty columns, against SciPy's exact statistic of the numeric
ones.

Run: python -m benchmarks drift

A reference cuts the bins and counts the rows, once a champion; drift counts rows again and compares, each time. Both
read a Parquet file. SciPy has the numeric columns in memory already, and works out no population stability.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks._measure import Figure, Work, alternate, at_most, median, peak, run

ROWS, QUICK_ROWS = 1_000_000, 100_000
MAX_RATIO = 1.0
NUMBERS, WHOLE, FLAGS, TEXTS = 12, 3, 2, 3


def figures(*, quick: bool = False) -> list[Figure]:
    """Reference and drift together, beside SciPy."""
    rows = QUICK_ROWS if quick else ROWS
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        file = Path(folder) / "rows.parquet"
        columns = write(file, rows)
        found = alternate(
            {
                "here": lambda: run("drift", "watch", file=str(file), columns=columns),
                "scipy": lambda: run("drift", "scipy", file=str(file), columns=columns[: NUMBERS + WHOLE]),
            },
            1 if quick else 5,
        )
    here, exact = median(found["here"]), median(found["scipy"])
    return [
        at_most(
            f"reference and drift of {rows:,} x {len(columns)} / SciPy's exact statistic of {NUMBERS + WHOLE}",
            here / exact,
            MAX_RATIO,
            note=f"{here:.2f} s / {exact:.2f} s; a profile of {found['here'][0].result['bytes']:,} bytes",
        ),
        Figure(
            f"peak memory of reference and drift of {rows:,} x {len(columns)}",
            f"{peak(found['here']):.2f} GiB",
            note=f"SciPy {peak(found['scipy']):.2f} GiB",
        ),
    ]


def watch(file: str, columns: list[str]) -> Work:
    """The work for a new champion, and the work of each look."""
    import polars as pl

    from mesh_pipelines.monitoring.column_profile import reference_profile
    from mesh_pipelines.monitoring.drift import drift

    rows = pl.scan_parquet(file)

    def work() -> Mapping[str, Any]:
        profile = reference_profile(rows, columns)
        if any(column.psi != 0.0 for column in drift(profile, rows)):
            raise SystemExit("the same rows have drifted")
        return {"bytes": len(profile.to_json())}

    return work


def scipy(file: str, columns: list[str]) -> Work:
    """The two-sample Kolmogorov-Smirnov statistic of every column."""
    import polars as pl
    from scipy.stats import ks_2samp

    values = pl.read_parquet(file, columns=columns).fill_null(0).to_numpy().T

    def work() -> Mapping[str, Any]:
        for column in values:
            ks_2samp(column, column, method="asymp")
        return {}

    return work


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
