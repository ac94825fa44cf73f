"""A fix that names the nearest of the known words."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest_or(word: str, known: Iterable[str], otherwise: str) -> str:
    """Ask whether the nearest known word is meant; ``otherwise`` where none is near."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else otherwise
