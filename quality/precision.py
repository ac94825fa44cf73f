"""Numbers written as text that a float does not hold: one rule for every format that a number lands in.

A float changes almost every decimal text in its last places: 0.1 is no double. That is not held against a text with as
many significant digits as floats are written with. Beyond that, a text has to be what the float itself is when it is
written with as many digits: else the file says more than the column keeps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import polars as pl


@dataclass(frozen=True)
class FloatForm:
    """Limits of a binary float (IEEE 754, table 3.5).

    Args:
        digits: significant decimal digits that tell each of its values apart.
        whole: largest whole number up to which it holds each one.
        normal: smallest number that it holds with all its digits.
    """

    digits: int
    whole: int
    normal: float


FORMS: Mapping[pl.DataType, FloatForm] = {
    pl.Float64(): FloatForm(17, 2**53, 2.0**-1022),
    pl.Float32(): FloatForm(9, 2**24, 2.0**-126),
}
_LONGEST = 800
"""Significant digits beyond which no double has any; the longest has 767."""
_SHORTEST = len("1e-39")
"""Of a text that is not zero and below the normal numbers of any type."""
_PARTS = re.compile(r"[+-]?(\d*)\.?(\d*)(?:[eE][+-]?\d+)?", re.ASCII)


def is_held(text: str, value: float, form: FloatForm) -> bool:
    """True if a finite float stands for the number of a text."""
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return True  # NaN and infinity, which are no numbers
    digits = (parts[1] + parts[2]).strip("0")
    if not digits or not value:
        return not digits
    if text.lstrip("+-").isdecimal() and abs(value) >= form.whole:
        return Decimal(text).copy_abs() == form.whole
    if len(digits) <= form.digits and form.normal <= abs(value) < form.whole:
        return True
    return len(digits) <= _LONGEST and Decimal(f"{value:.{len(digits) - 1}e}") == Decimal(text)


def unheld(text: pl.Series, cast: pl.Series) -> pl.Series | None:
    """True where a float does not stand for the number of its text; None if it does everywhere."""
    form, size, length = FORMS[cast.dtype], cast.abs(), text.str.len_bytes()
    odd = (length > form.digits) | (size >= form.whole) | ((size < form.normal) & (length >= _SHORTEST))
    at = (odd & cast.is_finite()).fill_null(False).arg_true()
    if not at.len():
        return None
    suspects = pl.DataFrame({"at": at, "text": text.gather(at), "value": cast.gather(at).cast(pl.Float64)})
    # Regular expressions and Python see only the few that have too many digits, or are out of the usual range.
    written = pl.col("text").str.len_bytes() - pl.col("text").str.contains(".", literal=True)
    written -= pl.col("text").str.starts_with("-")
    usual = pl.col("value").abs().is_between(form.normal, form.whole, closed="left")
    zero = pl.col("value") == 0
    suspects = suspects.filter(
        (~zero | pl.col("text").str.contains("[1-9]")) & (~usual | (written > form.digits))
    )
    figures = pl.col("text").str.extract(r"^([^eE]*)").str.replace_all(r"[^0-9]", "").str.strip_chars("0")
    suspects = suspects.filter(~usual | (figures.str.len_bytes() > form.digits))
    lost = [place for place, given, value in suspects.iter_rows() if not is_held(given, value, form)]
    if not lost:
        return None
    return pl.repeat(False, text.len(), dtype=pl.Boolean, eager=True).scatter(lost, True)
