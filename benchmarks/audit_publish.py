"""Ten million departures audited and published, against a bare scan and sink; and the audit against GX on pandas.

Run: python -m benchmarks audit_publish

The audit holds every row against the contract's rules, puts what breaks them (one in a thousand) into quarantine,
writes the rest encrypted, one file a month and more, holds the whole against the dataset rules and commits it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks._data import PLENTY, departures
from benchmarks._measure import (
    Figure,
    Work,
    alternate,
    at_least,
    at_most,
    load,
    median,
    peak,
    run,
    warm_auditor,
)

if TYPE_CHECKING:
    from quality.contract import Contract
    from quality.rules import DataRule

MAX_RATIO, MAX_PEAK_GIB, MIN_FASTER = 2.5, 3.0, 10.0
KEY = "departures"


def figures(*, quick: bool = False) -> list[Figure]:
    """Audit and publish against a bare sink, its peak memory, and its audit against GX on pandas."""
    rows = PLENTY // 10 if quick else PLENTY
    few = PLENTY // 10
    data, less = str(departures(rows)), str(departures(few))
    # Removed only when all have been timed: for minutes ext4 is slow to make files where it has just removed many.
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        homes = (f"{folder}/{number}" for number in count())
        found = alternate(
            {
                "bare": lambda: run("audit_publish", "bare", data=data, into=f"{next(homes)}.parquet"),
                "publish": lambda: run("audit_publish", "publish", env={"MESH_HOME": next(homes)}, data=data),
            },
            3 if quick else 9,
        )
    publish, bare = median(found["publish"]), median(found["bare"])
    result = found["publish"][0].result
    phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in result["seconds"].items())
    judged = alternate(
        {
            "audit": lambda: run("audit_publish", "audit", data=less),
            "pandas": lambda: run("audit_publish", "gx_on_pandas", data=less),
        },
        1 if quick else 3,
    )
    audit, pandas = median(judged["audit"]), median(judged["pandas"])
    held, some = judged["audit"][0].result["rules"], judged["pandas"][0].result["expectations"]
    return [
        at_most(
            f"audit and publish {rows:,} departures / bare scan and sink",
            publish / bare,
            MAX_RATIO,
            note=f"{publish:.2f} s ({phases}; {result['quarantined']:,} rows quarantined) / {bare:.2f} s",
        ),
        at_most(
            f"peak memory of auditing and publishing {rows:,} departures",
            peak(found["publish"]),
            MAX_PEAK_GIB,
            unit=" GiB",
        ),
        at_least(
            f"audit of {few:,} departures: GX on pandas / here",
            pandas / audit,
            MIN_FASTER,
            note=f"{pandas:.1f} s, {peak(judged['pandas']):.1f} GiB / {audit:.2f} s, "
            f"{peak(judged['audit']):.1f} GiB; {held} rules here, {some} of them there: SQL, types and finiteness "
            "are left out",
        ),
    ]


def bare(data: str, into: str) -> Work:
    """A plain script: scan, and sink the contract's columns to one plain Parquet file, ``into``."""
    columns = [name for name in pl.scan_parquet(data).collect_schema() if not name.startswith("_")]

    def work() -> Mapping[str, Any]:
        pl.scan_parquet(data).select(columns).sink_parquet(into)
        return {"bytes": Path(into).stat().st_size}

    return work


def publish(data: str) -> Work:
    """Audit, quarantine, encrypt and publish, as a Dagster step does it."""
    from mesh_pipelines.declaring.load import load_domain
    from mesh_pipelines.publishing.candidate import Candidate
    from mesh_pipelines.publishing.publish import publish
    from mesh_pipelines.runtime.preload import AUDIT, PLANNING, preload
    from mesh_pipelines.shared import shared_resources

    preload(PLANNING, AUDIT)
    warm_auditor()
    node = load_domain("domains.operations").nodes[KEY]

    def work() -> Mapping[str, Any]:
        published = publish(shared_resources(), node, Candidate(pl.scan_parquet(data)), {}, "benchmark")
        outcome = published.outcome
        return {
            "seconds": dict(published.seconds),
            "rows": published.rows,
            "quarantined": outcome.quarantined if outcome else 0,
        }

    return work


def audit(data: str) -> Work:
    """Row rules and dataset rules over a whole frame, nothing written."""
    load("great_expectations", "pandera.polars")
    from quality.dataset import audit_dataset
    from quality.rows import RowAudit
    from quality.rules import rules_of

    contract = _contract()
    rules = rules_of(contract)

    def work() -> Mapping[str, Any]:
        rows, kept = RowAudit(contract, rules), pl.scan_parquet(data)
        bad = sum(
            rows.split(batch, ("_file", "_row")).quarantined
            for batch in kept.collect_batches(chunk_size=1_000_000)
        )
        found = audit_dataset(rules, kept, name="operations.departures")
        failed = [r.rule for r in found.results if not r.passed]
        return {"rules": len(rules), "quarantined": bad, "failed": failed}

    return work


def gx_on_pandas(data: str) -> Work:
    """The same rules, as far as Great Expectations has them, on a pandas frame; the conversion counts."""
    load("pandas")
    import great_expectations as gx

    from quality.rules import rules_of

    contract = _contract()
    rules = rules_of(contract)

    def work() -> Mapping[str, Any]:
        frame = pl.read_parquet(Path(data) / "*.parquet").drop("_file", "_row").to_pandas()
        context: Any = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_pandas("pandas")
        batch = source.add_dataframe_asset("departures").add_batch_definition_whole_dataframe("all")
        suite = gx.ExpectationSuite(name="departures")
        for kind, kwargs in _expectations(rules):
            suite.add_expectation(getattr(gx.expectations, kind)(**kwargs))
        result = batch.get_batch({"dataframe": frame}).validate(suite)
        failed = [r.expectation_config.type for r in result.results if not r.success]
        return {"expectations": len(result.results), "failed": failed}

    return work


def _contract() -> Contract:
    from mesh_pipelines.declaring.load import load_domain

    contract = load_domain("domains.operations").nodes[KEY].contract
    assert contract is not None
    return contract


def _expectations(rules: tuple[DataRule, ...]) -> list[tuple[str, dict[str, Any]]]:
    """Rules in the words of GX; each bound is one; SQL, types and finiteness are left out."""
    found: list[tuple[str, dict[str, Any]]] = []
    for rule in rules:
        column = rule.columns[0] if rule.columns else ""
        value = rule.arguments.get("value")
        match rule.kind:
            case "required":
                found.append(("ExpectColumnValuesToNotBeNull", {"column": column}))
            case "enum":
                wanted = list(rule.arguments["values"])
                found.append(("ExpectColumnValuesToBeInSet", {"column": column, "value_set": wanted}))
            case "pattern":
                found.append(("ExpectColumnValuesToMatchRegex", {"column": column, "regex": value}))
            case "minimum" | "exclusive_minimum":
                strict = rule.kind.startswith("exclusive")
                kwargs = {"column": column, "min_value": _bound(value), "strict_min": strict}
                found.append(("ExpectColumnValuesToBeBetween", kwargs))
            case "maximum" | "exclusive_maximum":
                strict = rule.kind.startswith("exclusive")
                kwargs = {"column": column, "max_value": _bound(value), "strict_max": strict}
                found.append(("ExpectColumnValuesToBeBetween", kwargs))
            case "unique":
                kind = "ExpectCompoundColumnsToBeUnique"
                found.append((kind, {"column_list": list(rule.columns)}))
            case "row_count":
                found.append(("ExpectTableRowCountToBeBetween", {"min_value": 1}))
            case "sql" | "type" | "finite":
                pass
            case _:
                kind = "".join(part.capitalize() for part in rule.arguments["type"].split("_"))
                found.append((kind, dict(rule.arguments["kwargs"])))
    return found


def _bound(value: Any) -> Any:
    # pandas holds a date as an object, and compares it with a date.
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
