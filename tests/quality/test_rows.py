"""Rows that keep the contract go on, the others are quarantined as they came, each with the rules it broke."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from quality.contract import Contract
from quality.rows import RowAudit
from quality.typed import typed
from tests.mesh_pipelines.small_domains import promise, read_promise
from tests.quality.flight_rows import GOOD, TEXT, raw, typed_batch


def rules_broken(contract: Contract, **change: str | None) -> list[str]:
    """The rules that the good row breaks, so changed."""
    split = RowAudit(contract).split(raw(change))
    return split.bad["_rules"].to_list()[0] if split.bad.height else []


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("flight", "abc", "flight_type"),
        ("flight", "1.5", "flight_type"),
        ("flight", "99999999999", "flight_type"),
        ("flight", "0", "flight_minimum"),
        ("flight", "", "flight_required"),
        ("flight", "NA", "flight_required"),
        ("flight", None, "flight_required"),
        ("day", "2013-02-30", "day_type"),
        ("day", "0000-01-01", "day_type"),
        ("day", "99999-01-01", "day_type"),
        ("day", "+020-01-01", "day_type"),
        ("day", "2013-01- 5", "day_type"),
        ("scheduled_at", "+020-01-05T10:00:00Z", "scheduled_at_type"),
        ("scheduled_at", "2013-1-5T10:00:00Z", "scheduled_at_type"),
        ("scheduled_at", "2013-01-05T 9:00:00Z", "scheduled_at_type"),
        ("scheduled_at", "2013-01-05  10:00:00", "scheduled_at_type"),
        ("scheduled_at", "2013-01-05T10:00:00\u221202:00", "scheduled_at_type"),
        ("scheduled_at", "0000-12-31T23:59:59Z", "scheduled_at_type"),
        ("scheduled_at", "10000-01-01T00:00:00Z", "scheduled_at_type"),
        ("scheduled_at", "2013-02-30T10:00:00Z", "scheduled_at_type"),
        ("scheduled_at", "2013-01-05T25:00:00Z", "scheduled_at_type"),
        ("scheduled_at", "2012-12-31T23:59:59Z", "scheduled_at_minimum"),
        ("scheduled_at", "2014-01-02T00:00:00Z", "scheduled_at_exclusive_maximum"),
        ("delay", "nan", "delay_finite"),
        ("delay", "inf", "delay_finite"),
        ("delay", "-Infinity", "delay_finite"),
        ("delay", "1e400", "delay_finite"),
        ("delay", "3000.1", "delay_maximum"),
        ("delay", "late", "delay_type"),
        ("delay", " 1", "delay_type"),
        ("cancelled", "perhaps", "cancelled_type"),
        ("carrier", "ZZ", "carrier_enum"),
        ("month", "2013-1", "month_pattern"),
        ("passenger", "ada", "passenger_is_a_name"),
    ],
)
def test_a_bad_value_breaks_the_rule_that_names_it(
    landed: Contract, column: str, value: str | None, rule: str
) -> None:
    """One reason for one fault: NaN is not also too large, and unreadable is not also missing."""
    assert rules_broken(landed, **{column: value}) == [rule]


@pytest.mark.parametrize(
    ("logical", "pattern", "good", "bad"),
    [
        ("date", "dd/MM/yyyy", "01/02/2020", ["01/02/20", "1/2/2020", " 1/02/2020", "01/02/02020", "01-02-2020"]),
        ("date", "d.M.yyyy", "1.2.2020", ["1.2.20", "001.2.2020", "1.2.2020 "]),
        ("date", "dd MMM yyyy", "01 Feb 2020", ["01 Feb 20", "01 2 2020"]),
        ("date", "yyyyMMdd", "20200201", ["2020021", "+2020201", "2020-02-01"]),
        ("timestamp", "dd/MM/yyyy HH:mm:ss", "01/02/2020 00:00:00", ["31/12/2016 23:59:60", "01/02/20 00:00:00"]),
        ("timestamp", "yyyy-MM-dd'T'HH:mmXXX", "2020-02-01T00:00+00:00", ["2020-02-01T0:0+00:00", "2020-02-01T00:00"]),
    ],
)  # fmt: skip
def test_a_format_means_what_it_says(
    tmp_path: Path, logical: str, pattern: str, good: str, bad: list[str]
) -> None:
    """Two digits are no year of four, and no blank is a zero."""
    options = {"logicalType": logical, "logicalTypeOptions": {"format": pattern}}
    written = promise("shop", "days_raw", {"id": "integer", "day": options})
    contract = read_promise(tmp_path, written, stage="source")
    texts = [good, *bad]
    split = RowAudit(contract).split(
        pl.DataFrame({"id": [str(at) for at in range(len(texts))], "day": texts})
    )
    assert [str(day)[:10] for day in split.good["day"]] == ["2020-02-01"]
    assert split.bad["day"].to_list() == bad


def test_quarantine_keeps_what_came_and_where_it_came_from(landed: Contract) -> None:
    """The text, untouched, with file and line; every rule that the row broke."""
    batch = raw({"flight": "abc", "carrier": "ZZ", "delay": "NA"}, {}).with_columns(
        pl.lit("flights-2013-01.csv").alias("_file"), pl.Series("_row", [1, 2], dtype=pl.Int64)
    )
    split = RowAudit(landed).split(batch)
    row = split.bad.row(0, named=True)
    assert (row["flight"], row["delay"], row["_file"], row["_row"]) == ("abc", "NA", "flights-2013-01.csv", 1)
    assert row["_rules"] == ["carrier_enum", "flight_type"]
    assert split.good.columns == [*landed.dtypes, "_file", "_row"]
    assert split.good["_row"].to_list() == [2]


def test_samples_show_public_values_only(landed: Contract, flights: Contract) -> None:
    """A restricted name never reaches a screen: not in a line of a source that is shifted by one column either."""
    split = RowAudit(landed).split(raw({"carrier": "ZZ"}, {"passenger": "secret"}, {"delay": "9999"}))
    assert split.samples == {}
    assert split.failed == {"carrier_enum": 1, "passenger_is_a_name": 1, "delay_maximum": 1}
    public = {rule.columns for rule in RowAudit(flights).rules if rule.public}
    assert ("carrier",) in public
    assert ("passenger",) not in public


def test_a_contract_without_any_row_rule_splits_nothing(reload: Callable[..., Contract]) -> None:
    """Nullable text alone: all rows are good."""

    def only_text(document: dict[str, Any]) -> None:
        schema = document["schema"][0]
        schema["properties"] = [
            {
                "name": "note",
                "logicalType": "string",
                "physicalType": "string",
                "classification": "public",
                "description": "A note.",
            }
        ]
        schema.pop("quality", None)

    contract = reload(only_text, "source")
    split = RowAudit(contract).split(pl.DataFrame({"note": ["a", "", None]}))
    assert (split.good.height, split.bad.height) == (3, 0)


def test_watched_rules_count_and_take_nothing_out(landed: Contract) -> None:
    """A warning, and a promised share of nulls."""
    split = RowAudit(landed).split(raw({"passenger": "", "delay": ""}, {}))
    assert split.quarantined == 0
    assert split.failed == {"passenger_known": 1, "delay_mostly_known": 1}


def test_a_setting_of_pandera_cannot_turn_the_gate_off(landed: Contract) -> None:
    """Validation is on, whatever the environment says."""
    from pandera.config import config_context

    with config_context(validation_enabled=False):
        assert RowAudit(landed).split(raw({"flight": "0"})).quarantined == 1


def test_an_empty_batch_is_split_into_two_empty_frames(landed: Contract) -> None:
    """With the right columns, so that it can be written."""
    split = RowAudit(landed).split(raw())
    assert (split.rows, split.good.schema) == (0, pl.Schema(landed.dtypes))
    assert split.bad.columns == [*landed.dtypes, "_rules"]


# An oracle that shares no code with the audit: plain Python, value by value.


def is_moment(text: str) -> bool:
    """A UTC moment of 2013."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return datetime(2013, 1, 1, tzinfo=UTC) <= moment < datetime(2014, 1, 2, tzinfo=UTC)


def is_day(text: str) -> bool:
    """A day of the calendar."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_delay(text: str) -> bool:
    """A finite number within its bounds; blanks around it are no part of a number."""
    try:
        number = float(text)
    except ValueError:
        return False
    return text == text.strip() and math.isfinite(number) and -120 <= number <= 3000


ORACLE: dict[str, Any] = {
    "month": lambda v: re.search(r"^[0-9]{4}-[0-9]{2}$", v) is not None,
    "carrier": lambda v: v in ("UA", "AA", "DL"),
    "flight": lambda v: re.fullmatch(r"[+-]?[0-9]+", v) is not None and 1 <= int(v) <= 9999,
    "scheduled_at": is_moment,
    "day": is_day,
    "delay": is_delay,
    "cancelled": lambda v: v.lower() in ("true", "false", "0", "1"),
    "passenger": lambda v: re.search(r"^[A-Z]", v) is not None,
}
REQUIRED = ("month", "carrier", "flight", "scheduled_at")


def keeps(row: dict[str, str | None]) -> bool:
    """True if the row keeps the contract."""
    for column, value in row.items():
        if value in (None, "", "NA"):
            if column in REQUIRED:
                return False
        elif not ORACLE[column](value):
            return False
    return True


ODD = st.sampled_from(
    [None, "", "NA", "nan", "inf", "-1", "0", "x", "1e3", "2013-02-30", " 1", "NULL", "\u00e9", "1.0"]
)
DAYS = st.dates(date(2012, 6, 1), date(2014, 6, 1))
VALUES: dict[str, st.SearchStrategy[str | None]] = {
    "month": st.sampled_from(["2013-01", "2013-1"]),
    "carrier": st.sampled_from(["UA", "AA", "DL", "ZZ", "U"]),
    "flight": st.integers(-5, 12_000).map(str),
    "scheduled_at": st.datetimes(datetime(2012, 6, 1), datetime(2014, 6, 1)).map(
        lambda d: d.strftime("%Y-%m-%dT%H:%M:%SZ")
    ),
    "day": DAYS.map(date.isoformat),
    "delay": st.floats(-200, 4000).map(repr),
    "cancelled": st.sampled_from(["true", "FALSE", "0", "no"]),
    "passenger": st.sampled_from(["Ada", "ada", "1"]),
}
# Mostly the good value, else nearly no row would be good.
ROWS = st.lists(
    st.fixed_dictionaries(
        {c: st.one_of(st.just(GOOD[c]), st.just(GOOD[c]), s, ODD) for c, s in VALUES.items()}
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_split_loses_nothing_and_agrees_with_an_oracle(
    landed: Contract, rows: list[dict[str, str | None]]
) -> None:
    """Good and bad together are the input, in order; a row is good exactly if plain Python says so."""
    batch = raw(*rows).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("_row"))
    split = RowAudit(landed).split(batch)
    assert split.rows == len(rows)
    assert split.good["_row"].to_list() == [i for i, row in enumerate(rows) if keeps(row)]
    assert split.bad["_row"].to_list() == [i for i, row in enumerate(rows) if not keeps(row)]
    for kept in split.bad.iter_rows(named=True):
        assert {c: kept[c] for c in GOOD} == rows[kept["_row"]]
        assert kept["_rules"]
    assert sum(map(len, split.bad["_rules"])) == sum(
        n for rule, n in split.failed.items() if rule not in ("passenger_known", "delay_mostly_known")
    )


WORDS = [["2013-01", "2013-1", None], ["UA", "ZZ", "AA"], ["17", "0", "x", None], ["Ada", "ada", "", None]]


@pytest.mark.parametrize("rows", [0, 1, 300, 30_000])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5])
def test_pandera_says_the_same_of_the_rows_it_is_shown_as_of_all(
    landed: Contract, rows: int, share: float
) -> None:
    """Rows that keep every rule are passed over in one pass; which rows break which rules stays the same."""
    chosen = random.Random(rows).choices
    columns = {
        name: [
            chosen(words, [1 - share] + [share / (len(words) - 1)] * (len(words) - 1))[0] for _ in range(rows)
        ]
        for name, words in zip(("month", "carrier", "flight", "passenger"), WORDS, strict=True)
    }
    batch = pl.DataFrame({**{n: [v] * rows for n, v in GOOD.items()}, **columns}, schema=TEXT)
    audit = RowAudit(landed)
    reading = typed(batch, landed)
    checked = reading.frame.with_columns(
        mask.alias(f"_unreadable_{n}") for n, mask in reading.unreadable.items()
    )
    shown, all_of_them = (
        audit.failure_cases(checked),
        audit.judged(checked, frozenset(r.name for r in audit.rules if r.quarantines)),
    )
    assert (all_of_them is not None) or rows * share < 10
    assert (shown is None) == (all_of_them is None)
    if shown is not None and all_of_them is not None:
        # A check's number hangs on how many were asked about.
        assert_frame_equal(shown.drop("check_number"), all_of_them.drop("check_number"), check_dtypes=False)


def test_a_batch_of_the_wrong_type_falls_through_to_nobody(landed: Contract) -> None:
    """Pandera holds the types of every batch, also of one in which no row breaks a rule."""
    from pandera.errors import SchemaErrors

    checked = typed_batch(landed).with_columns(pl.col("flight").cast(pl.Int64))
    with pytest.raises(SchemaErrors, match="flight"):
        RowAudit(landed).failure_cases(checked)
