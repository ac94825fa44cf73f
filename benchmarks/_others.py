"""Benchmarks that are commands of their own, in the words of the common table."""

from __future__ import annotations

import re
import subprocess
import sys

from benchmarks._measure import ROOT, Figure, at_most, environment

_LINE = re.compile(r"^(publish|read)\s+([\d.]+)s\s+([\d.]+)s", re.MULTILINE)


def training(*, quick: bool = False) -> list[Figure]:
    """Training from an encrypted feature set against bare XGBoost, and its peak memory."""
    from benchmarks.training import FEATURES, MAX_PEAK_GIB, MAX_RATIO, measure

    found = measure(1_000_000 if quick else 10_000_000, 30, 1 if quick else 3)
    size = f"{found['rows']:,} rows x {FEATURES}"
    bare, mesh = found["variants"]["bare"]["seconds"], found["variants"]["mesh"]["seconds"]
    same = found["same_bytes"]["external memory"]
    return [
        at_most(
            f"training, {size}, encrypted / bare XGBoost",
            found["ratio"],
            MAX_RATIO,
            note=f"{mesh:.1f} s / {bare:.1f} s; without judging {found['ratio_fit']:.2f}x",
        ),
        at_most(f"peak memory of training, {size}", found["peak_gib"], MAX_PEAK_GIB, unit=" GiB"),
        Figure(
            "model trained through external memory",
            "the same bytes" if same else "other bytes",
            "the same",
            same,
        ),
    ]


def lake_encryption(*, quick: bool = False) -> list[Figure]:
    """Encrypted publish and read against plain ones."""
    size = ["--rows", "500000", "--runs", "3"] if quick else []
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.lake_encryption", *size],
        check=True,
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    return [
        at_most(
            f"encrypted / plain {step}", float(sealed) / float(plain), 1.15, note=f"{sealed} s / {plain} s"
        )
        for step, plain, sealed in _LINE.findall(done.stdout)
    ]
