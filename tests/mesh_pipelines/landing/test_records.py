"""Text is checked as UTF-8 whatever its chunks, and a fault is found in its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines.landing.records import MalformedFile, TextCheck

pytestmark = pytest.mark.odd_input("the parser's leniency", "lost")


def fault_of(content: bytes, cuts: list[int]) -> int | None:
    """The line at fault, of a text that comes in chunks; None where it is UTF-8."""
    ends = sorted({*(cut % (len(content) + 1) for cut in cuts), len(content)})
    check, begin = TextCheck(), 0
    try:
        for end in ends:
            line = 1 + content[:begin].count(b"\n")
            check.add(content[begin:end], line, last=end == len(content))
            begin = end
    except MalformedFile as fault:
        return fault.line
    return None


texts = st.text(st.sampled_from("aé€😀\n"), max_size=8)


@given(text=texts, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_text_passes_however_it_is_cut(text: str, cuts: list[int]) -> None:
    """Also in the middle of a character."""
    assert fault_of(text.encode(), cuts) is None


@given(
    before=texts,
    odd=st.sampled_from([b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"]),
    after=st.sampled_from([b"", b"a", b"\n", b"\na"]),
    cuts=st.lists(st.integers(0, 40), max_size=4),
)
def test_other_bytes_are_found_in_their_line(before: str, odd: bytes, after: bytes, cuts: list[int]) -> None:
    """A lone byte, a character that is cut, a surrogate, a byte too many, beyond the last code point."""
    assert fault_of(before.encode() + odd + after, cuts) == 1 + before.count("\n")


def test_a_character_that_was_cut_is_found_with_the_next_bytes() -> None:
    """In the line in which it began, though the bytes after it are plain."""
    check = TextCheck()
    check.add(b"a\n\xc3", 1)
    with pytest.raises(MalformedFile) as fault:
        check.add(b"\nabc", 2)
    assert fault.value.line == 2


def test_a_fault_says_its_line_where_it_has_one() -> None:
    """With the thousands apart; the parts can be asked for."""
    fault = MalformedFile("a key twice", 1234)
    assert (str(fault), fault.what, fault.line) == ("a key twice (line 1,234)", "a key twice", 1234)
    assert str(MalformedFile("the file is empty")) == "the file is empty"
