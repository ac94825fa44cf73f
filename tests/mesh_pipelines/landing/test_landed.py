"""Inputs of a source, as a look finds them and a publish record keeps them."""

from __future__ import annotations

from mesh_pipelines.landing.landed import Landed, LandedInput, SeenInput, refused_error


def test_inputs_are_gathered_by_partition() -> None:
    """In the order of partitions, within each in the order of the look; unfinished and refused ones are in none."""
    b, a, c = (
        LandedInput(name, partition, "", "") for name, partition in (("b", "2"), ("a", "2"), ("c", "1"))
    )
    outside = LandedInput("d", "3", "", "")
    found = Landed((b, a, c), unfinished=("e",), outside=(outside,)).by_partition()
    assert list(found.items()) == [("1", (c,)), ("2", (b, a))]
    assert Landed().by_partition() == {}


def test_an_input_that_is_as_it_was_has_what_was_known_of_it() -> None:
    """Nothing of it is to be read anew, and nothing has changed."""
    one = LandedInput.of("shop:orders", "2013-01", SeenInput("stamp", "print", "5", "1 not finite"))
    assert one == LandedInput(
        "shop:orders", "2013-01", "stamp", "print", "5", "", "has changed", "1 not finite"
    )


def test_each_refused_input_has_a_line() -> None:
    """Below one heading, with the way out."""
    error = refused_error("shop.orders_raw", ["a.csv: is empty", "b.csv: is not UTF-8 text"])
    assert error.what.splitlines()[1:] == ["  - a.csv: is empty", "  - b.csv: is not UTF-8 text"]
    assert error.where == "shop.orders_raw"
    assert "land a corrected file" in error.remedy
