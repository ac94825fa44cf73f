"""A table of a real PostgreSQL read by watermark: new rows are read once, and nothing is lost to an odd mark."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_pipelines.errors import LandingError
from mesh_pipelines.landing.changes import changed_partitions, known_inputs, look_at
from mesh_pipelines.landing.landed import Landed, SeenInput
from mesh_pipelines.publishing.publish import publish
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.source import source_candidate
from mesh_pipelines.testing import mesh_home
from resources.settings import get_settings
from tests.mesh_pipelines.landing.table_shop import COLUMNS, KEY, NOON, TABLE, WATERMARK, Shop, look, place
from tests.mesh_pipelines.small_domains import promise

pytestmark = pytest.mark.odd_input("watermarks", "lost", "held up")


def test_only_rows_beyond_the_watermark_are_read(orders: Shop, asked: list[str]) -> None:
    """New rows are added; a row with a known key takes the old one's place; what was read before is not read again."""
    node = orders.declare(WATERMARK)
    assert orders.make(node) == "done"
    orders.database.do(f"INSERT INTO sales.orders SELECT i, 'Bern', '{NOON}' FROM generate_series(10, 500) i")
    assert orders.make(node) == "done"
    assert len(orders.rows()) == 493
    orders.database.do(
        "INSERT INTO sales.orders VALUES (3, 'Lima', '2024-01-02')",
        "UPDATE sales.orders SET city = 'Bonn', changed_at = '2024-01-03' WHERE id = 1",
    )
    assert orders.make(node) == "done"
    asked.clear()
    assert orders.make(node) == "up to date"
    assert not [query for query in asked if query.startswith("read ")]
    orders.database.do("INSERT INTO sales.orders VALUES (4, 'Kyiv', '2024-01-04')")
    assert orders.make(node) == "done"
    assert [query for query in asked if query.startswith("read ")] == [
        "read 2 rows",
        "read 2 rows",
    ]  # keys first
    assert [row for row in orders.rows() if row[1] != "Bern"] == [
        (1, "Bonn"),
        (2, "Oslo"),
        (3, "Lima"),
        (4, "Kyiv"),
    ]
    assert len(orders.rows()) == 495


def test_late_rows_with_the_same_watermark_are_neither_lost_nor_doubled(orders: Shop) -> None:
    """Without a key too: what stands at the watermark is read again, in place of what was read of it before."""
    bare = promise("shop", "orders_raw", COLUMNS)
    for column in bare["schema"][0]["properties"]:
        column.pop("primaryKey", None)
        column.pop("primaryKeyPosition", None)
    node = orders.declare(WATERMARK, COLUMNS, schema=bare["schema"])
    assert node.contract
    assert node.contract.key == ()
    assert orders.make(node) == "done"
    orders.database.do(f"INSERT INTO sales.orders VALUES (2, 'Oslo', '{NOON}'), (9, 'Late', '{NOON}')")
    assert orders.make(node) == "done"
    assert orders.rows() == [(1, "Rome"), (2, "Oslo"), (2, "Oslo"), (9, "Late")]
    orders.database.do("INSERT INTO sales.orders VALUES (5, 'Nowhen', NULL)")
    assert orders.make(node) == "done"
    orders.database.do("INSERT INTO sales.orders VALUES (6, 'Nowhen', NULL)")
    assert orders.make(node) == "done"
    assert orders.rows()[3:] == [(5, "Nowhen"), (6, "Nowhen"), (9, "Late")]
    assert orders.make(node) == "up to date"


def test_an_overlap_finds_what_was_committed_late(orders: Shop, asked: list[str]) -> None:
    """A long transaction may commit rows with an older time: those below the overlap cost a reading of the whole."""
    node = orders.declare(WATERMARK + ', overlap="10 minutes"')
    assert orders.make(node) == "done"
    orders.database.do("INSERT INTO sales.orders VALUES (3, 'Late', '2024-01-01 11:55+00')")
    assert orders.make(node) == "done"
    assert "read 4 rows" not in asked
    orders.database.do("INSERT INTO sales.orders VALUES (4, 'Too late', '2024-01-01 11:45+00')")
    assert orders.make(node) == "done"
    assert orders.rows() == [(1, "Rome"), (2, "Oslo"), (3, "Late"), (4, "Too late")]
    assert asked.count("read 4 rows") == 1
    assert orders.make(node) == "up to date"
    assert orders.make(node, anew=True) == "done"
    assert len(orders.rows()) == 4


@pytest.mark.parametrize("kind", ["smallint", "integer", "bigint"])
def test_a_mark_less_the_overlap_stays_within_its_type(orders: Shop, kind: str) -> None:
    """The lowest number of a type stands for "never" in some tables."""
    lowest = {"smallint": -(2**15), "integer": -(2**31), "bigint": -(2**63)}[kind]
    orders.database.do("DROP TABLE sales.orders", TABLE.replace("timestamptz", kind))
    orders.database.do(f"INSERT INTO sales.orders VALUES (1, 'a', {lowest})")
    node = orders.declare(WATERMARK + ', overlap="10"', COLUMNS | {"changed_at": "integer"})
    assert orders.make(node) == "done"
    orders.database.do("INSERT INTO sales.orders VALUES (2, 'b', 7)")
    assert orders.make(node) == "done"
    assert orders.rows() == [(1, "a"), (2, "b")]


def test_refused_rows_stay_in_quarantine_until_their_key_comes_again(orders: Shop) -> None:
    """A new form that is refused leaves the last good row; a good form takes both places, and others stay refused."""
    orders.database.do(
        "ALTER TABLE sales.orders ALTER COLUMN id TYPE text",
        f"INSERT INTO sales.orders VALUES ('x', 'Rome', '{NOON}'), ('y', 'Oslo', '2023-12-31')",
    )
    columns = COLUMNS | {"city": {"logicalType": "string", "logicalTypeOptions": {"maxLength": 4}}}
    node = orders.declare(WATERMARK, columns, tolerance=90)
    assert orders.make(node) == "done"
    assert [row[0] for row in orders.refused()] == ["x", "y"]
    orders.database.do(
        "UPDATE sales.orders SET city = 'Constantinople', changed_at = '2024-01-02' WHERE id = '1'"
    )
    orders.database.do("INSERT INTO sales.orders VALUES ('3', 'Bonn', '2024-01-02')")
    orders.database.do("INSERT INTO sales.orders VALUES ('4', 'Bonn', '2024-01-02')")
    assert orders.make(node) == "done"
    assert orders.rows() == [(1, "Rome"), (2, "Oslo"), (3, "Bonn"), (4, "Bonn")]
    assert [row[0] for row in orders.refused()] == ["1", "x", "y"]
    orders.database.do("UPDATE sales.orders SET city = 'Ulm', changed_at = '2024-01-03' WHERE id = '1'")
    assert orders.make(node) == "done"
    assert orders.rows()[0] == (1, "Ulm")
    assert [row[0] for row in orders.refused()] == ["x", "y"]


def bare(columns: dict[str, Any], *, key: bool = True) -> dict[str, Any]:
    """A table's part of a contract: no rules on all rows together, and no key unless wanted."""
    [table] = promise("shop", "orders_raw", columns)["schema"]
    table.pop("quality")
    for column in table["properties"] if not key else ():
        column.pop("primaryKey", None)
        column.pop("primaryKeyPosition", None)
        column["required"] = False
    return {"schema": [table]}


ODD = {
    "timestamptz": ("timestamp", "'infinity'", "1 not finite"),
    "timestamp": ("timestamp", "'9999-12-31'", "1 more than 1 hour ahead of the database's clock"),
    "date": ("date", "'9999-12-31'", "1 more than 1 hour ahead of the database's clock"),
    "numeric": ("number", "'NaN'", "1 not finite"),
    "double precision": ("number", "'Infinity'", "1 not finite"),
    "real": ("number", "'-Infinity'", "1 not finite"),
    "integer": ("integer", "NULL", "1 without a value"),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_value_is_no_mark_and_its_row_is_read_once(orders: Shop, asked: list[str], kind: str) -> None:
    """What comes after it is read; the odd row wakes nobody; its number and reason are on record, and no value."""
    logical, odd, words = ODD[kind]
    low, high = ("1", "2") if logical in ("number", "integer") else ("'2024-01-01'", "'2024-01-02'")
    orders.database.do(
        f"CREATE TABLE sales.odd (id bigint, city text, upd {kind})",
        f"INSERT INTO sales.odd VALUES (1, 'a', {low}), (2, 'b', {odd})",
    )
    columns = {"id": "integer", "city": "string", "upd": logical}
    node = orders.declare('"sales.odd", database="shop", watermark="upd"', columns, tolerance=90)
    assert orders.make(node) == "done"
    assert orders.make(node) == "up to date"
    orders.database.do(f"INSERT INTO sales.odd VALUES (3, 'c', {high})")
    asked.clear()
    assert orders.make(node) == "done"
    refused = [(int(row), city) for row, city in orders.refused()]
    assert sorted(orders.rows() + refused) == [(1, "a"), (2, "b"), (3, "c")]
    assert refused == ([(2, "b")] if "finite" in words else [])
    assert asked.count("read 3 rows") == 2  # keys first: the row at the mark, the odd one, the new one
    assert orders.make(node) == "up to date"
    record = PublishRecord.of(shared_resources().record(KEY))
    assert record.notes == {"watermark": f"rows that are no mark, and read with every read: {words}"}
    assert "9999" not in str(record.landed)
    orders.database.do("DELETE FROM sales.odd WHERE id = 2")
    assert orders.make(node) == "done"
    assert orders.rows() == [(1, "a"), (3, "c")]
    assert PublishRecord.of(shared_resources().record(KEY)).notes == {}


@pytest.mark.parametrize(
    ("ahead", "late", "taken"),
    [
        ("", "30 minutes", True),
        ("", "2 hours", False),
        ("1 day", "2 hours", True),
        ("5 minutes", "30 minutes", False),
    ],
)
def test_a_mark_may_be_ahead_of_the_databases_clock_by_as_much_as_the_source_says(
    orders: Shop, ahead: str, late: str, taken: bool
) -> None:
    """One hour, where the source says nothing else."""
    orders.database.do(f"INSERT INTO sales.orders VALUES (3, 'Soon', now() + interval '{late}')")
    node = orders.declare(WATERMARK + (f', ahead="{ahead}"' if ahead else ""))
    [found] = look(node, {}).inputs
    assert (found.mark == "2024-01-01 12:00:00+00") != taken
    assert ("ahead of the database's clock" in found.note) != taken


def test_a_time_without_zone_may_be_of_the_databases_own_zone(orders: Shop) -> None:
    """Local times of a database in Tokyo are nine hours ahead of UTC, and marks all the same."""
    orders.database.do("ALTER TABLE sales.orders ALTER COLUMN changed_at TYPE timestamp")
    orders.database.do(
        "ALTER ROLE reader SET timezone = 'Asia/Tokyo'",
        "INSERT INTO sales.orders VALUES (3, 'Tokyo', now() AT TIME ZONE 'Asia/Tokyo')",
    )
    try:
        [found] = look(orders.declare(WATERMARK), {}).inputs
    finally:
        orders.database.do("ALTER ROLE reader RESET timezone")
    assert not found.note
    assert not found.mark.startswith("2024")
    [found] = look(orders.declare(WATERMARK), {}).inputs
    assert found.note


@pytest.mark.parametrize("kind", ["text", "boolean", "uuid", "bytea", "jsonb", "time", "interval"])
def test_a_watermark_whose_order_is_not_of_time_is_refused(orders: Shop, kind: str) -> None:
    """The error names the column, its type and the remedy."""
    orders.database.do(f"ALTER TABLE sales.orders ALTER COLUMN changed_at TYPE {kind} USING NULL::{kind}")
    fault = look_at(lambda: place(orders.declare(WATERMARK)), {}).fault
    assert isinstance(fault, LandingError)
    assert f"'changed_at' is of the type {kind}" in fault.what
    assert "read as a snapshot" in fault.remedy


def test_a_domain_over_a_time_is_a_time(orders: Shop) -> None:
    """PostgreSQL's word for a type with a rule of its own: what counts is the type below."""
    orders.database.do(
        "CREATE DOMAIN sales.moment AS timestamptz CHECK (value > '2000-01-01')",
        "ALTER TABLE sales.orders ALTER COLUMN changed_at TYPE sales.moment",
    )
    [found] = look(orders.declare(WATERMARK), {}).inputs
    assert found.mark == "2024-01-01 12:00:00+00"


CHANGES_BELOW = {
    "late": ("INSERT INTO sales.orders VALUES (7, 'Late', '2023-01-01')", "has 1 rows that came late"),
    "gone": ("DELETE FROM sales.orders WHERE id = 10", "has 1 rows less below its mark"),
    "other": ("UPDATE sales.orders SET id = 99 WHERE id = 10", "has other rows below its mark"),
    "earlier": (
        "UPDATE sales.orders SET city = 'B', changed_at = '2020-01-01' WHERE id = 10",
        "has other rows",
    ),
    "refilled": (
        "TRUNCATE sales.orders; INSERT INTO sales.orders VALUES (1, 'x', '2019-01-01'), (3, 'y', '2020-01-01')",
        "has",
    ),
    "last": ("DELETE FROM sales.orders WHERE id = 2", "has"),
}


@pytest.mark.parametrize("case", CHANGES_BELOW)
@pytest.mark.parametrize("more", [False, True])
def test_a_change_below_the_mark_reads_all_of_it_anew(orders: Shop, case: str, more: bool) -> None:
    """With or without new rows beyond the mark; the reason is said; afterwards the mark is that of the table."""
    orders.database.do("INSERT INTO sales.orders VALUES (10, 'Bern', '2023-05-05')")
    orders.database.do("UPDATE sales.orders SET changed_at = '2023-06-06' WHERE id = 1")
    node = orders.declare(WATERMARK)
    assert orders.make(node) == "done"
    change, words = CHANGES_BELOW[case]
    orders.database.do(*change.split("; "))
    if more:
        orders.database.do("INSERT INTO sales.orders VALUES (50, 'New', '2024-03-03')")
    before = shared_resources().record(KEY)
    with place(node) as landing:
        made = source_candidate(node, landing, before, None)
        assert made is not None
        changed = changed_partitions(Landed(tuple(made[1])), PublishRecord.of(before).landed)
        said = f"{changed} {made[0].remarks}"
        assert made[0].increment is None
        publish(shared_resources(), node, made[0], {}, "run")
    assert words in said
    expected = orders.in_database()
    assert orders.rows() == expected
    assert orders.make(node) == "up to date"
    known = PublishRecord.of(shared_resources().record(KEY)).landed
    assert changed_partitions(look(node, known, settle=3), known) == {}


def test_a_tick_sees_what_changed_below_the_mark(orders: Shop) -> None:
    """Also of a view, which has no counters; a change of the tail alone is found without counting the rest."""
    orders.database.do("CREATE VIEW sales.all_of_it AS SELECT * FROM sales.orders")
    orders.database.do("INSERT INTO sales.orders VALUES (10, 'Bern', '2023-05-05')")
    node = orders.declare('"sales.all_of_it", database="shop", watermark="changed_at"')
    known = known_inputs(look(node, {}).inputs)
    assert changed_partitions(look(node, known, settle=3), known) == {}
    orders.database.do("DELETE FROM sales.orders WHERE id = 10")
    [reason] = changed_partitions(look(node, known, settle=3), known).values()
    assert "has 1 rows less below its mark" in reason
    orders.database.do("INSERT INTO sales.orders VALUES (11, 'Kyiv', '2024-05-05')")
    [reason] = changed_partitions(look(node, known, settle=3), known).values()
    assert reason.endswith("has new rows")


def test_another_type_of_the_watermark_is_read_from_the_beginning(orders: Shop) -> None:
    """The mark on record means nothing in another type, and is never cast to it."""
    node = orders.declare(WATERMARK)
    assert orders.make(node) == "done"
    orders.database.do(
        "ALTER TABLE sales.orders ALTER COLUMN changed_at TYPE bigint USING 7",
    )
    node = orders.declare(WATERMARK, COLUMNS | {"changed_at": "integer"})
    assert orders.make(node) == "done"
    assert orders.rows() == [(1, "Rome"), (2, "Oslo")]


def test_a_record_of_an_earlier_form_is_read_from_the_beginning(orders: Shop) -> None:
    """What an earlier version of the platform wrote down says nothing of the rows below the mark."""
    node = orders.declare(WATERMARK)
    known = {"": {"shop:sales.orders": SeenInput("", "2-1234567", "2024-01-01 12:00:00+00")}}
    found = look(node, known)
    assert changed_partitions(found, known) == {"": "shop:sales.orders is read from its beginning"}
    assert found.inputs[0].since == ""


REFUSED = ("NaN", "Infinity", "-Infinity", "1e300")
"""Numbers that the contract's type does not hold."""
TIMES = (
    None,
    "9999-12-31",
    "0001-01-01",
    "2024-01-01",
    "2024-01-01",
    "2024-01-02",
    "2024-01-03",
    "2025-01-01",
)
NUMBERS = (None, *REFUSED, "-7", "1", "1", "2", "2.5", "0.1")
KINDS: dict[str, tuple[str, tuple[str | None, ...]]] = {
    "timestamptz": ("timestamp", TIMES),
    "numeric": ("number", NUMBERS),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keyed", [True, False])
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_published_is_what_the_table_holds(
    orders: Shop, tmp_path: Path, kind: str, keyed: bool, data: st.DataObject
) -> None:
    """Whatever is inserted, updated with another mark or deleted between reads; and then nobody is woken again."""
    logical, marks = KINDS[kind]
    columns = {"id": "integer", "city": "string", "changed_at": logical}
    table: dict[int, tuple[str, str | None]] = {}
    orders.database.do(
        "DROP TABLE sales.orders",
        TABLE.replace("timestamptz", kind),
    )
    databases = os.environ["MESH_DATABASES"]
    with mesh_home(Path(tempfile.mkdtemp(dir=tmp_path))):
        os.environ["MESH_DATABASES"] = databases
        get_settings.cache_clear()
        node = orders.declare(WATERMARK, columns, tolerance=100, **bare(columns, key=keyed))
        for step in range(data.draw(st.integers(2, 4), "reads")):
            for number in range(data.draw(st.integers(0 if step else 1, 4), "changes")):
                row = data.draw(st.integers(1, 6), "id")
                city = f"{step}-{number}"
                others = tuple(mark for mark in marks if row not in table or mark != table[row][1])
                mark = data.draw(st.sampled_from(others), "mark")
                shown = "NULL" if mark is None else f"'{mark}'"
                if row in table and data.draw(st.booleans(), "deleted"):
                    orders.database.do(f"DELETE FROM sales.orders WHERE id = {row}")
                    del table[row]
                elif row in table:
                    orders.database.do(
                        f"UPDATE sales.orders SET city = '{city}', changed_at = {shown} WHERE id = {row}"
                    )
                    table[row] = (city, mark)
                else:
                    orders.database.do(f"INSERT INTO sales.orders VALUES ({row}, '{city}', {shown})")
                    table[row] = (city, mark)
            if table:
                orders.make(node)
                bad = {row: city for row, (city, mark) in table.items() if mark in REFUSED}
                good = sorted((row, city) for row, (city, _) in table.items() if row not in bad)
                assert {int(row): city for row, city in orders.refused()} == bad
                # The last good form of a row stays where its new one is refused.
                assert [row for row in orders.rows() if not keyed or row[0] not in bad] == good
                assert orders.make(node) == "up to date"


@pytest.mark.parametrize("keyed", [True, False])
def test_a_mark_that_the_contract_cannot_hold_loses_nothing(orders: Shop, keyed: bool) -> None:
    """A number of PostgreSQL may be larger than any of the contract's: rows below and beyond it are read."""
    columns = {"id": "integer", "city": "string", "changed_at": "number"}
    orders.database.do("DROP TABLE sales.orders", TABLE.replace("timestamptz", "numeric"))
    node = orders.declare(WATERMARK, columns, tolerance=100, **bare(columns, key=keyed))
    orders.database.do("INSERT INTO sales.orders VALUES (1, 'a', 1), (2, 'b', 1e300)")
    assert orders.make(node) == "done"
    orders.database.do("INSERT INTO sales.orders VALUES (3, 'c', NULL), (4, 'd', 5)")
    assert orders.make(node) == "done"
    assert orders.rows() == [(1, "a"), (3, "c"), (4, "d")]
    assert [int(row) for row, _ in orders.refused()] == [2]
    assert orders.make(node) == "up to date"


def test_the_mark_of_a_classified_column_stands_nowhere_in_clear(orders: Shop, mesh_home: Path) -> None:
    """It is a value of that column: sealed in the publish record, and read from there by the next look."""
    moment = "2019-03-05 07:11:13+00"
    orders.database.do(f"UPDATE sales.orders SET changed_at = '{moment}'")
    columns = COLUMNS | {"changed_at": {"logicalType": "timestamp", "classification": "restricted"}}
    node = orders.declare(WATERMARK, columns)
    assert orders.make(node) == "done"
    assert orders.make(node) == "up to date"
    orders.database.do("INSERT INTO sales.orders VALUES (7, 'Bonn', '2019-03-05 07:11:14+00')")
    assert orders.make(node) == "done"
    assert (7, "Bonn") in orders.rows()
    held = [file for file in mesh_home.rglob("*") if file.is_file() and b"07:11:1" in file.read_bytes()]
    assert held == []
