"""The one place that decides who may read a product."""

from __future__ import annotations

from datetime import date

import pytest

from mesh_pipelines.declaring.reader import AccessRequest, Purpose, Reader
from mesh_pipelines.governance.access import AgreementPoint
from quality.contract import Agreement

PLANNING = Purpose("planning")
POINT = AgreementPoint(
    (Agreement("shop", "planning", date(2026, 5, 31)),),
    lambda: date(2026, 5, 31),
)


@pytest.mark.parametrize(
    ("reader", "purpose", "refusal"),
    [
        (Reader("domain", "shop"), PLANNING, ""),
        (Reader("domain", "shop"), None, "no purpose is stated"),
        (Reader("domain", "shop"), Purpose("resale"), "the agreement with shop is for 'planning'"),
        (Reader("domain", "store"), None, ""),
        (Reader("domain", "fleet"), PLANNING, "there is no agreement with fleet"),
        (Reader("person", "shop"), PLANNING, "there is no agreement with person shop"),
        (Reader("person", "store"), PLANNING, "there is no agreement with person store"),
        (Reader("agent", "store"), None, "there is no agreement with agent store"),
    ],
)
def test_only_the_owner_and_who_has_an_agreement_may_read(
    reader: Reader, purpose: Purpose | None, refusal: str
) -> None:
    """A person or an agent that is named like a domain is not that domain."""
    assert POINT.refusal(AccessRequest(reader, "store.sales", purpose)) == refusal


def test_an_agreement_that_has_ended_grants_nothing() -> None:
    """The day after its last."""
    ended = AgreementPoint(POINT.agreements, lambda: date(2026, 6, 1))
    request = AccessRequest(Reader("domain", "shop"), "store.sales", PLANNING)
    assert ended.refusal(request) == "the agreement ended on 2026-05-31"
