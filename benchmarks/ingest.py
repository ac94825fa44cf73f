"""A landed file through the audit of its source, with the strict count of its records and without.

Run: python -m benchmarks ingest
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks._data import raw
from benchmarks._measure import Figure, Sample, Work, alternate, at_most, cache, median, run, warm_auditor

KEY, FILE = "departures_raw", "departures-2013-01"
MAX_RATIO = 1.3
YEARS = 5
"""Each of 336,776 departures, all in one file of January 2013."""


def figures(*, quick: bool = False) -> list[Figure]:
    """CSV and JSON lines, with the count and without it in alternation."""
    years = 1 if quick else YEARS
    return [_compared(_file(years, ending), 3 if quick else 7) for ending in ("csv", "jsonl")]


def _compared(file: Path, rounds: int) -> Figure:
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        homes = (f"{folder}/{number}" for number in count())

        def ingest(variant: str) -> Sample:
            return run("ingest", variant, env={"MESH_HOME": next(homes)}, file=str(file))

        found = alternate({"with": lambda: ingest("counted"), "without": lambda: ingest("uncounted")}, rounds)
    slow, fast, rows = median(found["with"]), median(found["without"]), found["with"][0].result["rows"]
    return at_most(
        f"ingest of {rows:,} rows of {file.suffix}, records counted / not",
        slow / fast,
        MAX_RATIO,
        note=f"{slow:.2f} s / {fast:.2f} s; {file.stat().st_size / 1e6:.0f} MB",
    )


def counted(file: str) -> Work:
    """Count, read, audit, quarantine, encrypt and publish, as the step of a source does."""
    return _ingest(Path(file), strict=True)


def uncounted(file: str) -> Work:
    """The same without the pass that counts."""
    return _ingest(Path(file), strict=False)


def _ingest(file: Path, *, strict: bool) -> Work:
    from mesh_pipelines.declaring.load import load_domain
    from mesh_pipelines.declaring.node import PARTITION
    from mesh_pipelines.landing.formats import Judged, RawFile
    from mesh_pipelines.landing.landed import FILE as NAME
    from mesh_pipelines.publishing.candidate import Candidate
    from mesh_pipelines.publishing.publish import publish
    from mesh_pipelines.runtime.preload import AUDIT, PLANNING, preload
    from mesh_pipelines.shared import shared_resources
    from resources.store import FolderStore

    preload(PLANNING, AUDIT)
    warm_auditor()
    node = load_domain("domains.operations").nodes[KEY]
    contract = node.contract
    assert contract is not None

    def work() -> Mapping[str, Any]:
        landed = RawFile(FolderStore(str(file.parent)), file.name)
        judged = landed.judge(contract) if strict else Judged("")
        if judged.fault:
            raise SystemExit(judged.fault)
        frame = landed.rows(contract, judged).with_columns(
            pl.lit(file.name).alias(NAME), pl.lit("2013-01").alias(PARTITION)
        )
        candidate = Candidate(frame, records=judged.records if strict else None, partitions=("2013-01",))
        published = publish(shared_resources(), node, candidate, {}, "benchmark")
        return {"rows": published.rows, "seconds": dict(published.seconds)}

    return work


def _file(years: int, ending: str) -> Path:
    path = cache("data") / f"{FILE}-{years}.{ending}"
    if not path.exists():
        rows = pl.concat([raw(2013 + year) for year in range(years)]).collect()
        making = path.with_suffix(".tmp")
        rows.write_csv(making) if ending == "csv" else rows.write_ndjson(making)
        making.rename(path)
    return path
