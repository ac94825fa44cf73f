"""Lines of one form are counted by their bytes: a count is given only where every line is such a record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines.landing.json_form import JsonForm, OneForm, counted_ahead

pytestmark = pytest.mark.odd_input("the parser's leniency", "lost")

FORM = JsonForm((b'"id', b'"a long name', b'"city'), (False, False, True), (False, True, False))
KEYS = ("id", "a long name", "city")
PIECES = [
    '{"id":1,"a long name":2,"city":"x"}', '{"id": 1, "a long name": null, "city": "x"}', "\n", "\r\n", "{", "}", ",",
    '"', '"id":', ' "city":', ":", "\\", '\\"', "\\u0061", " ", "1", '"x"', "[", "]", "tru", "é",
]  # fmt: skip


def block(*lines: str) -> bytes:
    """Lines as a block has them."""
    return "".join(line + "\n" for line in lines).encode()


def counted(*lines: str) -> int | None:
    """Number of records of lines, where all are of the form."""
    found = FORM.count(block(*lines))
    return None if found is None else found.records


records = st.fixed_dictionaries(
    {
        "id": st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        "a long name": st.one_of(
            st.none(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
        ),
        "city": st.one_of(st.none(), st.text(max_size=8)),
    }
)


@given(lines=st.lists(records, min_size=1, max_size=6), spaced=st.booleans(), end=st.sampled_from(["", "\r"]))
def test_records_of_one_form_are_counted(lines: list[dict[str, Any]], spaced: bool, end: str) -> None:
    """Any values, as a program writes them; text that reads like an escape or a key leaves them to the strict count."""
    separators = (", ", ": ") if spaced else (",", ":")
    texts = [
        json.dumps({key: record[key] for key in KEYS}, ensure_ascii=False, separators=separators)
        for record in lines
    ]
    odd = any("\\u" in text or text.count('":') != len(KEYS) for text in texts)
    assert counted(*(text + end for text in texts)) == (None if odd else len(lines))


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=12))
def test_what_is_counted_has_a_record_a_line(pieces: list[str]) -> None:
    """Whatever the bytes: each line has the keys of the form in their order, and nothing before or after them."""
    lines = "".join(pieces).split("\n")
    if (found := counted(*lines)) is not None:
        assert found == len(lines)
        for line in lines:
            assert line.removesuffix("\r").startswith("{")
            assert line.removesuffix("\r").endswith("}")
            at = [line.index(f'"{key}":') for key in KEYS]
            assert at == sorted(at)


@pytest.mark.parametrize(
    "line",
    [
        '{"id":1,"city":"x","a long name":2}',
        '{"id":1,"a long name":2}',
        '{"id":1,"a long name":2,"city":"x","more":1}',
        '{"id":1,"a long nome":2,"city":"x"}',
        '{"ID":1,"a long name":2,"city":"x"}',
        '{"xid":1,"a long name":2,"city":"x"}',
        '{"id":1,"a long name":2,"city":5}',
        '{"id":1,"a long name":[2],"city":"x"}',
        '{"id":1,"a long name":{},"city":"x"}',
        '{"id":1,"a long name":2,"city":"\\u0041"}',
        '{"id":1,"a long name":2,"city":"x"} ',
        '[{"id":1,"a long name":2,"city":"x"}]',
        "",
    ],
)
def test_one_line_of_another_form_is_enough(line: str) -> None:
    """Other keys, order, case, kinds of values, escapes, blanks: the strict count judges the block."""
    sound = '{"id":1,"a long name":2,"city":"x"}'
    assert counted(sound, sound) == 2
    for lines in ((line,), (sound, line), (line, sound)):
        assert counted(*lines) is None


@pytest.mark.parametrize("number", [0, 1, 4, 5, 23])
def test_blocks_come_in_their_turn(number: int) -> None:
    """Each once, with its count; without a form none is counted."""
    blocks = [block(*(['{"id":1,"a long name":2,"city":"x"}'] * (n + 1))) for n in range(number)]
    assert list(counted_ahead(FORM, blocks)) == [(one, OneForm(n + 1)) for n, one in enumerate(blocks)]
    assert list(counted_ahead(None, blocks)) == [(one, None) for one in blocks]


def test_an_error_of_the_reader_is_raised() -> None:
    """After the blocks before it, or instead of them; never swallowed."""

    def fails() -> Any:
        yield block('{"id":1,"a long name":2,"city":"x"}')
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(counted_ahead(FORM, fails()))
