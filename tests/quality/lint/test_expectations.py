"""Expectations and their arguments, as Great Expectations has them."""

from __future__ import annotations

from typing import Any

from quality.lint.expectations import arguments_of, expectations


def test_arguments_of_expectations_are_those_that_great_expectations_takes() -> None:
    """They are read from its files, to load a domain quickly; here they are held against its classes."""
    from great_expectations.expectations import core
    from great_expectations.expectations.expectation import BatchExpectation

    def fields(of: Any) -> set[str]:
        return set(getattr(of, "__fields__"))  # noqa: B009 (its models are of pydantic 1)

    usual = {*fields(BatchExpectation), "library_metadata"}
    classes = {name.lower(): value for name, value in vars(core).items()}
    assert len(expectations()) > 50
    for kind in expectations():
        known = fields(classes[kind.replace("_", "")])
        assert known - usual <= arguments_of(kind), kind
