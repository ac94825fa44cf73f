"""Agreements: which domain may read a product, for which purpose, until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date


def agreement_refusal(agreements: Sequence[object], consumer: str, purpose: str, today: date) -> str:
    """Why a domain may not read a product; empty where it may.

    Args:
        agreements: the product's agreements (``consumer``, ``purpose``, ``until``).
        consumer: the reading domain.
        purpose: what it wants to read for.
        today: the day of reading.
    """
    own = [a for a in agreements if getattr(a, "consumer", None) == consumer]
    if not own:
        return f"there is no agreement with {consumer}"
    fitting = [a for a in own if getattr(a, "purpose", None) == purpose]
    if not fitting:
        agreed = ", ".join(sorted(repr(getattr(a, "purpose", "")) for a in own))
        return f"the agreement with {consumer} is for {agreed}"
    if not any(getattr(a, "until", None) is None or a.until >= today for a in fitting):  # type: ignore[attr-defined]
        return f"the agreement ended on {max(a.until for a in fitting)}"  # type: ignore[attr-defined]
    return ""
