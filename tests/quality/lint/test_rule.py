"""A rule names itself in what it finds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mesh_pipelines.errors import Violation
from quality.lint.rule import Rule


class Short(Rule[str]):
    """A text is short."""

    def check(self, text: str, /) -> Iterator[Violation]:
        if len(text) > 3:
            yield self.violation("line 1", f"{len(text)} letters", "write three", "shop.orders")


class VeryShort(Short):
    """The same rule by another name."""


def test_a_violation_carries_the_name_of_its_rule() -> None:
    """The class's own, also where the check is inherited; its fix, and what it is about."""
    [found] = Short().check("four")
    assert found == Violation("Short", "line 1", "4 letters", "write three")
    assert found.about == ("shop.orders",)
    assert [one.rule for one in VeryShort().check("four")] == ["VeryShort"]
    assert list(Short().check("one")) == []


def test_a_rule_without_a_check_is_none() -> None:
    """It cannot be put into a register."""

    class Unfinished(Rule[str]):
        """Nothing yet."""

    with pytest.raises(TypeError, match="check"):
        Unfinished()  # type: ignore[abstract]
