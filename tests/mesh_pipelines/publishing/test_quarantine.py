"""Refused rows: which they are, where they lie, with which reason, and until when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mesh_pipelines.errors import AuditRefused
from mesh_pipelines.publishing.quarantine import count_refused, refuse_doubles, refuse_strays, whole_results
from mesh_pipelines.shared import SharedResources
from quality.outcome import RULES, RuleResult, Tally
from quality.rows import RowSplit
from tests.mesh_pipelines.publishing.offered import BAD, GOOD, Shop, month, offer
from tests.mesh_pipelines.small_domains import promise, read_promise


def split(*months: str | None) -> RowSplit:
    """Good rows of these months, numbered, none bad yet."""
    good = pl.DataFrame(
        {"id": range(len(months)), "month": list(months)}, {"id": pl.Int64, "month": pl.String}
    )
    bad = pl.DataFrame(schema={"id": pl.String, "month": pl.String, RULES: pl.List(pl.String)})
    return RowSplit(good, bad)


@pytest.mark.parametrize(
    ("column", "partitions"),
    [(None, ("2013-01",)), ("month", None), ("_partition", ("2013-01",)), ("month", ("2013-01", "2013-02"))],
)
def test_where_every_row_is_in_its_place_nothing_is_refused(
    column: str | None, partitions: tuple[str, ...] | None
) -> None:
    """No partitions, a candidate for the whole table, a column that the rows lack, and rows of the partitions."""
    rows = split("2013-01", "2013-02")
    assert refuse_strays(rows, column, partitions) is rows
    assert refuse_strays(split(), "month", ("2013-01",)).rows == 0


def test_a_row_of_no_partition_is_a_stray() -> None:
    """Alone and among others: it is refused, and never lost or kept beside every partition."""
    for months in (("2013-01", None), (None,), ("2013-02", None, "2013-01")):
        found = refuse_strays(split(*months), "month", ("2013-01",))
        kept = [number for number, month in enumerate(months) if month == "2013-01"]
        assert found.good["id"].to_list() == kept
        assert found.bad["id"].to_list() == [str(n) for n in range(len(months)) if n not in kept]
        assert found.failed == {"outside_of_its_partition": len(months) - len(kept)}
        assert found.rows == len(months)


UNIQUE = RuleResult("id_unique", False, "error", 3, 1, kind="unique", columns=("id", "month"))


def test_of_rows_that_share_a_key_the_first_stays() -> None:
    """Over batches; a key that is not doubled is not looked at."""
    keys, seen = pl.DataFrame({"month": ["a"], "id": [1]}), set[Any]()
    rows = pl.DataFrame({"id": [1, 1, 2, 2, 1], "month": ["a", "b", "a", "a", "a"]})
    first = refuse_doubles(RowSplit(rows, split().bad), UNIQUE, keys, seen)
    assert first.good.rows() == [(1, "a"), (1, "b"), (2, "a"), (2, "a")]
    assert first.bad.rows() == [("1", "a", ["id_unique"])]
    again = refuse_doubles(RowSplit(rows.head(1), first.bad.clear()), UNIQUE, keys, seen)
    assert (again.good.height, again.failed) == (0, {"id_unique": 1})
    other = RowSplit(rows.slice(1, 1), first.bad.clear())
    assert refuse_doubles(other, UNIQUE, keys, seen) is other


def test_a_refused_row_keeps_its_place_and_its_reasons(tmp_path: Path) -> None:
    """File, number and partition stay what they were; reasons of rules about single rows stay beside it."""
    good = pl.DataFrame({"id": [1, 2], "_file": ["a.csv"] * 2, "_row": [7, 8], "_partition": ["x", "y"]})
    bad = pl.DataFrame(
        {"id": ["9"], "_file": ["a.csv"], "_row": [9], "_partition": ["x"], RULES: [["id_small"]]}
    )
    found = refuse_strays(RowSplit(good, bad, {"id_small": 1}), "_partition", ("x",))
    assert found.bad.rows() == [
        ("9", "a.csv", 9, "x", ["id_small"]),
        ("2", "a.csv", 8, "y", ["outside_of_its_partition"]),
    ]
    assert found.failed == {"id_small": 1, "outside_of_its_partition": 1}


def test_a_uniqueness_that_holds_without_the_refused_says_so() -> None:
    """The number of them, of all rows; a rule that nothing was refused for stays as it was."""
    tally = Tally(())
    tally.add(split("a", "b", "c"))
    passed = replace(UNIQUE, passed=True, failed=0, checked=2)
    counted = count_refused(passed, tally, {"id_unique": 1})
    assert (counted.passed, counted.failed, counted.checked) == (True, 1, 3)
    assert counted.detail.startswith("1 of 3 rows repeat a key")
    assert count_refused(passed, tally, {"other": 1}) is passed


@pytest.mark.parametrize(
    ("tolerance", "bad", "rows", "passed"),
    [
        (0, 0, 0, True),
        (0, 1, 2, False),
        (50, 1, 2, True),
        (50, 2, 3, False),
        (100, 3, 3, True),
        (7, 7, 100, True),
    ],
)
def test_the_tolerance_is_a_share_of_all_rows(
    tmp_path: Path, tolerance: float, bad: int, rows: int, passed: bool
) -> None:
    """Exactly as many as promised still pass; no rows at all break no tolerance."""
    contract = read_promise(tmp_path, promise("shop", "orders", {"id": "integer"}, tolerance=tolerance))
    tally = Tally(())
    tally.add(RowSplit(pl.DataFrame({"id": range(rows - bad)}), pl.DataFrame({"id": ["x"] * bad})))
    columns, within = whole_results(contract, tally)
    assert (columns.passed, columns.rule) == (True, "columns_conform")
    assert (within.passed, within.failed, within.checked) == (passed, bad, rows)


def test_refused_rows_go_to_quarantine_with_rule_and_place(shop: Shop) -> None:
    """A row that breaks a rule is kept as it came, beside the file and row that it came from and the rules it broke."""
    place = {"_file": ["a.csv", "a.csv", "b.csv"], "_row": [1, 2, 1]}
    done = shop.publish({**BAD, **place})
    assert shop.rows()["id"].to_list() == [1, 3]
    assert shop.rows().columns == ["id", "amount", "city"]
    [row] = shop.rows(shop.quarantine).to_dicts()
    assert (row["id"], row["amount"], row["city"], row["_file"], row["_row"]) == (
        "2",
        "-2.0",
        "Oslo",
        "a.csv",
        2,
    )
    [rule] = row["_rules"]
    assert rule in {check.rule for check in (done.outcome.results if done.outcome else ())}
    assert rule.startswith("amount")
    assert done.outcome is not None
    assert (done.outcome.rows, done.outcome.quarantined, done.rows) == (3, 1, 2)


def test_refused_rows_without_a_place_are_kept_all_the_same(shop: Shop) -> None:
    """A transformation that drops where rows came from leaves these fields empty."""
    shop.publish(BAD)
    [row] = shop.rows(shop.quarantine).to_dicts()
    assert (row["_file"], row["_row"], row["id"]) == (None, None, "2")


def test_nothing_in_quarantine_is_public(shop: Shop) -> None:
    """A refused value may be anything: what is public in the product is at least internal in its quarantine."""
    shop.publish(BAD)
    kinds = shop.shared.lake.record(shop.quarantine).classification
    assert (kinds["id"], kinds["amount"], kinds["city"]) == ("internal", "internal", "confidential")


def test_repeated_keys_go_to_quarantine_where_that_is_tolerated(shop: Shop) -> None:
    """Of rows that share a key the first stays; the others are refused with the rule that they broke."""
    done = shop.publish({**GOOD, "id": [1, 2, 2], "city": ["Rome", "first", "second"]})
    assert shop.rows()["city"].to_list() == ["Rome", "first"]
    [row] = shop.rows(shop.quarantine).to_dicts()
    assert (row["id"], row["city"]) == ("2", "second")
    assert done.outcome is not None
    [rule] = [r for r in done.outcome.results if r.rule in row["_rules"]]
    assert (rule.passed, rule.failed, rule.checked) == (True, 1, 3)


def test_repeated_keys_are_refused_where_nothing_is_tolerated(
    shared: SharedResources, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A product without tolerance is not published with a key that does not identify."""
    strict = offer(shared, tmp_path, request)
    with pytest.raises(AuditRefused, match="id"):
        strict.publish({**GOOD, "id": [1, 2, 2]})
    assert not strict.shared.lake.exists(strict.node.key)


def test_rows_outside_of_their_partition_are_refused(monthly: Shop) -> None:
    """A row of March in February's candidate would overwrite March with what it does not have."""
    monthly.publish(month("2013-03", 7, 8), "2013-03")
    february, stray = pl.DataFrame(month("2013-02", 1, 2)), pl.DataFrame(month("2013-03", 3))
    done = monthly.publish(pl.concat([february, stray]).lazy(), "2013-02")
    assert sorted(monthly.rows().select("id", "month").rows()) == [
        (1, "2013-02"), (2, "2013-02"), (7, "2013-03"), (8, "2013-03"),
    ]  # fmt: skip
    [row] = monthly.rows(monthly.quarantine).to_dicts()
    assert (row["id"], row["_rules"]) == ("3", ["outside_of_its_partition"])
    assert done.outcome is not None
    assert done.outcome.quarantined == 1


def test_a_correction_empties_the_quarantine(shop: Shop) -> None:
    """Once the rows have been put right, the quarantine of now holds none; its past version can still be read."""
    shop.publish(BAD)
    then = shop.shared.lake.version(shop.quarantine)
    shop.publish(GOOD)
    assert shop.rows(shop.quarantine).height == 0
    assert shop.rows().height == 3
    assert shop.shared.lake.scan(shop.quarantine, version=then).collect().height == 1


def test_a_correction_of_a_month_heals_that_month_alone(monthly: Shop) -> None:
    """Refused rows of other months stay in quarantine."""
    for name in ("2013-01", "2013-02"):
        bad, good = pl.DataFrame(month(name, 1, amount=-1.0)), pl.DataFrame(month(name, 2, 3))
        monthly.publish(pl.concat([bad, good]).lazy(), name)
    assert sorted(monthly.rows(monthly.quarantine)["month"]) == ["2013-01", "2013-02"]
    monthly.publish(month("2013-01", 1, 2, 3), "2013-01")
    assert monthly.rows(monthly.quarantine)["month"].to_list() == ["2013-02"]
