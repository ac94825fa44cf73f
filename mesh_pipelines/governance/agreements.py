"""Agreements between domains on readers, purposes and last days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from quality.contract import Agreement


def agreement_refusal(agreements: Sequence[Agreement], consumer: str, purpose: str, today: date) -> str:
    """The reason why a domain may not read a product, in words; empty where it may.

    Args:
        today: the day of reading; an agreement holds on its last day.
    """
    own = [agreement for agreement in agreements if agreement.consumer == consumer]
    if not own:
        return f"there is no agreement with {consumer}"
    fitting = [agreement for agreement in own if agreement.purpose == purpose]
    if not fitting:
        agreed = ", ".join(sorted(repr(agreement.purpose) for agreement in own))
        return f"the agreement with {consumer} is for {agreed}"
    ends = [agreement.until for agreement in fitting]
    ended = [day for day in ends if day is not None and day < today]
    return f"the agreement ended on {max(ended)}" if len(ended) == len(ends) else ""
