"""A function is called on its inputs' columns: what it returns or raises is kept, and whose rows it asked for."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from mesh_pipelines.features.without_rows import call_without_rows

INPUTS = {
    "orders": ("shop.orders", {"id": pl.Int64(), "city": pl.String()}),
    "zones": ("bank.zones", {"city": pl.String(), "zone": pl.Int32()}),
}


def test_a_lazy_function_asks_for_no_rows() -> None:
    """Its plan has the types of the inputs, and running the plan later is not the function's asking."""
    call = call_without_rows(lambda orders, zones: orders.join(zones, on="city"), INPUTS)
    assert (call.error, call.collected) == (None, ())
    assert call.value.collect_schema() == {"id": pl.Int64, "city": pl.String, "zone": pl.Int32}
    assert call.value.collect().is_empty()
    assert list(call.frames) == ["orders", "zones"]


def test_inputs_whose_rows_are_read_are_named_in_that_order() -> None:
    """By key, each time; filters and columns that polars pushes down find what is there: columns, no rows."""

    def eager(orders: pl.LazyFrame, zones: pl.LazyFrame) -> pl.LazyFrame:
        found = zones.filter(pl.col("zone") > 1).select("city").collect()
        assert found.schema == {"city": pl.String}
        return orders.collect().lazy().join(found.lazy(), on="city")

    call = call_without_rows(eager, INPUTS)
    assert (call.error, call.collected) == (None, ("bank.zones", "shop.orders"))
    assert call.value.collect_schema() == {"id": pl.Int64, "city": pl.String}


def test_a_function_without_inputs_is_called() -> None:
    """It returns what it likes, nothing included."""
    assert call_without_rows(lambda: None, {}).value is None
    assert call_without_rows(lambda: 7, {}).value == 7


@pytest.mark.parametrize(
    "raised", [ValueError("no"), SystemExit(3), pl.exceptions.ColumnNotFoundError("heet")]
)
def test_an_error_of_the_function_is_its_result(raised: BaseException) -> None:
    """With what it had read until then."""

    def fails(orders: pl.LazyFrame, zones: pl.LazyFrame) -> Any:
        orders.collect()
        raise raised

    call = call_without_rows(fails, INPUTS)
    assert (call.error, call.value, call.collected) == (raised, None, ("shop.orders",))


def test_an_input_that_the_function_does_not_take_is_an_error() -> None:
    """Of the call, not of the check."""
    assert isinstance(call_without_rows(lambda orders: orders, INPUTS).error, TypeError)


def test_the_end_of_the_process_is_no_result() -> None:
    """Whoever presses Ctrl+C while a function runs means the whole command."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_without_rows(interrupted, {})
