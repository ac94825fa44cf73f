"""Parquet keeps the types that it has only where no value is changed on the way to the contract's."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_pipelines.errors import LandingError
from mesh_pipelines.landing.files import FileLanding
from quality.contract import Contract
from quality.rows import RowAudit, RowSplit
from resources.store import FolderStore
from tests.mesh_pipelines.small_domains import promise, read_promise

pytestmark = pytest.mark.odd_input("the parser's leniency", "lost")

COLUMNS = {
    "id": "integer", "price": "number", "at": "timestamp", "day": "date", "city": "string", "open": "boolean"
}  # fmt: skip
MICRO = datetime(2020, 1, 1, 0, 0, 0, 123456, UTC)
ROW: dict[str, Any] = {
    "id": 1,
    "price": 1.5,
    "at": MICRO,
    "day": date(2020, 1, 1),
    "city": "Rome",
    "open": True,
}
TYPES = {
    "id": pa.int64(), "price": pa.float64(), "at": pa.timestamp("us", "UTC"), "day": pa.date32(), "city": pa.string(),
    "open": pa.bool_(),
}  # fmt: skip


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """A column of each logical type."""
    return read_promise(
        tmp_path_factory.mktemp("contracts"), promise("shop", "prices_raw", COLUMNS), stage="source"
    )


def parquet(*rows: dict[str, Any], **types: pa.DataType) -> bytes:
    """A file of rows like :data:`ROW`, with other values or types, without what Arrow adds where it is not needed."""
    table = pa.Table.from_pylist(
        [{**ROW, **row} for row in rows], schema=pa.schema(list((TYPES | types).items()))
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, store_schema=pa.null() in types.values())
    return buffer.getvalue()


def landed(folder: Path, contract: Contract, *files: bytes, names: str = "abc") -> RowSplit:
    """Some files by the way that a source's step takes."""
    (folder / "shop").mkdir()
    for name, content in zip(names, files, strict=False):
        (folder / "shop" / f"{name}.parquet").write_bytes(content)
    landing = FileLanding(FolderStore(str(folder)), "shop", "*.parquet")
    inputs = landing.look({}).inputs
    rows = landing.read(inputs, contract)
    try:
        frame = rows.frame.collect()
    except pl.exceptions.PolarsError as error:
        raise landing.blame(inputs, contract, error) from error
    split = RowAudit(contract).split(frame)
    assert split.rows == rows.records
    return split


MIXED: dict[str, tuple[str, tuple[Any, pa.DataType], tuple[Any, pa.DataType], list[Any], int]] = {
    "microseconds and milliseconds": (
        "at", (MICRO, pa.timestamp("us", "UTC")), (datetime(2021, 1, 1, tzinfo=UTC), pa.timestamp("ms", "UTC")),
        [MICRO, datetime(2021, 1, 1, tzinfo=UTC)], 0,
    ),
    "nanoseconds and microseconds": (
        "at", (1577836800_000000001, pa.timestamp("ns", "UTC")), (MICRO, pa.timestamp("us", "UTC")), [MICRO], 1,
    ),
    "a day and a moment far away": (
        "at", (date(2020, 1, 1), pa.date32()), (datetime(9999, 12, 31, tzinfo=UTC), pa.timestamp("us", "UTC")),
        [datetime(2020, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)], 0,
    ),
    "integers and floats": ("price", (2**53 + 1, pa.int64()), (0.1, pa.float64()), [0.1], 1),
    "singles and doubles": ("price", (0.5, pa.float32()), (0.1, pa.float64()), [0.5, 0.1], 0),
    "decimals and floats": (
        "price", (Decimal("0.123456789012345678"), pa.decimal128(38, 18)), (1e300, pa.float64()), [1e300], 1,
    ),
    "unsigned and signed": ("id", (2**64 - 1, pa.uint64()), (-(2**63), pa.int64()), [-(2**63)], 1),
    "nothing and text": ("city", (None, pa.null()), ("Oslo", pa.string()), [None, "Oslo"], 0),
    "nothing and numbers": ("price", (None, pa.null()), (0.1, pa.float64()), [None, 0.1], 0),
}  # fmt: skip


@pytest.mark.parametrize("case", MIXED)
@pytest.mark.parametrize("turned", [False, True])
def test_files_of_other_types_change_each_others_values_in_nothing(
    tmp_path: Path, contract: Contract, case: str, turned: bool
) -> None:
    """The common type that polars takes would cut, round or wrap them; each value stands exactly or is refused."""
    column, first, second, good, refused = MIXED[case]
    files = [parquet({column: value}, **{column: dtype}) for value, dtype in (first, second)]
    split = landed(tmp_path, contract, *(reversed(files) if turned else files))
    found = split.good[column].to_list()
    assert (found, split.quarantined) == (good[::-1] if turned else good, refused)


@pytest.mark.parametrize(
    ("column", "value", "dtype", "good"),
    [
        ("price", Decimal("12.50"), pa.decimal128(20, 2), 12.5),
        ("price", Decimal("0.1"), pa.decimal128(38, 38), 0.1),
        ("price", Decimal("12345678901234567.5"), pa.decimal128(38, 1), None),
        ("price", Decimal("0.33333333333333333333"), pa.decimal128(20, 20), None),
        ("price", 2**53 + 1, pa.uint64(), None),
        ("price", float("nan"), pa.float64(), None),
        ("id", Decimal(12), pa.decimal128(38, 0), 12),
        ("id", 2**63, pa.uint64(), None),
        ("at", 1577836800_000000001, pa.timestamp("ns", "UTC"), None),
        ("at", 1577836800_000001000, pa.timestamp("ns", "UTC"), datetime(2020, 1, 1, 0, 0, 0, 1, UTC)),
    ],
)
def test_a_value_of_a_wider_type_stands_exactly_or_is_refused_with_its_row(
    tmp_path: Path, contract: Contract, column: str, value: Any, dtype: pa.DataType, good: Any
) -> None:
    """By the rule that text is held to."""
    split = landed(tmp_path, contract, parquet({column: value}, {column: None}, **{column: dtype}))
    values = split.good[column].to_list() if column != "id" else split.good[column].drop_nulls().to_list()
    assert values == ([good] if good is not None else []) + ([None] if column != "id" else [])


REFUSED: dict[str, tuple[str, Any, pa.DataType, str]] = {
    "time": ("at", datetime(2020, 1, 1).time(), pa.time64("ns"), "`at` is Time"),
    "a moment without its zone": ("at", datetime(2020, 1, 1), pa.timestamp("us"), "time zone"),
    "bytes": ("city", b"\xff", pa.binary(), "`city` is Binary"),
    "bytes of one size": ("city", b"ab", pa.binary(2), "`city` is Binary"),
    "wide decimals": ("price", Decimal("1.5"), pa.decimal256(50, 10), "Decimal128"),
    "an integer as a flag": ("open", 1, pa.int64(), "`open` is Int64"),
    "a float as an integer": ("id", 1.0, pa.float64(), "`id` is Float64"),
    "a list": ("city", ["Rome"], pa.list_(pa.string()), "lists or objects in city"),
    "an object": ("city", {"name": "Rome"}, pa.struct([("name", pa.string())]), "lists or objects in city"),
    "a map": ("city", [("a", "b")], pa.map_(pa.string(), pa.string()), "lists or objects in city"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_type_that_promises_something_else_is_refused_by_name(
    tmp_path: Path, contract: Contract, case: str
) -> None:
    """Its file and its column."""
    column, value, dtype, words = REFUSED[case]
    with pytest.raises(LandingError, match=rf"a\.parquet: .*{words}"):
        landed(tmp_path, contract, parquet({column: value}, **{column: dtype}))


def test_old_timestamps_of_spark_are_refused(tmp_path: Path, contract: Contract) -> None:
    """INT96 has no zone, and beyond 1677 and 2262 its reader makes another moment of it."""
    buffer = io.BytesIO()
    table = pa.table({**{name: [value] for name, value in ROW.items()}, "at": [datetime(3000, 1, 1)]})
    pq.write_table(table, buffer, use_deprecated_int96_timestamps=True, store_schema=False)
    with pytest.raises(LandingError, match="time zone"):
        landed(tmp_path, contract, buffer.getvalue())


def test_row_groups_and_dictionaries_are_read_whole(tmp_path: Path, contract: Contract) -> None:
    """A group with nulls after one without, and words as numbers of a dictionary beside words in clear."""
    buffer = io.BytesIO()
    schema = pa.schema(list((TYPES | {"city": pa.dictionary(pa.int8(), pa.string())}).items()))
    with pq.ParquetWriter(buffer, schema) as writer:
        for city in ("Rome", None, "Oslo"):
            writer.write_table(pa.Table.from_pylist([{**ROW, "city": city}] * 2, schema=schema))
    split = landed(tmp_path, contract, buffer.getvalue(), parquet({"city": "Bonn"}))
    assert split.good["city"].to_list() == ["Rome", "Rome", None, None, "Oslo", "Oslo", "Bonn"]


def test_columns_of_one_name_are_refused(tmp_path: Path, contract: Contract) -> None:
    """Parquet allows them."""
    buffer = io.BytesIO()
    arrays = [pa.array([value]) for value in ROW.values()]
    pq.write_table(pa.table([*arrays, arrays[0]], names=[*ROW, "id"]), buffer)
    with pytest.raises(LandingError, match=r"a\.parquet"):
        landed(tmp_path, contract, buffer.getvalue())


@pytest.mark.parametrize("kept", [0, 3, 4, 40, -1, -9])
def test_a_cut_file_is_refused(tmp_path: Path, contract: Contract, kept: int) -> None:
    """Wherever it was cut."""
    with pytest.raises(LandingError, match=r"a\.parquet"):
        landed(tmp_path, contract, parquet({})[:kept])


wholes = st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**53) - 3, 2**53 + 3)
decimals = st.decimals(-(10**20), 10**20, places=10, allow_nan=False, allow_infinity=False)
columns = st.one_of(
    st.tuples(st.just(pl.Int64()), st.lists(wholes, min_size=1, max_size=6)),
    st.tuples(st.just(pl.UInt64()), st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6)),
    st.tuples(st.just(pl.Decimal(38, 10)), st.lists(decimals, min_size=1, max_size=6)),
    st.tuples(st.just(pl.Float32()), st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1)),
    st.tuples(st.just(pl.Float64()), st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1)),
)  # fmt: skip


@settings(max_examples=25)
@given(column=columns, whole=st.booleans())
def test_what_csv_refuses_parquet_does_not_round(
    column: tuple[pl.DataType, list[Any]], whole: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Numbers of each type as Parquet, and as the text that Python writes: the same rows stand, with one value."""
    folder = tmp_path_factory.mktemp("alike")
    promised = {"id": "integer", "value": "integer" if whole else "number"}
    contract = read_promise(folder, promise("shop", "prices_raw", promised), stage="source")
    dtype, values = column
    if whole and dtype.is_float():
        return  # refused as a type
    frame = pl.DataFrame({"id": range(len(values)), "value": pl.Series(values, dtype=dtype)})
    (folder / "shop").mkdir()
    frame.write_parquet(folder / "shop/a.parquet")
    exact = [f"{value:f}" if isinstance(value, Decimal) else repr(value) for value in frame["value"]]
    lines = "".join(f"{at},{text}\n" for at, text in enumerate(exact))
    (folder / "shop/b.csv").write_text("id,value\n" + lines)
    found: list[RowSplit] = []
    for name in ("a.parquet", "b.csv"):
        landing = FileLanding(FolderStore(str(folder)), "shop", name)
        found.append(
            RowAudit(contract).split(landing.read(landing.look({}).inputs, contract).frame.collect())
        )
    parquet_split, csv_split = found
    assert parquet_split.good.select("id", "value").equals(csv_split.good.select("id", "value"))
    assert parquet_split.bad["id"].to_list() == csv_split.bad["id"].to_list()


def test_a_number_is_the_same_from_parquet_and_csv(tmp_path: Path, contract: Contract) -> None:
    """A file of each in one source."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/a.parquet").write_bytes(parquet({}, {"price": 0.1, "id": 2}))
    text = "id,price,at,day,city,open\n1,1.5,2020-01-01T00:00:00.123456Z,2020-01-01,Rome,true\n"
    (tmp_path / "shop/b.csv").write_text(text)
    landing = FileLanding(FolderStore(str(tmp_path)), "shop", "*")
    good = RowAudit(contract).split(landing.read(landing.look({}).inputs, contract).frame.collect()).good
    assert good.drop("_file", "_row").rows() == [
        tuple(ROW.values()), tuple({**ROW, "price": 0.1, "id": 2}.values()), tuple(ROW.values()),
    ]  # fmt: skip
