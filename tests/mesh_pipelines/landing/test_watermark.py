"""A table of a real PostgreSQL read by watermark: new rows are read once, and nothing is lost to an odd mark."""

from __future__ import annotations

from tests.mesh_pipelines.landing.table_shop import COLUMNS, NOON, WATERMARK, Shop
from tests.mesh_pipelines.small_domains import promise


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


def test_an_overlap_finds_what_was_committed_late(orders: Shop) -> None:
    """A long transaction may commit rows with an older time: those within the overlap are found, once."""
    node = orders.declare(WATERMARK + ', overlap="10 minutes"')
    assert orders.make(node) == "done"
    orders.database.do("INSERT INTO sales.orders VALUES (3, 'Late', '2024-01-01 11:55+00')")
    assert orders.make(node) == "done"
    orders.database.do("INSERT INTO sales.orders VALUES (4, 'Too late', '2024-01-01 11:45+00')")
    assert orders.make(node) == "up to date"
    assert orders.rows() == [(1, "Rome"), (2, "Oslo"), (3, "Late")]
    assert orders.make(node, anew=True) == "done"
    assert len(orders.rows()) == 4


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
