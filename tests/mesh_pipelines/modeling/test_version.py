"""A registered version: its label, and the bytes that are not shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mesh_pipelines.modeling.training import TrainedModel
from mesh_pipelines.modeling.version import LoadedModel


@pytest.mark.parametrize(
    ("key", "version", "label"),
    [("demo.lateness", 1, "lateness@1"), ("demo.lateness", 12, "lateness@12"), ("d.a_b", 0, "a_b@0")],
)
def test_a_label_is_the_name_without_the_domain(
    trained: TrainedModel, registered: Callable[..., LoadedModel], key: str, version: int, label: str
) -> None:
    """Written beside every score: the table of scores is of one domain."""
    loaded = registered(trained, version)
    named = replace(loaded.version, key=key)
    assert (named.label, replace(loaded, version=named).label) == (label, label)


def test_bytes_and_record_are_not_shown(
    trained: TrainedModel, registered: Callable[..., LoadedModel]
) -> None:
    """A traceback with a loaded model in it stays readable, and holds no category of its training data."""
    shown = repr(registered(trained))
    assert "lateness" in shown
    assert "EWR" not in shown
    assert len(shown) < 2_000
