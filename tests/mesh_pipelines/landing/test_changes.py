"""What has landed against what the last publish read: which partitions changed and why, and what is not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest

from mesh_pipelines.errors import LandingError, MeshError, SourceUnavailable
from mesh_pipelines.landing.changes import (
    changed_partitions,
    known_inputs,
    look_at,
    refused_inputs_error,
    removed_inputs,
    separate_undeclared,
)
from mesh_pipelines.landing.landed import Known, Landed, LandedInput, RefusedInput, SeenInput
from quality.contract import Contract
from tests.mesh_pipelines.small_domains import promise, read_promise


def landed(*inputs: str, **more: Any) -> Landed:
    """Inputs as ``partition/name=fingerprint``."""
    parts = [one.replace("=", "/").split("/") for one in inputs]
    return Landed(
        tuple(LandedInput(name, partition, "", content) for partition, name, content in parts), **more
    )


def known(*inputs: str) -> Known:
    """What a publish of these inputs knows."""
    return known_inputs(landed(*inputs).inputs)


@pytest.mark.parametrize(
    ("now", "before", "changed"),
    [
        (landed(), (), {}),
        (landed("1/a=x"), ("1/a=x",), {}),
        (landed("1/a=x"), (), {"1": "a landed"}),
        (landed("1/a=y"), ("1/a=x",), {"1": "a has changed"}),
        (landed("1/a=x", "1/b=x"), ("1/a=x",), {"1": "b landed"}),
        (landed("1/b=x"), ("1/a=x", "1/b=x"), {"1": "a was taken away"}),
        (landed("1/b=x"), ("1/a=x",), {"1": "b landed; a was taken away"}),
        (landed("1/c=x"), ("1/b=x", "1/c=x", "1/a=x"), {"1": "a was taken away; b was taken away"}),
        (landed("2/a=x"), ("1/a=x",), {"2": "a landed"}),
        (landed("2/b=y", "1/a=y"), ("2/b=x", "1/a=x"), {"1": "a has changed", "2": "b has changed"}),
        (landed("/whole=x"), (), {"": "whole landed"}),
        (landed("1/b=x", unfinished=("a",)), ("1/a=x", "1/b=x"), {}),
        (landed("1/b=x", refused=(RefusedInput("a", "", "is a link"),)), ("1/a=x", "1/b=x"), {}),
        (landed("1/b=x", outside=landed("9/a=x").inputs), ("1/a=x", "1/b=x"), {}),
        (landed(), ("1/a=x",), {}),
    ],
)  # fmt: skip
def test_a_partition_changes_with_its_inputs(
    now: Landed, before: tuple[str, ...], changed: dict[str, str]
) -> None:
    """Each with all reasons; one that lost its last input, or whose input cannot be read, keeps its rows."""
    assert changed_partitions(now, known(*before)) == changed
    assert list(changed_partitions(now, known(*before))) == sorted(changed)


def test_a_change_is_told_in_the_inputs_own_words() -> None:
    """A table is not corrected but has rows that came late."""
    table = LandedInput("shop:orders", "", "", "2", change="has rows that came late")
    assert changed_partitions(Landed((table,)), known("/shop:orders=1")) == {
        "": "shop:orders has rows that came late"
    }


@pytest.mark.parametrize(
    ("now", "before", "removed"),
    [
        (landed(), (), ()),
        (landed(), ("2/b=x", "1/a=x", "1/c=x"), ("a", "b", "c")),
        (landed("1/c=x"), ("1/a=x", "2/b=x"), ("b",)),
        (landed(unfinished=("a",)), ("1/a=x", "2/b=x"), ("b",)),
        (landed(refused=(RefusedInput("a", "", "is a link"),)), ("1/a=x",), ()),
        (landed(outside=landed("1/a=x").inputs), ("1/a=x",), ()),
    ],
)
def test_the_last_input_of_a_partition_is_missed_by_name(
    now: Landed, before: tuple[str, ...], removed: tuple[str, ...]
) -> None:
    """Its rows stay published; what is there and not read is not gone."""
    assert removed_inputs(now, known(*before)) == removed


@pytest.fixture
def monthly(tmp_path: Path) -> Contract:
    """A source cut by month, from January 2013 to March."""
    written = promise("shop", "orders_raw", {"id": "integer"}, partitions="2013-01", until="2013-03")
    return read_promise(tmp_path, written, "source")


def test_inputs_of_undeclared_partitions_are_set_apart(monthly: Contract) -> None:
    """Before the first and after the last; without partitions in the contract nothing is."""
    found = landed("2012-12/a=x", "2013-01/b=x", "2013-03/c=x", "2013-04/d=x")
    apart = separate_undeclared(found, monthly.partition)
    assert [one.name for one in apart.inputs] == ["b", "c"]
    assert [one.name for one in apart.outside] == ["a", "d"]
    assert separate_undeclared(found, None) == found
    assert separate_undeclared(landed("/whole=x"), monthly.partition).outside == ()


def test_what_is_not_read_is_named_with_the_way_out(monthly: Contract) -> None:
    """Refused files and undeclared partitions in one error, the first eight of them; none where all is read."""
    assert refused_inputs_error(landed("2013-01/a=x"), monthly) is None
    links = tuple(RefusedInput(f"l{number}", "", "is a link") for number in range(8))
    error = refused_inputs_error(landed(outside=landed("2013-04/d=x").inputs, refused=links), monthly)
    assert error is not None
    assert error.what.splitlines()[1] == "  - l0: is a link"
    assert error.what.splitlines()[-1] == "  - and 1 more"
    assert "customProperties, partitions" in error.remedy
    [alone] = [refused_inputs_error(landed(refused=links[:1]), monthly)]
    assert alone is not None
    assert "customProperties" not in alone.remedy
    outside = refused_inputs_error(landed(outside=landed("2013-04/d=x").inputs), monthly)
    assert outside is not None
    assert "d (2013-04): outside the partitions that its contract declares" in outside.what


def test_a_publish_knows_its_inputs_by_partition_and_name() -> None:
    """With stamp, content, mark and note."""
    one = LandedInput("t", "1", "stamp", "print", "5", since="4", note="1 not finite")
    assert known_inputs([one]) == {"1": {"t": SeenInput("stamp", "print", "5", "1 not finite")}}
    assert known_inputs([]) == {}
    assert set(known("1/a=x", "1/b=y", "2/a=x")["1"]) == {"a", "b"}


class Place:
    """A landing that gives or raises one thing, and notes that it was closed."""

    where = "here"

    def __init__(self, result: Landed | Exception) -> None:
        self.result, self.closed = result, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.closed = True

    def look(self, known: Known, *, settle: float = 0.0) -> Landed:
        """Give it, or raise it."""
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.mark.parametrize(
    ("raised", "kind", "where"),
    [
        (SourceUnavailable("no answer", where="there"), SourceUnavailable, "there"),
        (ValueError("secret"), LandingError, "shop.orders_raw"),
    ],
)
def test_a_look_that_fails_is_a_result(raised: Exception, kind: type[MeshError], where: str) -> None:
    """An error of the mesh as it is, any other by its kind alone; on opening as on looking, and it is closed."""
    place: Any = Place(raised)

    def cannot_open() -> Any:
        raise raised

    for opens in (lambda: place, cannot_open):
        fault = look_at(opens, {}, key="shop.orders_raw").fault
        assert fault is not None
        assert type(fault) is kind
        assert fault.where == where
        assert "secret" not in str(fault)
    assert place.closed


def test_a_look_that_finds_something_gives_it() -> None:
    """And closes the landing."""
    place: Any = Place(landed("1/a=x"))
    assert look_at(lambda: place, {}) == landed("1/a=x")
    assert place.closed
