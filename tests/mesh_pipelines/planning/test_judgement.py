"""A judgement concerns a run if it makes something of what is out of date."""

from __future__ import annotations

import pytest

from mesh_pipelines.planning.judgement import Judgement

MONTHS = ("2013-01", "2013-02")


@pytest.mark.parametrize(
    ("judged", "asked", "concerns"),
    [
        (Judgement(), None, False),
        (Judgement(), (), False),
        (Judgement(), MONTHS, False),
        (Judgement(("landed",)), None, True),
        (Judgement(("landed",)), MONTHS, False),
        (Judgement(("landed",), MONTHS), None, True),
        (Judgement(("landed",), MONTHS), (), False),
        (Judgement(("landed",), MONTHS), ("2013-02", "2013-03"), True),
        (Judgement(("landed",), MONTHS), ("2013-03",), False),
        (Judgement(waits="nothing has landed for it yet"), None, False),
    ],
)
def test_a_judgement_concerns_what_is_out_of_date(
    judged: Judgement, asked: tuple[str, ...] | None, concerns: bool
) -> None:
    """An asset without partitions by its reasons; one by partition where one of those asked for is among its own."""
    assert judged.concerns(asked) is concerns
