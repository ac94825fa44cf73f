"""What new rows of a real table are added to: the version before, or nothing where the table is another one."""

from __future__ import annotations

import pytest

from mesh_pipelines.landing.tables import TableLanding
from mesh_pipelines.publishing.kept_rows import Increment
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.increment import increment_of
from tests.mesh_pipelines.landing.table_shop import KEY, WATERMARK, Shop, place


def found(orders: Shop, *changes: str) -> tuple[Increment | None, str, str]:
    """What a look adds to after these changes of a table that was published, why to nothing, and the mark before."""
    orders.database.do("INSERT INTO sales.orders VALUES (10, 'Bern', '2023-05-05')")
    node = orders.declare(WATERMARK)
    assert orders.make(node) == "done"
    orders.database.do(*changes)
    before = shared_resources().record(KEY)
    assert before is not None
    with place(node) as landing:
        assert isinstance(landing, TableLanding)
        chosen = landing.look(PublishRecord.of(before).landed).inputs
        increment, why = increment_of(landing, before, chosen)
    return increment, why, chosen[0].since


def test_new_rows_are_added_to_the_version_before(orders: Shop) -> None:
    """From the mark on, in the watermark's column."""
    increment, why, since = found(orders, "INSERT INTO sales.orders VALUES (3, 'Kyiv', '2024-02-02')")
    assert since.startswith("2024-01-01 12:00:00")
    assert (increment, why) == (Increment(0, "changed_at", since), "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM sales.orders WHERE id = 10", "has 1 rows less below its mark"),
        ("INSERT INTO sales.orders VALUES (11, 'Late', '2023-01-01')", "has 1 rows that came late"),
        ("UPDATE sales.orders SET id = 12 WHERE id = 10", "has other rows below its mark"),
    ],
    ids=["gone", "late", "other"],
)
def test_a_table_that_changed_below_its_mark_is_added_to_nothing(
    orders: Shop, change: str, words: str
) -> None:
    """All of it is read anew, and the table and its difference are named."""
    increment, why, _ = found(orders, change, "INSERT INTO sales.orders VALUES (3, 'Kyiv', '2024-02-02')")
    assert increment is None
    assert why.startswith("shop:sales.orders ")
    assert words in why
