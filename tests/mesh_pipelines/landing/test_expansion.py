"""A small file that stands for a large one is refused before it is unpacked, and honest files are not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mesh_pipelines.landing.expansion import ExpansionLimit, fault_of_packing, fault_of_parquet
from mesh_pipelines.landing.records import MalformedFile
from mesh_pipelines.orchestration.run import run
from mesh_pipelines.shared import shared_resources
from tests.mesh_pipelines.run_reports import statuses
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.odd_input("limits", "lost", "held up")

TEXT = b"id,city\n1,Rome\n"


def packed(frame: pl.DataFrame, **options: int) -> bytes:
    """A Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def fault(content: bytes, limit: ExpansionLimit | None = None) -> str:
    """The fault of a Parquet file."""
    return fault_of_parquet(io.BytesIO(content), limit or ExpansionLimit())


def written(ids: range, text: str, **options: Any) -> bytes:
    """A Parquet file of a number and a text a row."""
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": list(ids), "city": [text] * len(ids)}), buffer, **options)
    return buffer.getvalue()


@pytest.mark.odd_input("the parser's leniency", "lost")
@pytest.mark.parametrize(
    "options", [{}, {"write_page_index": True}, {"compression": "none", "use_dictionary": False}]
)
def test_two_parquet_files_in_one_are_refused(options: dict[str, Any]) -> None:
    """A reader sees the rows of the last alone; a signature among the values of a file is none."""
    first, second = (written(range(at, at + 900), "PAR1PAR1", **options) for at in (0, 900))
    assert fault(first) == fault(second) == ""
    assert "two Parquet files in one" in fault(first + second)
    assert "two Parquet files in one" in fault(first + second + first)


@pytest.mark.odd_input("the parser's leniency", "lost")
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_page_that_is_not_what_its_checksum_says_is_refused(version: str) -> None:
    """One bit of a value changed on the way; the reader of the values does not ask."""
    sound = written(range(900), "Rome", compression="none", use_dictionary=False, write_statistics=False,
                    write_page_checksum=True, data_page_version=version)  # fmt: skip
    assert fault(sound) == ""
    with pytest.raises(MalformedFile, match="its bytes changed on the way"):
        fault(sound.replace(b"Rome", b"Rime", 1))


@pytest.fixture(scope="module")
def one_cell() -> bytes:
    """A value of 200 MB in some kilobytes."""
    return packed(pl.DataFrame({"id": [1], "city": ["a" * 200_000_000]}))


def resident(of: str) -> int:
    """Memory of this process (KiB)."""
    return int(Path("/proc/self/status").read_text().split(f"{of}:")[1].split()[0])


def zipped(content: bytes) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(TEXT), "gzip"),
        (bz2.compress(TEXT), "bzip2"),
        (lzma.compress(TEXT), "xz"),
        (zipped(TEXT), "zip archive or an Excel workbook"),
        (packed(pl.DataFrame({"id": [1]})), "name it .parquet"),
    ],
    ids=["gzip", "bzip2", "xz", "zip", "Parquet"],
)
def test_packed_text_is_named(content: bytes, words: str) -> None:
    """Text is read as text: nothing unpacks it, so no archive can burst."""
    assert words in fault_of_packing(content[:16])


@pytest.mark.parametrize("content", [TEXT, b"", b"BZh,a\n1,2\n", b"\xef\xbb\xbfid\n1\n", b"PK,a\n1,2\n"])
def test_plain_text_is_not(content: bytes) -> None:
    """A header may begin with letters of a signature."""
    assert not fault_of_packing(content[:16])


def test_one_value_that_is_too_large(one_cell: bytes) -> None:
    """By the footer."""
    assert len(one_cell) < 100_000
    assert "more than 1,000 times its size" in fault(one_cell)
    assert not fault(one_cell, ExpansionLimit(times=10**6))


def test_a_footer_that_lies(one_cell: bytes) -> None:
    """The footer claims 70 bytes where the page claims 200 MB: the page is believed."""
    claimed = pq.read_metadata(io.BytesIO(one_cell)).row_group(0).column(1).total_uncompressed_size
    zigzag, digits = 2 * claimed, bytearray()
    while zigzag:
        digits.append(zigzag & 127 | 128)
        zigzag >>= 7
    digits[-1] &= 127
    at = one_cell.rindex(bytes(digits))
    lying = one_cell[:at] + bytes([140, 129, 128, 128, 0])[-len(digits) :] + one_cell[at + len(digits) :]
    assert pq.read_metadata(io.BytesIO(lying)).row_group(0).column(1).total_uncompressed_size == 70
    assert "more than 1,000 times its size" in fault(lying)


def test_one_value_in_very_many_rows() -> None:
    """Run lengths stand for rows: the footer's bytes are few, its rows are not."""
    rows = pl.select(id=pl.repeat(1, 20_000_000, dtype=pl.Int64))
    assert "more than 1,000 times" in fault(packed(rows, row_group_size=20_000_000))


def test_a_row_group_that_memory_does_not_hold() -> None:
    """It is tightly packed, and larger than the limit; the same rows in smaller groups pass."""
    rows = pl.select(id=pl.int_range(3_000_000) // 10_000)
    limit = ExpansionLimit(memory=10_000_000)
    assert "smaller row groups" in fault(packed(rows, row_group_size=3_000_000), limit)
    assert not fault(packed(rows, row_group_size=100_000), limit)


def test_honest_files_pass() -> None:
    """Few rows of one value, and many rows of many values."""
    assert not fault(packed(pl.select(id=pl.repeat(1, 1_000_000, dtype=pl.Int64))))
    assert not fault(
        packed(pl.select(id=pl.int_range(2_000_000), text=pl.int_range(2_000_000).cast(pl.String)))
    )


def test_no_footer_is_a_fault() -> None:
    """Bytes that are no Parquet."""
    assert fault(b"PAR1" + b"x" * 100)


def test_a_bomb_holds_nobody_up_and_takes_no_memory(world: World, one_cell: bytes) -> None:
    """Refused by name with the remedy; its neighbour is published; the process grows by less than the value."""
    world.write(
        "shop",
        promise("shop", "orders", {"id": "integer", "city": "string"}),
        promise("shop", "prices", {"id": "integer", "city": "string"}),
        sources='orders = source("orders.parquet")\nprices = source("prices.csv")',
    )
    Path(world.land("shop", "prices.csv", TEXT.decode())).with_name("orders.parquet").write_bytes(one_cell)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    report = run()
    grown = resident("VmHWM") - before
    assert statuses(report) == {"shop.orders": "failed", "shop.prices": "done"}
    message = next(step.message for step in report.steps if step.key == "shop.orders")
    assert "orders.parquet" in message
    assert "MESH_EXPANSION" in message
    assert shared_resources().lake.exists("shop.prices")
    assert grown < 200_000
