"""Numbers of JSON whose digits the parser of the values would lose, kept as they stand in the file.

The parser makes a double of each number with a fraction or an exponent, and gives its digits without an exponent:
12345678901234567.5 comes as 12345678901234568, 1e-400 as 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from mesh_pipelines.landing.records import Bytes, Positions
from quality.precision import FORMS, unheld

_FORM = FORMS[pl.Float64()]
_WHOLE_DIGITS = len(str(_FORM.whole))
LONG = _WHOLE_DIGITS + len(".0")
"""Bytes below which a number without an exponent has neither too many digits nor is beyond 2^53 with a fraction."""
_NUMBER = r"^(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"


def exponents(data: Bytes) -> Positions:
    """Places of an ``e`` behind a digit: in a number it begins an exponent, and it may stand in text."""
    lower, before = data[1:] | np.uint8(32), data[:-1] - np.uint8(ord("0"))
    # In place: memory that is new costs more than the comparison.
    found = np.equal(lower, ord("e"), out=lower.view(np.bool_))
    found &= np.less(before, 10, out=before.view(np.bool_))
    return np.flatnonzero(found) + 1


def lost_numbers(
    block: bytes, begins: Positions, ends: Positions, floats: npt.NDArray[np.bool_]
) -> list[tuple[int, str]]:
    """Numbers that come changed from the parser of the values: place among the given ones, and text.

    Args:
        begins, ends: of values that are long or have an exponent; what is no number is passed over, and so is what
            stands behind one.
        floats: true where a value becomes a float; elsewhere the digits of a large number serve.
    """
    written = pl.Series(
        [block[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)], dtype=pl.Binary
    )
    text = written.cast(pl.String, strict=False).str.extract(_NUMBER)
    text = text.set(~text.str.contains("[.eE]").fill_null(False), None)
    value = text.cast(pl.Float64)
    lost = (value.abs() >= _FORM.whole) & value.is_finite() & pl.Series(floats, dtype=pl.Boolean)
    if (beyond := unheld(text, value)) is not None:
        lost |= beyond
    at = lost.fill_null(False).arg_true()
    return list(zip(at.to_list(), text.gather(at).to_list(), strict=True))
