"""A table of a real PostgreSQL as a source: what is new is found cheaply and read once, and each fault is named."""

from __future__ import annotations

import json

import pytest

from mesh_pipelines.errors import AuditRefused, LandingError, SourceUnavailable
from mesh_pipelines.landing.changes import changed_partitions, known_inputs, look_at
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.shared import shared_resources
from resources.settings import get_settings
from tests.mesh_pipelines.landing.table_shop import KEY, NOON, SNAPSHOT, TABLE, Shop, look, place
from tests.mesh_pipelines.postgres import PASSWORD


def test_a_snapshot_is_read_when_its_content_has_changed(orders: Shop) -> None:
    """Published once; nothing for an update that changes nothing; again for a change or a deletion."""
    orders.declare(SNAPSHOT)
    assert orders.run().status == "done"
    assert orders.rows() == [(1, "Rome"), (2, "Oslo")]
    source = shared_resources().lake.scan(KEY).select("_file", "_row").sort("_row").collect().rows()
    assert source == [("shop:sales.orders", 1), ("shop:sales.orders", 2)]
    orders.database.do("UPDATE sales.orders SET city = city")
    assert orders.run().status == "up to date"
    orders.database.do(
        "UPDATE sales.orders SET city = 'Bonn' WHERE id = 1", "DELETE FROM sales.orders WHERE id = 2"
    )
    assert orders.run().status == "done"
    assert orders.rows() == [(1, "Bonn")]


def test_a_tick_asks_for_the_counters_and_hashes_only_where_these_have_moved(
    orders: Shop, asked: list[str]
) -> None:
    """PostgreSQL counts changed rows anyway: an idle table, however large, costs a tick two small queries."""
    node = orders.declare(SNAPSHOT)
    known = known_inputs(look(node, {}, settle=3).inputs)
    asked.clear()
    assert changed_partitions(look(node, known, settle=3), known) == {}
    assert not [query for query in asked if "hashtext" in query]
    assert len(asked) <= 3
    orders.database.do("INSERT INTO sales.orders VALUES (3, 'Rome', now())")
    found = look(node, known, settle=3)
    assert [query for query in asked if "hashtext" in query]
    assert changed_partitions(found, known) == {"": "shop:sales.orders has other rows"}


def test_a_view_is_hashed_for_want_of_counters(orders: Shop) -> None:
    """A view, a partitioned table or a replica has no counters of its own, and is looked at all the same."""
    orders.database.do("CREATE VIEW sales.few AS SELECT * FROM sales.orders WHERE id < 3")
    node = orders.declare('"sales.few", database="shop"')
    known = known_inputs(look(node, {}, settle=3).inputs)
    orders.database.do("INSERT INTO sales.orders VALUES (7, 'Rome', now())")
    assert changed_partitions(look(node, known, settle=3), known) == {}
    orders.database.do("DELETE FROM sales.orders WHERE id = 1")
    assert changed_partitions(look(node, known, settle=3), known) == {"": "shop:sales.few has other rows"}


def test_rows_of_one_moment_are_read(orders: Shop) -> None:
    """What others commit between look and read is for the next look: the fingerprint is of what was read."""
    node = orders.declare(SNAPSHOT)
    assert node.contract
    with place(node) as landing:
        seen = landing.look({})
        orders.database.do("INSERT INTO sales.orders VALUES (3, 'Rome', now())")
        assert landing.read(seen.inputs, node.contract).frame.collect().height == 2
        assert landing.read(seen.inputs, node.contract).frame.collect().height == 2
    known = known_inputs(seen.inputs)
    assert changed_partitions(look(node, known), known)


def test_a_large_table_is_read_in_bounded_batches(orders: Shop, asked: list[str]) -> None:
    """However large the table, only a batch of it is in memory at a time."""
    orders.database.do(
        f"INSERT INTO sales.orders SELECT i, repeat('x', 500), '{NOON}' FROM generate_series(3, 120000) i"
    )
    node = orders.declare(SNAPSHOT)
    assert node.contract
    with place(node) as landing:
        rows = landing.read(landing.look({}).inputs, node.contract)
        asked.clear()
        assert sum(batch.height for batch in rows.frame.collect_batches(chunk_size=10_000)) == 120_000
    batches = [int(query.split()[1]) for query in asked if query.startswith("read ")]
    assert len(batches) > 3
    assert max(batches) * 530 < 24 * 2**20


def test_a_table_cut_by_month_is_read_month_by_month(orders: Shop, asked: list[str]) -> None:
    """Only the month that changed is read; one that is gone keeps its rows; those before the first belong to none."""
    orders.database.do(
        "INSERT INTO sales.orders VALUES (3, 'Lima', '2024-02-29 23:59+00'), (4, 'Old', '2023-05-05')"
    )
    node = orders.declare(SNAPSHOT + ', partition="changed_at"', partitions="2024-01")
    found = look(node, {})
    assert list(found.by_partition()) == ["2024-01", "2024-02"]
    assert orders.make(node) == "done"
    assert len(orders.rows()) == 3
    orders.database.do("INSERT INTO sales.orders VALUES (5, 'Kyiv', '2024-02-02')")
    asked.clear()
    assert orders.make(node) == "done"
    assert [query for query in asked if query.startswith("read ")] == ["read 2 rows"]
    orders.database.do("DELETE FROM sales.orders WHERE changed_at < '2024-02-01'")
    assert orders.make(node) == "up to date"
    assert len(orders.rows()) == 4


NOWHERE = {
    "date": ["NULL", "'infinity'", "'-infinity'", "'12024-01-01'", "'2024-01-05 BC'"],
    "timestamptz": ["NULL", "'infinity'", "'12024-01-01'", "'2024-01-05 BC'"],
    "text": [
        "NULL",
        "''",
        "'01/2024'",
        "' 2024-01'",
        "'2024-1'",
        "'2024-01-01'",
        "'x'",
        "'2024-13'",
        "'2024-00'",
    ],
}


@pytest.mark.odd_input("watermarks", "lost", "held up")
@pytest.mark.parametrize("kind", NOWHERE)
def test_rows_of_no_partition_are_named_and_the_others_are_read(orders: Shop, kind: str) -> None:
    """An unknown date among the rows of a table that is cut by month; at a tick with the same counters as well."""
    logical, sound = ("string", "'2024-01'") if kind == "text" else ("timestamp", "'2024-01-05'")
    logical = "date" if kind == "date" else logical
    values = ", ".join(f"({row}, 'odd', {value})" for row, value in enumerate(NOWHERE[kind], 2))
    orders.database.do(
        f"CREATE TABLE sales.cut (id bigint, city text, at {kind})",
        f"INSERT INTO sales.cut VALUES (1, 'Rome', {sound}), {values}",
    )
    columns = {"id": "integer", "city": "string", "at": logical}
    node = orders.declare('"sales.cut", database="shop", partition="at"', columns, partitions="2024-01")
    report = orders.run()
    assert report.status == "failed"
    assert (
        f"{len(NOWHERE[kind])} rows are not read, for their at names no month of the calendar"
        in report.message
    )
    assert orders.rows() == [(1, "Rome")]
    assert orders.run().status == "failed"
    known = PublishRecord.of(shared_resources().record(KEY)).landed
    again = look(node, known, settle=3)
    assert again.refused == look(node, {}).refused
    orders.database.do("DELETE FROM sales.cut WHERE id > 1")
    assert orders.run().status == "up to date"


FAULTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "no table": ("DROP TABLE sales.orders", ("there is no table sales.orders", "mend the table's name")),
    "missing column": ("ALTER TABLE sales.orders DROP COLUMN city", ("lacks the column city",)),
    "renamed column": (
        "ALTER TABLE sales.orders RENAME COLUMN city TO town",
        ("lacks the column city and has the unknown column town",),
    ),
    "extra column": ("ALTER TABLE sales.orders ADD COLUMN mood text", ("has the unknown column mood",)),
    "retyped column": (
        "ALTER TABLE sales.orders ALTER COLUMN id TYPE text USING 'number ' || id",
        ("breaks its contract", "id_type", "2 rows are refused"),
    ),
    "no permission": ("REVOKE SELECT ON sales.orders FROM reader", ("may not read", "GRANT")),
}


def test_each_fault_of_a_table_is_named_and_the_last_good_version_stays(orders: Shop) -> None:
    """The error says what, where and the remedy, never the password; a table that is put right is well again."""
    node = orders.declare(SNAPSHOT)
    assert orders.make(node) == "done"
    for name, (damage, words) in FAULTS.items():
        orders.database.do(damage)
        with pytest.raises((LandingError, AuditRefused)) as raised:
            orders.make(node)
        for word in (*words, "\n  -> "):
            assert word in str(raised.value), name
        assert "hush" not in str(raised.value)
        assert orders.rows() == [(1, "Rome"), (2, "Oslo")]
        orders.database.do(
            "DROP TABLE IF EXISTS sales.orders",
            TABLE,
            f"INSERT INTO sales.orders VALUES (1, 'Rome', '{NOON}'), (2, 'Oslo', '{NOON}')",
        )
        assert orders.make(node) == "up to date", name


def test_a_fault_is_a_failed_run_once_not_at_every_look(orders: Shop) -> None:
    """The planner makes a step of a table that cannot be read, so that the run says so where people look."""
    orders.declare(SNAPSHOT)
    orders.database.do("DROP TABLE sales.orders")
    found = orders.run()
    assert found.status == "failed"
    assert "there is no table sales.orders" in found.message
    assert "\n  -> mend the table's name" in found.message


def test_an_emptied_table_keeps_what_was_published(orders: Shop) -> None:
    """As a file that was taken away: nothing is lost because somebody tidied up."""
    node = orders.declare(SNAPSHOT)
    orders.make(node)
    orders.database.do("TRUNCATE sales.orders")
    assert orders.make(node) == "up to date"
    assert len(orders.rows()) == 2


@pytest.mark.parametrize("secret", [PASSWORD, "x", "wrong-secret", "hidden word", "a@b:c/d"])
def test_a_wrong_url_is_refused_without_a_word_of_its_secret(
    orders: Shop, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """Whether the password is wrong or the URL makes no sense at all: neither errors nor settings show it."""
    node = orders.declare(SNAPSHOT)
    url = orders.database.url.replace(PASSWORD, secret).replace(
        "reader", "reader" if secret != PASSWORD else "nobody"
    )
    monkeypatch.setenv("MESH_DATABASES", json.dumps({"shop": url}))
    get_settings.cache_clear()
    fault = look_at(lambda: place(node), {}).fault
    assert isinstance(fault, LandingError | SourceUnavailable)
    shown = f"{fault}{fault.__cause__}{get_settings()!r}{get_settings().model_dump_json()}"
    if len(secret) > 1:
        assert secret not in shown
        assert secret.split()[0] not in shown
    if secret == "wrong-secret":
        assert isinstance(fault, LandingError)
        assert "password authentication failed" in fault.what
        assert "MESH_DATABASES" in fault.remedy


def test_settings_that_cannot_be_read_do_not_show_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in the JSON is an error that names the setting, not its content."""
    monkeypatch.setenv("MESH_DATABASES", '{"shop": "postgresql://reader:very-secret@/shop"')
    get_settings.cache_clear()
    with pytest.raises(ValueError, match="databases") as raised:
        get_settings()
    assert "very-secret" not in str(raised.value)


def test_a_database_that_does_not_answer_is_a_failure(orders: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was asked for and cannot be made: the report fails, with the remedy; what was published stays."""
    orders.declare(SNAPSHOT)
    assert orders.run().status == "done"
    monkeypatch.setenv("MESH_DATABASES", '{"shop": "postgresql://reader:very-secret@127.0.0.1:1/shop"}')
    get_settings.cache_clear()
    found = orders.run()
    assert (found.status, "does not answer" in found.message) == ("failed", True)
    assert "\n  -> " in found.message
    forced = orders.run(force=True)
    assert forced.status == "failed"
    assert "does not answer" in forced.message
    assert "very-secret" not in found.message + forced.message
    assert orders.rows() == [(1, "Rome"), (2, "Oslo")]


def test_a_database_without_a_url_is_named(orders: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which setting it wants."""
    node = orders.declare('"sales.orders", database="depot"')
    fault = look_at(lambda: place(node), {}).fault
    assert isinstance(fault, LandingError)
    assert "'depot'" in fault.what
    assert "MESH_DATABASES" in fault.remedy


def test_names_and_values_are_quoted(orders: Shop) -> None:
    """A table, a column, a watermark or a key may hold whatever it likes: it is never taken for SQL."""
    odd = """o'r"d; DROP TABLE sales.orders; --"""
    quoted = '"' + odd.replace('"', '""') + '"'
    orders.database.do(
        f"CREATE TABLE sales.{quoted} (id text, {quoted} text, city text, mark bigint)",
        f"INSERT INTO sales.{quoted} VALUES ('a''b\\c', 'x', 'y', 1)",
    )
    columns = {"id": "string", "city": "string", "mark": "integer"}
    node = orders.declare(f'{f"sales.{odd}"!r}, database="shop", watermark="mark"', columns)
    fault = look_at(lambda: place(node), {}).fault
    assert isinstance(fault, LandingError)
    assert odd in fault.what
    orders.database.do(f"ALTER TABLE sales.{quoted} DROP COLUMN city")
    orders.database.do(f"ALTER TABLE sales.{quoted} RENAME COLUMN {quoted} TO city")
    known = known_inputs(look(node, {}).inputs)
    assert changed_partitions(look(node, known), known) == {}
    assert orders.make(node) == "done"
    orders.database.do(
        f"INSERT INTO sales.{quoted} VALUES ('b', 'y', 2)",
        f"UPDATE sales.{quoted} SET mark = 3 WHERE id <> 'b'",
    )
    assert orders.make(node) == "done"
    assert orders.rows() == [("a'b\\c", "x"), ("b", "y")]


def test_of_a_classified_table_neither_values_nor_unknown_columns_are_shown(orders: Shop) -> None:
    """PostgreSQL quotes what it cannot cast: by a look and by a run the error has its SQLSTATE, and no word of that."""
    orders.database.do(
        "CREATE VIEW sales.numbers AS SELECT id, (city::integer)::text AS city FROM sales.orders",
        "GRANT SELECT ON sales.numbers TO reader",
    )
    columns = {"id": "integer", "city": {"logicalType": "string", "classification": "restricted"}}
    orders.declare('"sales.numbers", database="shop"', columns)
    for options in ({}, {"force": True}):
        found = orders.run(**options)
        assert "SQLSTATE 22P02" in found.message
        assert "Rome" not in found.message
    orders.database.do(
        "DROP VIEW sales.numbers",
        'CREATE VIEW sales.numbers AS SELECT id, city, 1 AS "Rome" FROM sales.orders',
    )
    orders.database.do("GRANT SELECT ON sales.numbers TO reader")
    found = orders.run()
    assert "has 1 unknown column" in found.message
    assert "Rome" not in found.message
