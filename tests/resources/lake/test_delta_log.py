"""The Delta log of a table: its versions, its statistics, and commits of others."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mesh_pipelines.errors import IntegrityError, NotPublished
from resources.lake.delta_log import Log, bounds, stats
from resources.lake.lake import Lake
from resources.store import FolderStore
from tests.resources.published import publish, read
from tests.resources.samples import KEY


def test_a_table_or_version_that_is_not_there_is_an_error_with_a_remedy(
    lake: Lake, rows: pl.DataFrame
) -> None:
    """No table and no such version are errors with a remedy; lists of what there is are empty."""
    for call in (lake.scan, lake.record, lake.version, lake.partitions, lake.schema):
        with pytest.raises(NotPublished, match="nothing is published yet"):
            call(KEY)
    assert lake.history(KEY) == []
    assert lake.keys() == ()
    publish(lake, rows)
    for version in (9, 999_999_999):
        begun = time.process_time()
        with pytest.raises(NotPublished, match=f"no version {version}"):
            lake.scan(KEY, version=version)
        assert time.process_time() - begun < 2, "Delta looks for every number before it"
    assert lake.keys() == (KEY,)


def test_the_log_has_statistics_of_public_columns_only(lake: Lake, rows: pl.DataFrame) -> None:
    """Other readers can prune by public columns; not even a bound of a classified value is in the log."""
    publish(lake, rows)
    log = Path(lake.uri(KEY), "_delta_log/00000000000000000000.json").read_text()
    stats = [
        json.loads(json.loads(line)["add"]["stats"]) for line in log.splitlines() if line.startswith('{"add"')
    ]
    assert [s["numRecords"] for s in stats] == [2, 1]
    assert stats[0]["minValues"] == {"flight": 11}, "the log says itself of which month a file is"
    assert set(stats[0]["nullCount"]) == {"flight"}
    assert "Marguerite" not in log
    assert "3.5" not in log


def test_a_long_history_stays_readable_through_checkpoints(lake: Lake) -> None:
    """After more versions than a Delta checkpoint spans, every version and its record are still there."""
    for number in range(103):
        publish(lake, pl.DataFrame({"flight": [number]}), {"n": number}, by=None)
    assert len(list(Path(lake.uri(KEY), "_delta_log").glob("*.checkpoint.parquet"))) == 1
    assert [p.info["n"] for p in lake.history(KEY)] == list(range(102, -1, -1))
    assert read(lake, version=50)["flight"].to_list() == [50]
    assert read(lake)["flight"].to_list() == [102]


def of_column(*values: Any, dtype: Any = None) -> tuple[Any, Any, int | None]:
    """Least, greatest and number of nulls that the log is given of a public column; None for what it is not."""
    found = json.loads(stats(pl.DataFrame({"x": pl.Series(values, dtype=dtype)}), ["x"]))
    assert found["numRecords"] == len(values)
    return found["minValues"].get("x"), found["maxValues"].get("x"), found["nullCount"].get("x")


def test_bounds_are_those_of_the_values() -> None:
    """Nulls are counted and bound nothing."""
    assert of_column(3, None, -1, dtype=pl.Int64) == (-1, 3, 1)
    assert of_column("b", "", "ü") == ("", "ü", 0)
    assert of_column(dt.date(2013, 1, 2), dt.date(1, 1, 1)) == ("0001-01-01", "2013-01-02", 0)
    assert of_column(1.5, -0.0) == (-0.0, 1.5, 0)
    assert of_column(None, None, dtype=pl.Int8) == (None, None, 2)
    assert of_column(dtype=pl.Int8) == (None, None, 0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_bound_that_json_cannot_hold_is_left_out(value: float) -> None:
    """Then no reader passes a file over for it."""
    assert of_column(1.0, value) == (None, None, 0)


def test_a_long_text_and_a_moment_have_no_bound() -> None:
    """A bound that was cut would be a wrong one."""
    assert of_column("a", "x" * 65) == (None, None, 0)
    assert of_column("a", "x" * 64) == ("a", "x" * 64, 0)
    for values in ([dt.datetime(2013, 1, 1)], [True], [[1]]):
        assert of_column(*values) == (None, None, None)


def test_columns_that_are_not_public_are_in_no_statistics() -> None:
    """Not even the number of their nulls."""
    frame = pl.DataFrame({"x": [1], "secret": [7]})
    assert json.loads(stats(frame, ["x"])) == {
        "numRecords": 1,
        "minValues": {"x": 1},
        "maxValues": {"x": 1},
        "nullCount": {"x": 0},
    }
    assert json.loads(stats(frame, [])) == {
        "numRecords": 1,
        "minValues": {},
        "maxValues": {},
        "nullCount": {},
    }


def test_bounds_of_each_file_are_read_from_the_log(lake: Lake, rows: pl.DataFrame) -> None:
    """By its path; of a column that the log says nothing of there are none."""
    publish(lake, rows)
    head = lake.head(KEY)
    assert sorted(bounds(head, "flight").values()) == [(11, 12), (21, 21)]
    paths = {f"{lake.root(KEY)}/{path}" for path in bounds(head, "flight")}
    assert paths == {file.name for file in head.files}
    assert bounds(head, "passenger") == {}


def test_commits_of_other_tools_are_passed_over(lake: Lake, rows: pl.DataFrame) -> None:
    """Between two versions, newest first; a publish is found by its token only after the version it began on."""
    from deltalake import DeltaTable

    public = rows.select("month", "flight")
    publish(lake, public, {"n": 0})
    DeltaTable(lake.uri(KEY)).alter.set_table_properties({"delta.appendOnly": "false"})
    publish(lake, public.head(1), {"n": 2})
    log = lake.table(KEY).log
    assert [(one.version, one.info["n"]) for one in log.publications(2)] == [(2, 2), (0, 0)]
    assert [one.version for one in log.publications(2, 1)] == [2]
    assert [one.version for one in log.publications(0)] == [0]
    token = lake.record(KEY, 0).token
    first = log.publication_of(token, None)
    assert first is not None
    assert first.version == 0
    assert log.publication_of(token, 0) is None
    assert log.publication_of("", None) is None
    assert (log.load(1).version, log.load(1).publication.version) == (1, 0)


def test_a_table_that_the_mesh_never_published_is_none_of_its(tmp_path: Path) -> None:
    """The error says where it lies and what to do."""
    from deltalake import write_deltalake

    write_deltalake(tmp_path / "shop" / "orders", pl.DataFrame({"x": [1]}))
    log = Log(FolderStore(str(tmp_path)), "shop/orders", "shop.orders", {})
    assert log.exists()
    with pytest.raises(IntegrityError, match="no version of this table was published") as error:
        log.load()
    assert error.value.where == str(tmp_path / "shop" / "orders")


def test_a_commit_has_twenty_digits(tmp_path: Path) -> None:
    """As the protocol of Delta names it."""
    log = Log(FolderStore(str(tmp_path)), "shop/orders", "shop.orders", {})
    assert log.commit_file(0) == "shop/orders/_delta_log/00000000000000000000.json"
    assert log.commit_file(10**12) == "shop/orders/_delta_log/00000001000000000000.json"
    assert not log.exists()
    assert log.publication_of("token", None) is None
