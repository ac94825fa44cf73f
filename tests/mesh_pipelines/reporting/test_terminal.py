"""What a terminal is given: text, whatever names and values hold."""

from __future__ import annotations

import io

import pytest

from mesh_pipelines.errors import LandingError
from mesh_pipelines.orchestration.run_report import StepReport
from mesh_pipelines.reporting import terminal

pytestmark = pytest.mark.odd_input("messages carry data", "leaked")


@pytest.mark.parametrize("sign", ["\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "\u202e", "\r"])
def test_control_characters_of_names_and_values_are_shown_and_not_obeyed(sign: str) -> None:
    """A file's name or a header can neither clear the screen, rename the window, nor hide what follows."""
    error = LandingError(f"has the unknown column {sign}gone", where=f"{sign}.csv", remedy=f"mend {sign}")
    step = StepReport("shop.orders", "shop", "source", "failed", message=f"{sign}: refused")
    told = io.StringIO()
    terminal.show(terminal.failure(error, terminal=False), terminal.troubles([step]), file=told)
    for shown in told.getvalue().splitlines():
        assert shown.isprintable()
    assert "gone" in told.getvalue()
