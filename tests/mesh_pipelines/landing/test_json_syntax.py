"""Each line is held against the whole grammar of JSON: the line at fault is named, and nothing of it is shown."""

from __future__ import annotations

import io

import polars as pl
import pytest

from mesh_pipelines.landing.json_syntax import judge_syntax
from mesh_pipelines.landing.records import MalformedFile
from mesh_pipelines.landing.strict_json import count_json

pytestmark = pytest.mark.odd_input("the parser's leniency", "lost")

NOT_JSON = [
    (b'{"id": NaN}', "beyond the range of a double,.* or NaN"),
    (b'{"id": -Infinity}', "beyond the range of a double,.* or NaN"),
    (b'{"id": 1e400}', "beyond the range"),
    (b'{"id": ' + b"9" * 40 + b"}", "integer of more than 38 digits"),
    (b'{"id": 1,}', "not one whole JSON object"),
    (b'{"id": 01}', "not one whole JSON object"),
    (b'{"id": 1.}', "not one whole JSON object"),
    (b'{"id": "a\tb"}', "invalid control character"),
    (b'{"id": "\\x41"}', "invalid"),
    (b'{"id": tru}', "not one whole JSON object"),
    (b"{'id': 1}", "not one whole JSON object"),
]


@pytest.mark.parametrize(("text", "what"), NOT_JSON)
@pytest.mark.parametrize("before", [0, 3])
def test_a_line_that_the_reader_refuses_is_found(text: bytes, what: str, before: int) -> None:
    """The whole grammar is judged when the reader has failed, so that the error names the line and nothing of it."""
    file = b'{"id": 1}\n' * before + text + b"\n" + b'{"id": 2}\n'
    with pytest.raises(MalformedFile, match=what) as caught:
        count_json(io.BytesIO(file), ["id"], whole=True)
    assert caught.value.line == before + 1


@pytest.mark.parametrize(
    "block", [b"", b"\n", b" \t\r\n", b'{"id": 1}\r\n\n{"id": "\xc3\xa5\\u00e5"}', b"[1]\n2\nnull"]
)
def test_blank_lines_and_whole_values_pass(block: bytes) -> None:
    """The form of a record is judged elsewhere; here any JSON text is whole."""
    judge_syntax(block, 1)


@pytest.mark.parametrize("blank", [b"\x0b", b"\x0c", b"\xc2\xa0", b"\x00"])
def test_a_line_of_other_spaces_is_no_blank(blank: bytes) -> None:
    """White space of JSON is the blank, the tab, and the ends of lines (RFC 8259, section 2)."""
    with pytest.raises(MalformedFile) as caught:
        judge_syntax(b"{}\n\n" + blank + b"\n{", 41)
    assert caught.value.line == 43, "the first line at fault, counted from the line that is given"


NUMBERS = {
    "170141183460469231731687303715884105728": True,
    "340282366920938463463374607431768211455": True,
    "340282366920938463463374607431768211456": False,
    "-170141183460469231731687303715884105728": True,
    "-170141183460469231731687303715884105729": False,
    "1.7976931348623157e308": True,
    "1.8e308": False,
    "-1e400": False,
    "9" * 5000: False,
    "-0": True,
    "1e-400": True,
}


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:45])
def test_numbers_are_refused_where_the_reader_refuses_them(number: str) -> None:
    """A line that passes here and fails there would be a file that is refused without a line."""
    line = f'{{"id": {number}}}'.encode()
    for read in (
        lambda: judge_syntax(line, 1),
        lambda: pl.read_ndjson(line, schema={"id": pl.String}),
    ):
        if NUMBERS[number]:
            read()
        else:
            with pytest.raises((MalformedFile, pl.exceptions.PolarsError)):
                read()


@pytest.mark.odd_input("messages carry data", "leaked")
@pytest.mark.parametrize(
    "line",
    [
        b'{"hush": "hush" hush}',
        b'{"a": "\\hush"}',
        b'{"a": "hush\x01"}',
        b'{"a": hush}',
        b'{"a": "hush',
        b"hush",
        b'{"a": 1} hush',
        b'{"a": -Infinity, "hush": 1}',
        b"[" * 100_000 + b'"hush"',
        b'{"a": ' + b"7" * 40 + b"}",
    ],
    ids=lambda line: line[:20].decode(),
)
def test_nothing_of_the_line_is_shown(line: bytes) -> None:
    """Neither in words nor as the cause of the error."""
    with pytest.raises(MalformedFile) as caught:
        judge_syntax(line, 1)
    assert "hush" not in str(caught.value)
    assert "777" not in str(caught.value)
    assert caught.value.__suppress_context__
