"""JSON lines are counted as an independent reader counts them, or refused with the line."""

from __future__ import annotations

import io
import json
import string
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines.landing import strict_json
from mesh_pipelines.landing.formats import RawFile
from mesh_pipelines.landing.records import Counted, MalformedFile
from mesh_pipelines.landing.strict_json import count_json
from resources.store import FolderStore
from tests.mesh_pipelines.small_domains import promise, read_promise

pytestmark = pytest.mark.odd_input("the parser's leniency", "lost")

COLUMNS = ["id", "city", 'the "key"', "å"]
PIECES = [
    '{"id":1}', '{"id": 2, "city": "x"}', "{", "}", "[", "]", ":", ",", '"', "\\", '"id"', "1", "null", "\n", " ",
    "\r\n",    '{"city":"\\u00e9\\"}"}', '{"id":{"a":1}}', '{"id":[1]}', '{"id":1,"id":2}', "x",
]  # fmt: skip


def count(text: str | bytes, texts: tuple[str, ...] = (), *, whole: bool = False) -> Counted:
    """The count of a file."""
    raw = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return count_json(raw, COLUMNS, texts, whole=whole)


def read_strictly(text: str) -> list[dict[str, Any]] | None:
    """The records as the standard library reads them; None where a line is no object of single values."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    records: list[Any] = []
    for line in text.split("\n"):
        if line.strip(" \t\r"):
            try:
                records.append(json.loads(line, object_pairs_hook=unique))
            except ValueError:
                return None
    single = all(
        isinstance(r, dict) and not any(isinstance(v, dict | list) for v in r.values()) for r in records
    )
    return records if single else None


@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=8),
    before=st.sampled_from(["", '{"id":1}\n', '{"id": 1, "city": "x"}\n']),
    chunk=st.integers(1, 20),
    whole=st.booleans(),
)
def test_pieces_are_counted_as_an_independent_reader_counts_them(
    pieces: list[str], before: str, chunk: int, whole: bool
) -> None:
    """What is accepted here and by the reader of the values is what the standard library reads."""
    text = before + "".join(pieces)
    expected = read_strictly(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_json, "_CHUNK", chunk)
        try:
            records = count(text, whole=whole).records
            values = (
                pl.read_ndjson(text.encode(), schema=dict.fromkeys(COLUMNS, pl.String)) if records else []
            )
        except (MalformedFile, pl.exceptions.PolarsError):
            assert not expected
            return
    assert expected is not None
    assert records == len(expected) == len(values)


values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.text(max_size=8),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
keys = st.sampled_from([*COLUMNS, "other", "\u00e9\\", "", *string.ascii_letters])


@given(
    records=st.lists(st.dictionaries(keys, values, max_size=5), min_size=1, max_size=6),
    ascii_only=st.booleans(),
    indent=st.sampled_from(["", " "]),
)
def test_a_well_formed_file_is_never_refused(
    records: list[dict[str, Any]], ascii_only: bool, indent: str
) -> None:
    """Any keys and values, escaped or not: the columns are those of the records, however late they come."""
    separators = (indent + "," + indent, indent + ":" + indent)
    lines = [json.dumps(record, ensure_ascii=ascii_only, separators=separators) for record in records]
    unknown = {key for record in records for key in record} - set(COLUMNS)
    if len(unknown) > len(COLUMNS):
        with pytest.raises(MalformedFile, match="more than 4 unknown columns"):
            count("\n".join(lines))
        return
    counted = count("\n".join(lines))
    assert counted.records == len(records)
    assert set(counted.columns) == {key for record in records for key in record}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[{"id":1},{"id":2}]', 1, "is a JSON array"),
        ('[\n{"id":1},\n{"id":2}\n]', 1, "is a JSON array"),
        ('{"id":1}\n{"id":2} {"id":3}\n', 2, "not one whole"),
        ('{"id":1}\n{"id":2', 2, "not one whole"),
        ('{"id":1}\n{"city":"x', 2, "is not closed"),
        ('{\n"id":1\n}\n', 1, "not one whole"),
        ('{"id":1}\n2\n', 2, "not one whole"),
        ('{"id":1}\n{"city":{"a":1}}\n', 2, "lists or objects in city"),
        ('{"id":1}\n{"city":[]}\n', 2, "lists or objects in city"),
        ('{"id":1}\n' + '{"id":' + "[" * 100_000 + "]" * 100_000 + "}", 2, "lists or objects in id"),
        ('{"id":1}\n{"id":1,"city":"x","id":2}\n', 2, "a key twice"),
        ('{"id":1,"i\\u0064":2}\n', 1, "a key twice"),
        ('{"city":"\\ud800"}\n', 1, "surrogate"),
        ('{"city":"\\ud83d\\ude00"}\n{"city":"\\ude00\\ud83d"}\n', 2, "surrogate"),
        (b'{"id":1}\n{"city":"\xff"}\n', 2, "UTF-8"),
        (b'\xef\xbb\xbf{"id":1}\n', 1, "byte order mark"),
        ("", None, "empty"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(text: str | bytes, line: int | None, what: str) -> None:
    """RFC 8259, an object a line."""
    with pytest.raises(MalformedFile, match=what) as caught:
        count(text, whole=True)
    assert caught.value.line == line


def test_a_number_is_text_only_where_its_digits_stay(tmp_path: Path) -> None:
    """Integers of any size are text as they stand; a fraction would be written anew, so it is refused."""
    big = ["9007199254740993", "-12345678901234567890123", "007"]
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/orders.jsonl").write_text(
        f'{{"id": 1, "city": {big[0]}}}\n{{"city":{big[1]}}}\n{{"city":"{big[2]}"}}\n'
    )
    written = promise("shop", "orders_raw", {"id": "integer", "city": "string"})
    contract = read_promise(tmp_path, written, stage="source")
    file = RawFile(FolderStore(str(tmp_path)), "shop/orders.jsonl")
    judged = file.judge(contract)
    assert (judged.fault, judged.records) == ("", 3)
    assert file.rows(contract).collect()["city"].to_list() == big
    with pytest.raises(MalformedFile, match=r"fraction .*\(line 2\)"):
        count('{"id":1.5,"city":"1.50"}\n{"city" : 1.50}\n', ("city",))


def test_many_columns_of_one_length_are_told_apart() -> None:
    """Names that are compared all at once."""
    columns = [f"c{number:03d}" for number in range(500)]
    record = json.dumps(dict.fromkeys(columns, 1))
    counted = count_json(io.BytesIO(f'{record}\n{record[:-1]}, "c999": 2}}\n'.encode()), columns)
    assert list(counted.columns) == [*columns, "c999"]
    assert counted.records == 2
