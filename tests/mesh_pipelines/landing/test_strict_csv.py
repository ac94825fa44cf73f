"""A CSV is counted as an independent reader counts it, or refused with its line; what is accepted is read in full."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines.landing import strict_csv
from mesh_pipelines.landing.formats import RawFile
from mesh_pipelines.landing.records import MalformedFile
from mesh_pipelines.landing.strict_csv import DIALECTS, Dialect, count_csv
from quality.contract import Contract
from resources.store import FolderStore
from tests.mesh_pipelines.small_domains import promise, read_promise

pytestmark = pytest.mark.odd_input("the parser's leniency", "lost")

PIECES = ["a", "é", "NA", " ", ",", '"', '""', '"x', 'x"', "\\", "\n", "\r\n", "\r", ""]


def count(text: str | bytes, dialect: Dialect = strict_csv.RFC_4180) -> int:
    """The number of records."""
    return count_csv(io.BytesIO(text.encode() if isinstance(text, str) else text), dialect).records


def read_strictly(text: str, width: int) -> list[list[str]] | None:
    """The records as the standard library's reader gives them; None where they are not of one width."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
    except csv.Error:
        return None
    records = [row for row in rows if row]
    sound = all(len(row) == width for row in records) and (width > 1 or len(records) == len(rows))
    return records if sound else None


def quoted(value: str) -> str:
    """A field as RFC 4180 writes it."""
    return '"' + value.replace('"', '""') + '"' if set(value) & set(',"\r\n') else value


@st.composite
def files(draw: st.DrawFn) -> tuple[int, str]:
    """The width of a file, and its text: well-formed records or any pieces at all."""
    width = draw(st.integers(1, 3))
    ends = st.sampled_from(["\n", "\r\n"])
    head = ",".join("abc"[:width]) + draw(ends)
    pieces = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
    if draw(st.booleans()):
        return width, head + "".join(draw(st.lists(st.sampled_from(PIECES), max_size=14)))
    rows = draw(st.lists(st.lists(pieces, min_size=width, max_size=width), max_size=5))
    text = head + "".join(",".join(map(quoted, row)) + draw(ends) for row in rows)
    return width, text.rstrip("\r\n") if draw(st.booleans()) else text


@given(file=files(), chunk=st.integers(1, 9))
def test_what_is_accepted_is_what_an_independent_reader_reads(file: tuple[int, str], chunk: int) -> None:
    """Records of the standard library's strict reader, whatever the chunks; the lake's reader finds the same values."""
    width, text = file
    raw = io.BytesIO(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_csv, "_CHUNK", chunk)
        patch.setattr(strict_csv, "_HEADER_LIMIT", len(text.partition("\n")[0]) + chunk)
        try:
            counted = count_csv(raw)
        except MalformedFile:
            # RFC 4180 has neither a quote in a field without quotes nor a lone carriage return; the library has.
            assert read_strictly(text, width) is None or '"' in text or "\r" in text.replace("\r\n", "")
            return
    records = read_strictly(text, width)
    assert records is not None
    assert counted.records == len(records)
    rows = pl.read_csv(text.encode(), infer_schema=False, row_index_name="row", row_index_offset=1)
    blanks = [] if counted.blanks is None else counted.blanks.tolist()
    kept = rows.filter(~pl.col("row").is_in(blanks)).drop("row").fill_null("")
    assert kept.rows() == [tuple(row) for row in records]


@given(
    rows=st.lists(st.lists(st.sampled_from(["a", "b", "c", "a,b", "", "\n"]), min_size=2, max_size=2), max_size=6),
    chunk=st.integers(1, 9),
)  # fmt: skip
def test_two_files_in_one_are_refused_wherever_the_blocks_end(rows: list[list[str]], chunk: int) -> None:
    """A record that is the header once more, and nothing else."""
    lines = [",".join(map(quoted, row)) for row in rows]
    ends = [f"{line}\n".count("\n") for line in lines]
    text = "a,b\n" + "".join(line + "\n" for line in lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_csv, "_CHUNK", chunk)
        patch.setattr(strict_csv, "_HEADER_LIMIT", 4 + chunk)
        if "a,b" not in lines:
            assert count(text) == len(rows)
            return
        with pytest.raises(MalformedFile, match="the header once more") as caught:
            count(text)
    assert caught.value.line == 2 + sum(ends[: lines.index("a,b")])


@given(
    rows=st.lists(
        st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=2, max_size=2),
        max_size=6,
    )
)
def test_a_well_formed_file_is_never_refused(rows: list[list[str]]) -> None:
    """Any text at all in quoted fields, but for zero bytes."""
    text = "a,b\r\n" + "".join(
        ",".join('"' + v.replace('"', '""') + '"' for v in row) + "\r\n" for row in rows
    )
    assert count(text) == len(rows)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('a,b\n1,"x"\n2,"15" screen"\n', 3, "not doubled"),
        ('a,b\n1,15" screen\n', 2, "not doubled"),
        ('a,b\n1,"say \\"hi\\""\n', 2, "not doubled"),
        ('a,b\n1, "x"\n', 2, "not doubled"),
        ('a,b\n1,"x" \n', 2, "not doubled"),
        ('a,b\n1,x\n2,"y\n3,z\n', 3, "never ends"),
        ('a,b\n"x\ny",1\n2\n', 4, "1 field where the header names 2"),
        ('a,b\n"x\ny"\n', 2, "1 field where"),
        ("a,b\n1,x\n2,y,z\n", 3, "3 fields where"),
        ("a,b\n1,x\n2", 3, "1 field where"),
        ("a,b\n1,x\r2,y\n", 2, "carriage return"),
        ("a,b\r1,x\r2,y\r", 1, "carriage return"),
        ("a\n1\n\n2\n", 3, "a blank line"),
        ("a\n1\n\r\n", 3, "a blank line"),
        ("a,b\n1,x\n   \n", 3, "1 field where"),
        (b"a,b\n1,x\n2,\xff\n", 3, "UTF-8"),
        (b"a,b\n1,\xc3", 2, "UTF-8"),
        ("a,b\n1,x\na,b\n2,y\n", 3, "the header once more"),
        ("a,b\r\n1,x\r\na,b\r\n", 3, "the header once more"),
        ('a,b\n1,"x\ny"\n\n\ufeffa,b\n2,y', 5, "the header once more"),
        ("a,b\n1,x\na,b", 3, "the header once more"),
        ("a,b\na,b\n", 2, "the header once more"),
        ("", None, "the file is empty"),
        ("\0\0\n", None, "zero bytes"),
        ("a,b\n1,x\n2,y\0\0\0", 3, "zero bytes"),
        ('a,b\n1,"x\ny\0"\n', 3, "zero bytes"),
        (b"a,b\n1,x\n" + "2,y\n".encode("utf-16-le"), 3, "zero bytes"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(text: str | bytes, line: int | None, what: str) -> None:
    """RFC 4180, section 2: quotes double, fields are as many as in the header, lines end in a line feed."""
    with pytest.raises(MalformedFile, match=what) as caught:
        count(text)
    assert caught.value.line == line


def test_blank_lines_are_no_records(tmp_path: Path) -> None:
    """Not those of the middle and not those of the end; the numbers of the rows stay those of the file."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/orders.csv").write_text("id,city\n\n1,Rome\r\n\r\n\n2,\n\n\n")
    contract = orders(tmp_path)
    file = RawFile(FolderStore(str(tmp_path)), "shop/orders.csv")
    judged = file.judge(contract)
    assert (judged.fault, judged.records) == ("", 2)
    rows = file.rows(contract, judged).collect()
    assert rows.rows() == [("1", "Rome", 2), ("2", None, 5)]


def test_cells_of_any_size_are_read(tmp_path: Path) -> None:
    """A cell of 9 MB, in the header's neighbourhood or far below."""
    (tmp_path / "shop").mkdir()
    contract = orders(tmp_path)
    for rows in (
        ["1," + "x" * 9_000_000, "2,y"],
        [*("0,z" for _ in range(50_000)), '1,"' + "x\n" * 4_500_000 + '"'],
    ):
        (tmp_path / "shop/orders.csv").write_text("\n".join(["id,city", *rows]))
        file = RawFile(FolderStore(str(tmp_path)), "shop/orders.csv")
        judged = file.judge(contract)
        assert (judged.fault, judged.records) == ("", len(rows))
        assert file.rows(contract).collect()["city"].str.len_bytes().max() == 9_000_000


@pytest.mark.parametrize(
    ("dialect", "text", "rows"),
    [
        ("semicolon", 'id;city\n1;"a;b"\n2;x,y\n', [("1", "a;b"), ("2", "x,y")]),
        ("tab", "id\tcity\n1\ta,b\n", [("1", "a,b")]),
        ("unquoted", 'id,city\n1,15" screen\n2,"\n', [("1", '15" screen'), ("2", '"')]),
        ("short rows", "id,city\n1\n2,Rome\n", [("1", None), ("2", "Rome")]),
    ],
)
def test_a_source_may_name_another_dialect(
    tmp_path: Path, dialect: str, text: str, rows: list[tuple[str, ...]]
) -> None:
    """What RFC 4180 refuses is read where the owner says that it is meant."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/orders.csv").write_text(text)
    contract = orders(tmp_path)
    file = RawFile(FolderStore(str(tmp_path)), "shop/orders.csv", DIALECTS[dialect])
    judged = file.judge(contract)
    assert (judged.fault, judged.records) == ("", len(rows))
    assert file.rows(contract).select("id", "city").collect().rows() == rows
    assert RawFile(file.store, file.name).judge(contract).fault


def orders(folder: Path) -> Contract:
    """The contract of two columns of text."""
    written = promise("shop", "orders_raw", {"id": "string", "city": "string"})
    return read_promise(folder, written, stage="source")
