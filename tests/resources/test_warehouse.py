"""SQL over lazy frames: what a domain may ask, in how much memory, and what it may not touch."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.errors import TransformError
from resources.scratch import own_scratch
from resources.warehouse import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A small one."""
    return Warehouse(tmp_path / "scratch", memory_limit="50MB", threads=2)


FLIGHTS = FLIGHTS_OF_THE_CALLER = pl.LazyFrame({"origin": ["EWR", "JFK", "EWR"], "delay": [1.0, None, 3.0]})


def test_frames_are_tables(warehouse: Warehouse) -> None:
    """A frame may be read more than once in one query, joined with others, lazy or not."""
    names = pl.DataFrame({"origin": ["EWR", "JFK"], "name": ["Newark", "Kennedy"]})
    found = warehouse.query(
        """
        with busy as (select origin from flights group by origin having count(*) > 1)
        select name, avg(delay) as delay from flights join names using (origin)
        where origin in (from busy) group by name
        """,
        flights=FLIGHTS,
        names=names,
    )
    assert found.to_dicts() == [{"name": "Newark", "delay": 2.0}]


def test_an_empty_result_has_columns(warehouse: Warehouse) -> None:
    """No rows are an answer too, and empty frames are tables."""
    found = warehouse.query("select * from flights where delay > 0", flights=FLIGHTS.clear())
    assert found.schema == {"origin": pl.String, "delay": pl.Float64}
    assert found.height == 0


def test_a_result_can_come_in_batches(warehouse: Warehouse) -> None:
    """A result larger than memory is taken piece by piece."""
    sizes = [
        batch.height
        for batch in warehouse.batches("from numbers", rows=2048, numbers=pl.LazyFrame({"n": range(5000)}))
    ]
    assert sum(sizes) == 5000
    assert max(sizes) <= 2048


def test_more_than_memory_is_spilled(warehouse: Warehouse, tmp_path: Path) -> None:
    """A sort of more than the memory limit works, below the scratch folder, and leaves nothing there."""
    many = pl.LazyFrame({"n": range(1_000_000)}).with_columns(
        a=pl.col("n").hash(1), b=pl.col("n").hash(2), c=pl.col("n").hash(3), d=pl.col("n").hash(4)
    )
    found = warehouse.query("select n from (from many order by b, a, c, d) limit 1 offset 900000", many=many)
    assert found.height == 1
    assert list((tmp_path / "scratch").iterdir()) == [own_scratch(tmp_path / "scratch")]
    assert list(own_scratch(tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select nothing from flights", "nothing"),
        ("selec 1", "syntax"),
        ("from elsewhere", "elsewhere"),
        ("set threads = 64", "locked"),
        ("from read_csv('/etc/passwd')", "(?i)disabled"),
        ("copy (select 1) to '/tmp/mesh-should-not-exist.csv'", "(?i)disabled"),
        ("from FLIGHTS_OF_THE_CALLER", "FLIGHTS_OF_THE_CALLER"),
    ],
)
def test_a_query_is_refused_with_the_sql(warehouse: Warehouse, sql: str, message: str) -> None:
    """Mistakes, and reading or writing anything but the given frames, are the domain's error."""
    with pytest.raises(TransformError, match=message) as error:
        warehouse.query(sql, flights=FLIGHTS)
    assert error.value.quoted.endswith(sql)
