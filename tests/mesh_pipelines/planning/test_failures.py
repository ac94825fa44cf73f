"""Failures by content: which are kept beside new ones, which go with a success, and how they are written."""

from __future__ import annotations

import pytest

from mesh_pipelines.planning.failures import (
    FailedContent,
    after_failures,
    after_success,
    read_failures,
    write_failures,
)

JANUARY = FailedContent("a", ("2013-01",))
BOTH = FailedContent("b", ("2013-01", "2013-02"))
GAP = FailedContent("c", ("2013-01", "2013-02", "2013-04"))
WHOLE = FailedContent("d")


@pytest.mark.parametrize(
    ("known", "new", "after"),
    [
        ([JANUARY], [BOTH], [BOTH]),
        ([BOTH], [JANUARY], [BOTH, JANUARY]),
        ([JANUARY], [FailedContent("e", ("2013-01",))], [FailedContent("e", ("2013-01",))]),
        ([WHOLE], [FailedContent("e")], [FailedContent("e")]),
        ([WHOLE], [JANUARY], [JANUARY]),
        ([JANUARY], [], [JANUARY]),
    ],
)
def test_a_new_failure_takes_the_place_of_its_parts(
    known: list[FailedContent], new: list[FailedContent], after: list[FailedContent]
) -> None:
    """One of more partitions stays beside one of some of them: its others are not to be tried again."""
    assert after_failures(known, new) == after


@pytest.mark.parametrize(
    ("made", "left"),
    [
        (("2013-01",), []),
        (("2013-04",), [JANUARY, BOTH]),
        (("2013-03",), [JANUARY, BOTH, GAP]),
        (None, []),
    ],
)
def test_what_is_made_is_no_failure_any_more(made: tuple[str, ...] | None, left: list[FailedContent]) -> None:
    """Neither is what failed together with it."""
    assert after_success([JANUARY, BOTH, GAP], made) == left


def test_failures_are_read_as_they_were_written() -> None:
    """With gaps, without partitions, and none at all."""
    assert read_failures(write_failures([JANUARY, BOTH, GAP, WHOLE])) == [JANUARY, BOTH, GAP, WHOLE]
    assert read_failures("") == []
