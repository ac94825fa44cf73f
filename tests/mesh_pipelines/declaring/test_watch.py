"""Bounds of a model in use: those that make sense are kept, all others are named at once."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_pipelines.declaring.watch import Watch
from mesh_pipelines.errors import DefinitionError


@pytest.mark.parametrize(
    ("bounds", "sound"),
    [
        ({"max_psi": 0.01}, True),
        ({"max_psi": 0}, False),
        ({"max_psi": float("nan")}, False),
        ({"max_ks": None}, True),
        ({"max_ks": 1}, True),
        ({"max_ks": 0}, False),
        ({"max_ks": 1.01}, False),
        ({"max_metric_drop": 0}, True),
        ({"max_metric_drop": -0.01}, False),
        ({"max_metric_drop": float("nan")}, False),
        ({"min_rows": 1}, True),
        ({"min_rows": 0}, False),
        ({"months": 1}, True),
        ({"months": 0}, False),
        ({"ignore": ()}, True),
        ({"ignore": "day_of_year"}, False),
    ],
)
def test_a_bound_is_kept_or_named(bounds: dict[str, Any], sound: bool) -> None:
    """The last value that makes sense, and the first that makes none, with what to write instead."""
    [(name, value)] = bounds.items()
    if sound:
        assert getattr(Watch(**bounds), name) == value
        return
    with pytest.raises(DefinitionError) as refused:
        Watch(**bounds)
    [fault] = refused.value.violations
    assert fault.problem == f"{name} is {value!r}"
    assert fault.fix


def test_bounds_that_make_no_sense_are_all_named() -> None:
    """All at once, each with what to write instead."""
    with pytest.raises(DefinitionError) as error:
        Watch(max_psi=0, max_ks=2, max_metric_drop=-1, min_rows=0, months=0, ignore="season")  # type: ignore[arg-type]
    assert len(error.value.violations) == 6
