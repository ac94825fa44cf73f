"""An agreement lets one reader read for one purpose, until its last day."""

from __future__ import annotations

from datetime import date

import pytest

from mesh_pipelines.governance.agreements import agreement_refusal
from quality.contract import Agreement


def test_an_agreement_holds_on_its_last_day() -> None:
    """``until`` is inclusive; without one an agreement has no end; any fitting one of several is enough."""
    last = date(2026, 5, 31)
    ends = Agreement("store", "planning", last)
    assert agreement_refusal([ends], "store", "planning", last) == ""
    assert "ended on 2026-05-31" in agreement_refusal([ends], "store", "planning", date(2026, 6, 1))
    forever = Agreement("store", "planning", None)
    assert agreement_refusal([ends, forever], "store", "planning", date(2999, 1, 1)) == ""
    assert "'billing', 'planning'" in agreement_refusal(
        [ends, Agreement("store", "billing", None)], "store", "fun", last
    )


TODAY = date(2026, 5, 31)
BEFORE = date(2026, 5, 30)


@pytest.mark.parametrize(
    ("agreements", "refusal"),
    [
        ((), "there is no agreement with store"),
        ((Agreement("fleet", "planning", None),), "there is no agreement with store"),
        ((Agreement("Store", "planning", None),), "there is no agreement with store"),
        (
            (Agreement("store", "billing", None), Agreement("store", "audit", BEFORE)),
            "the agreement with store is for 'audit', 'billing'",
        ),
        (
            (Agreement("store", "planning", date(2020, 1, 1)), Agreement("store", "planning", BEFORE)),
            "the agreement ended on 2026-05-30",
        ),
        ((Agreement("store", "planning", BEFORE), Agreement("store", "planning", TODAY)), ""),
        ((Agreement("store", "planning", BEFORE), Agreement("store", "planning", None)), ""),
        (
            (Agreement("store", "billing", None), Agreement("store", "planning", BEFORE)),
            "ended on 2026-05-30",
        ),
        ((Agreement("store", "", None),), "is for ''"),
    ],
)
def test_the_reason_of_a_refusal_is_the_nearest_miss(agreements: tuple[Agreement, ...], refusal: str) -> None:
    """Another reader, another purpose or a past day; one fitting agreement among several is enough."""
    given = agreement_refusal(agreements, "store", "planning", TODAY)
    assert bool(given) == bool(refusal)
    assert refusal in given
