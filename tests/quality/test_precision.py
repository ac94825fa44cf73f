"""A float stands for a decimal text only where it says as much as the text: held against exact decimal arithmetic."""

from __future__ import annotations

from decimal import Context, Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.precision import FORMS, is_held, unheld

pytestmark = pytest.mark.odd_input("the parser's leniency", "lost")

DOUBLE, SINGLE = pl.Float64(), pl.Float32()

HELD = [
    "0.1", "40.712776", "-73.98765432101234", "0.30000000000000004", "0.12345678901234567", "1e300", "1e23", "1.50",
    "1.7976931348623157e308", "5e-324", "2.2250738585072014e-308", "0.1" + "0" * 40, "9007199254740992", "0", "-0.0",
    "0.000000", "0e-400", "000001", "+1.5", ".5", "5.", "1E5",
    "0.1000000000000000055511151231257827021181583404541015625",
    "0.10000000000000000555", "1" + "0" * 15, "9007199254740994.0",
]  # fmt: skip
UNHELD = [
    "12345678901234567.5", "1e-400", "-1e-400", "0.1" + "3" * 39, "9007199254740993", "-9007199254740993", "7e-324",
    "9007199254740993.0", "9007199254740993.5", "1e-325", "123456789.123456789123", "99999999999999999.99",
    "12345678901234567e0", "1.2345678901234567e16", "0." + "0" * 330 + "1", "1e-99999999999999999999",
    "3.14159265358979323846", "100000000000000000000000",
]  # fmt: skip


def judged(texts: list[str], dtype: pl.DataType) -> list[bool]:
    """For each text, if its float is refused."""
    text = pl.Series(texts, dtype=pl.String)
    found = unheld(text, text.cast(dtype))
    return [False] * len(texts) if found is None else found.to_list()


@pytest.mark.parametrize("text", HELD)
def test_a_number_that_is_only_rounded_as_every_decimal_text_is_held(text: str) -> None:
    """Up to 17 digits, as doubles are written; with more, if the double itself has them."""
    assert judged([text], DOUBLE) == [False]


@pytest.mark.parametrize("text", UNHELD)
def test_a_number_that_says_more_than_its_float_is_not_held(text: str) -> None:
    """Digits beyond a double, whole numbers beyond 2^53, numbers that become zero."""
    assert judged(["1.5", text, "2"], DOUBLE) == [False, True, False]


@pytest.mark.parametrize("text", ["inf", "-Infinity", "NaN", "1e400", "late", ""])
def test_what_is_no_finite_number_is_left_to_other_rules(text: str) -> None:
    """``finite`` and ``type`` name these."""
    series = pl.Series([text])
    assert unheld(series, series.cast(DOUBLE, strict=False)) is None


@pytest.mark.parametrize(
    ("text", "refused"),
    [("0.1", False), ("40.7127", False), ("16777217", True), ("16777216", False), ("40.712776123", True),
     ("1e-46", True)],
)  # fmt: skip
def test_a_single_holds_nine_digits(text: str, refused: bool) -> None:
    """24 bits: whole numbers up to 2^24."""
    assert judged([text], SINGLE) == [refused]


def stands(text: str, value: float, digits: int, whole: int, normal: float) -> bool:
    """The rule in exact decimal arithmetic."""
    number = Decimal(text)
    if not number:
        return True
    figures = len("".join(map(str, number.as_tuple().digits)).strip("0"))
    if text.lstrip("+-").isdigit() and abs(number) > whole:
        return False
    if figures <= digits and normal <= abs(value) < whole:
        return True
    return Context(prec=figures).create_decimal(Decimal(value)) == number


numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(0, 1e17).map(lambda value: f"{value:.20f}"),
    st.integers().map(str),
    st.tuples(st.integers(0, 10**20), st.integers(0, 10**20)).map(lambda parts: f"{parts[0]}.{parts[1]}"),
    st.tuples(st.integers(-(10**18), 10**18), st.integers(-345, 310)).map(lambda p: f"{p[0]}e{p[1]}"),
)


@given(texts=st.lists(numbers, min_size=1, max_size=8), single=st.booleans())
def test_columns_are_judged_as_exact_arithmetic_judges_each_number(texts: list[str], single: bool) -> None:
    """Whatever the neighbours: the column as a whole, and the number by itself."""
    dtype = SINGLE if single else DOUBLE
    form = FORMS[dtype]
    values = pl.Series(texts).cast(dtype).to_list()
    for text, value, refused in zip(texts, values, judged(texts, dtype), strict=True):
        if np.isfinite(value):
            assert refused is not stands(text, value, form.digits, form.whole, form.normal)
            assert is_held(text, value, form) is not refused
        else:
            assert not refused
