"""A batch in its contract's types: no value is lost, rounded or read as another."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mesh_pipelines.errors import AuditRefused
from quality.contract import Contract
from quality.rows import RowAudit
from quality.typed import as_text, conform, differences, type_name, typed
from tests.quality.flight_rows import raw, typed_batch

Reload = Callable[..., Contract]


def promise(reload: Reload, **columns: dict[str, Any]) -> Contract:
    """The contract of a source with these columns, by name: type and options."""

    def change(document: dict[str, Any]) -> None:
        schema = document["schema"][0]
        schema["properties"] = [
            {"name": name, "classification": "public", "description": "A column.", **column}
            for name, column in columns.items()
        ]
        schema.pop("quality", None)

    return reload(change, "source")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2013-01-05T10:00:00Z", datetime(2013, 1, 5, 10, tzinfo=UTC)),
        ("2013-01-05 10:00:00", datetime(2013, 1, 5, 10, tzinfo=UTC)),
        ("2013-01-05T10:00", datetime(2013, 1, 5, 10, tzinfo=UTC)),
        ("2013-01-05T10:00:00.250+02:00", datetime(2013, 1, 5, 8, 0, 0, 250000, tzinfo=UTC)),
    ],
)
def test_moments_are_read_in_every_iso_form(landed: Contract, text: str, moment: datetime) -> None:
    """With or without offset, fraction and seconds, side by side in one batch."""
    split = RowAudit(landed).split(raw({}, {"scheduled_at": text}))
    assert split.good["scheduled_at"][1] == moment


def test_integers_that_a_float_does_not_hold_are_refused_as_text_too(landed: Contract) -> None:
    """A number that is refused of a Parquet file is not rounded where it comes as text."""
    audit = RowAudit(landed)
    exact, rounded = str(-(2**53)), str(2**53 + 1)
    split = audit.split(raw({"delay": rounded}, {"delay": "1.5"}))
    assert split.bad["delay"].to_list() == [rounded]
    assert split.failed["delay_type"] == 1
    assert "delay_type" not in audit.split(raw({"delay": exact})).failed


def test_times_finer_than_a_microsecond_are_refused_as_text_too(landed: Contract) -> None:
    """Nine digits are taken where the last three are zero."""
    fine, zeros = "2013-01-01T05:00:00.000000001Z", "2013-01-01T05:00:00.000001000Z"
    split = RowAudit(landed).split(raw({"scheduled_at": fine}, {"scheduled_at": zeros}))
    assert split.failed.get("scheduled_at_type") == 1
    assert split.bad["scheduled_at"].to_list() == [fine]


@pytest.mark.parametrize(
    "text", ["2013-01-05T23:59:60Z", "2013-01-05 23:59:60", "13-01-05T10:00:00Z", "+2013-01-05T10:00:00Z"]
)
def test_a_time_that_would_become_another_is_refused(landed: Contract, text: str) -> None:
    """A second 60 would be the next minute, two digits a year of antiquity."""
    split = RowAudit(landed).split(raw({}, {"scheduled_at": text}))
    assert split.bad["scheduled_at"].to_list() == [text]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop("delay"), "column `delay` is missing, expected number"),
        (lambda f: f.rename({"delay": "delays"}), "`delays` (was it `delay`?)"),
        (lambda f: f.with_columns(pl.lit(1).alias("gate")), "1 column is not in the contract"),
        (
            lambda f: f.with_columns(pl.col("flight").cast(pl.String)),
            "column `flight` is String, expected integer",
        ),
        (lambda f: f.with_columns(pl.col("flight").cast(pl.Float64)), "column `flight` is Float64"),
        (lambda f: f.with_columns(pl.col("day").cast(pl.Datetime("us"))), "column `day` is Datetime"),
        (lambda f: f.with_columns(pl.col("scheduled_at").dt.replace_time_zone(None)), "time zone"),
        (lambda f: f.with_columns(pl.lit(1).alias("carrier")), "expected string"),
    ],
)
def test_a_product_with_other_columns_is_refused(
    flights: Contract, landed: Contract, change: Any, words: str
) -> None:
    """Missing, renamed, extra, retyped: the error names the column and what was promised."""
    with pytest.raises(AuditRefused, match=re.escape(words)):
        conform(change(typed_batch(landed)), flights)


def test_columns_may_stand_in_any_order(flights: Contract, landed: Contract) -> None:
    """The published order is the contract's."""
    batch = typed_batch(landed)
    split = RowAudit(flights).split(batch.select(reversed(batch.columns)))
    assert_frame_equal(split.good, batch)


def test_types_are_widened_and_never_narrowed_with_loss(flights: Contract, landed: Contract) -> None:
    """A wider integer passes value by value; a day becomes its midnight; a float too fine does not become one."""
    batch = typed_batch(landed).with_columns(
        pl.Series("flight", [1, 2, 2**40]),
        pl.Series("scheduled_at", [date(2013, 5, 1)] * 3),
        pl.Series("delay", [1, 2, 3], dtype=pl.UInt8),
    )
    split = RowAudit(flights).split(batch)
    assert split.bad["_rules"].to_list() == [["flight_type"]]
    assert split.good.schema == pl.Schema(flights.dtypes)
    assert split.good["scheduled_at"][0] == datetime(2013, 5, 1, tzinfo=UTC)
    rounded = typed_batch(landed).with_columns(pl.Series("delay", [1, 2, 2**53 + 1]))
    assert RowAudit(flights).split(rounded).bad["_rules"].to_list() == [["delay_type"]]


def test_a_products_empty_string_is_a_value(flights: Contract, landed: Contract) -> None:
    """Only raw text has markers for what is missing."""
    batch = typed_batch(landed, 1).with_columns(pl.lit("NA").alias("passenger"))
    assert RowAudit(flights).split(batch).good["passenger"].to_list() == ["NA"]


def test_a_schema_is_compared_without_a_row(flights: Contract) -> None:
    """Each missing, retyped and extra column in words, and what a missing one may be called now."""
    schema = dict(flights.dtypes)
    assert differences(schema, flights) == []
    assert differences({**schema, "_file": pl.String(), "_row": pl.Int64()}, flights) == []
    changed = {("delays" if name == "delay" else name): dtype for name, dtype in schema.items()}
    found = differences({**changed, "flight": pl.String(), "gate": pl.String()}, flights)
    assert [text.partition(",")[0] for text in found[:2]] == [
        "column `flight` is String",
        "column `delay` is missing",
    ]
    assert found[1].endswith("was it renamed to `delays`?")
    assert [text.partition(" (")[0] for text in found[2:]] == [
        "column `delays` is not in the contract",
        "column `gate` is not in the contract",
    ]


def test_a_column_of_nothing_fits_every_type(flights: Contract) -> None:
    """Nulls without a type become nulls of the promised one."""
    batch = pl.DataFrame({name: pl.Series([None], dtype=pl.Null) for name in flights.dtypes})
    conform(batch, flights)
    found = typed(batch, flights)
    assert found.frame.schema == flights.dtypes
    assert found.unreadable == {}


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (pl.Enum(["Ada", "Grace"]), "Enum"),
        (pl.Struct({"passport": pl.String}), "Struct"),
        (pl.List(pl.Struct({"passport": pl.String})), "List"),
        (pl.Datetime("ms", "Europe/Rome"), "Datetime(time_unit='ms', time_zone='Europe/Rome')"),
        (pl.Decimal(10, 2), "Decimal(precision=10, scale=2)"),
    ],
)
def test_the_name_of_a_type_holds_no_value(dtype: pl.DataType, name: str) -> None:
    """Categories and fields may be values of the data."""
    assert type_name(dtype) == name


@pytest.mark.parametrize(
    ("options", "text", "value"),
    [
        ({}, "2012-02-29", date(2012, 2, 29)),
        ({}, "2013-02-29", None),
        ({}, "2013-2-9", None),
        ({}, "2013-01-01T00:00", None),
        ({}, " 2013-01-01", None),
        ({}, "20130101", None),
        ({"format": "dd/MM/yyyy"}, "29/02/2012", date(2012, 2, 29)),
        ({"format": "dd/MM/yyyy"}, "2012-02-29", None),
        ({"format": "dd/MM/yyyy"}, "01/02/2013 x", None),
        ({"format": "dd/MM/yy"}, "29/02/12", date(2012, 2, 29)),
        ({"format": "dd/MM/yy"}, "01/02/70", None),
    ],
)
def test_a_day_is_read_in_its_one_form(
    reload: Reload, options: dict[str, str], text: str, value: object
) -> None:
    """ISO, or the contract's own; anything around it makes it unreadable."""
    contract = promise(reload, day={"logicalType": "date", "logicalTypeOptions": options})
    found = typed(pl.DataFrame({"day": [text]}), contract)
    assert found.frame["day"].to_list() == [value]
    assert ("day" in found.unreadable) == (value is None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2013-01-01T12:00", datetime(2013, 1, 1, 17, tzinfo=UTC)),
        ("2013-07-01T12:00", datetime(2013, 7, 1, 16, tzinfo=UTC)),
        ("2013-01-01T12:00Z", None),
        ("2013-01-01T12:00:00Z", datetime(2013, 1, 1, 12, tzinfo=UTC)),
        ("2013-01-01T12:00:00+0100", datetime(2013, 1, 1, 11, tzinfo=UTC)),
        ("2013-03-10T02:30:00", None),
        ("2013-11-03T01:30:00", None),
        ("2013-11-03T01:30:00-05:00", datetime(2013, 11, 3, 6, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_without_an_offset_is_in_the_columns_zone(reload: Reload, text: str, value: object) -> None:
    """An hour that the change to summer time skipped or repeated is no moment."""
    options = {"defaultTimezone": "America/New_York"}
    contract = promise(reload, at={"logicalType": "timestamp", "logicalTypeOptions": options})
    found = typed(pl.DataFrame({"at": [text, None]}), contract)
    assert found.frame["at"].to_list() == [value, None]
    assert {name: mask.to_list() for name, mask in found.unreadable.items()} == (
        {} if value else {"at": [True, False]}
    )


@pytest.mark.parametrize("pattern", ["dd.MM.yyyy 'Uhrzeit' HH:mm", "'am fz' dd.MM.yyyy HH:mm"])
def test_words_in_a_format_are_no_offset(reload: Reload, pattern: str) -> None:
    """A z in them is not one that says the zone."""
    options = {"defaultTimezone": "Europe/Berlin", "format": pattern}
    contract = promise(reload, at={"logicalType": "timestamp", "logicalTypeOptions": options})
    text = pattern.replace("'", "").replace("dd.MM.yyyy", "01.07.2020").replace("HH:mm", "12:00")
    found = typed(pl.DataFrame({"at": [text]}), contract)
    assert found.frame["at"].to_list() == [datetime(2020, 7, 1, 10, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("False", False),
        ("0", False),
        ("yes", None),
        (" true", None),
        ("2", None),
    ],
)
def test_truth_is_a_word_or_a_digit(reload: Reload, text: str, value: bool | None) -> None:
    """No other word is guessed at."""
    found = typed(pl.DataFrame({"x": [text]}), promise(reload, x={"logicalType": "boolean"}))
    assert found.frame["x"].to_list() == [value]
    assert ("x" in found.unreadable) == (value is None)


def test_missing_text_is_null_and_not_unreadable(reload: Reload) -> None:
    """The empty string and the contract's own word, in text and in number; a blank is text, and no number."""
    contract = promise(reload, n={"logicalType": "integer"}, s={"logicalType": "string"})
    found = typed(pl.DataFrame({"n": ["", "NA", " ", "7"], "s": ["", "NA", " ", "na"]}), contract)
    assert found.frame["n"].to_list() == [None, None, None, 7]
    assert found.frame["s"].to_list() == [None, None, " ", "na"]
    assert found.unreadable["n"].to_list() == [False, False, True, False]
    assert "s" not in found.unreadable


def test_values_that_a_type_cannot_hold_are_unreadable_and_null(reload: Reload) -> None:
    """A number too wide, a time too fine and a day beyond the calendar, of typed files too; the rest is cast."""
    contract = promise(
        reload,
        small={"logicalType": "integer", "physicalType": "TINYINT"},
        real={"logicalType": "number", "physicalType": "REAL"},
        at={"logicalType": "timestamp"},
        day={"logicalType": "date"},
    )
    fine = pl.Series([1_000, 1_001], dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))
    batch = pl.DataFrame(
        {
            "small": [127, 128],
            "real": [2**24, 2**24 + 1],
            "at": fine,
            "day": pl.Series([0, 3_000_000], dtype=pl.Int32).cast(pl.Date),
        }
    )
    found = typed(batch, contract)
    assert found.frame.schema == contract.dtypes
    assert found.frame.row(1) == (None, None, None, None)
    assert found.frame.row(0)[:2] == (127, 2.0**24)
    assert {name: mask.to_list() for name, mask in found.unreadable.items()} == {
        name: [False, True] for name in batch.columns
    }


def test_an_empty_batch_has_the_types_of_the_contract(landed: Contract) -> None:
    """And nothing unreadable."""
    found = typed(raw(), landed)
    assert (found.frame.schema, found.frame.height, found.unreadable) == (landed.dtypes, 0, {})


def test_raw_values_become_text_again() -> None:
    """For the quarantine: moments in ISO 8601, null stays null, text stays as it is."""
    batch = pl.DataFrame(
        {
            "s": ["", None],
            "n": [1.5, None],
            "at": pl.Series([datetime(2013, 1, 1, 12, tzinfo=UTC), None], dtype=pl.Datetime("us", "UTC")),
            "day": [date(2013, 1, 1), None],
            "time": [time(12, 30), None],
            "flag": [True, None],
        }
    )
    assert as_text(batch).rows() == [
        ("", "1.5", "2013-01-01 12:00:00.000000+00:00", "2013-01-01", "12:30:00", "true"),
        (None,) * 6,
    ]
