"""Cost of loading a domain for a code server, against importing Dagster and Polars alone.

Run: python -m benchmarks imports

A ratio is the median over rounds, in each of which every variant runs once: whatever else the machine does then, it
does to all of them. Processor time is shown beside wall time, for it is the steadier of the two.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

from benchmarks._measure import ROOT, Figure, Sample, alternate, at_most, environment, median

DOMAINS = ("weather", "fleet", "operations")
BARE = "import dagster, polars"
HEAVY = ("mlflow", "great_expectations", "xgboost")
MAX_RATIO = 1.3


def figures(*, quick: bool = False) -> list[Figure]:
    """Each domain's definitions, imported in a fresh interpreter; and what they must not import."""
    variants = {"bare": BARE, **{name: f"import domains.{name}.definitions" for name in DOMAINS}}
    for code in variants.values():
        _import(code)  # compiles what was never compiled
    rounds = 3 if quick else 15
    found = alternate({name: lambda code=code: _import(code) for name, code in variants.items()}, rounds)
    lines = [
        at_most(
            f"import domains.{name}.definitions / import dagster, polars",
            _ratio(found[name], found["bare"], "seconds"),
            MAX_RATIO,
            note=f"median of {rounds} rounds' ratios; medians of each by itself {median(found[name]):.2f} s, "
            f"{median(found['bare']):.2f} s; processor time {_ratio(found[name], found['bare'], 'cpu_seconds'):.2f}x",
        )
        for name in DOMAINS
    ]
    loaded = sorted({module for name in DOMAINS for module in _loaded(name)})
    what = f"{', '.join(HEAVY)} imported by loading a domain"
    return [*lines, Figure(what, ", ".join(loaded) or "none", "none", not loaded)]


def _ratio(these: list[Sample], those: list[Sample], of: str) -> float:
    return statistics.median(
        getattr(this, of) / getattr(that, of) for this, that in zip(these, those, strict=True)
    )


def _import(code: str) -> Sample:
    begun, spent = time.perf_counter(), _spent()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment())
    took = time.perf_counter() - begun
    return Sample(took, took, 0.0, _spent() - spent)


def _spent() -> float:
    """Processor seconds of all processes that this one has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _loaded(domain: str) -> list[str]:
    code = f"import sys, domains.{domain}.definitions; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.split()
