"""Patterns of file names: those that leave the folder are refused, the others match whole names."""

from __future__ import annotations

import pytest

from mesh_pipelines.landing.pattern import PARTITIONS, fault_of_pattern, matcher


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("orders.csv", ""),
        ("in/deep/orders-{month}*.csv", ""),
        ("*", ""),
        ("{day}", ""),
        ("a b (1)+[x].csv", ""),
        ("größe-{year}.csv", ""),
        ("..orders.csv", ""),
        ("", "names no file"),
        ("in/", "names no file"),
        ("orders\n.csv", "names no file"),
        ("/etc/passwd", "leaves"),
        ("~/orders.csv", "leaves"),
        ("../orders.csv", "leaves"),
        ("in/../../orders.csv", "leaves"),
        ("./orders.csv", "leaves"),
        ("in//orders.csv", "leaves"),
        ("in\\orders.csv", "leaves"),
        ("{month}/orders.csv", "in its folder"),
        ("in*/orders.csv", "in its folder"),
        ("orders-{week}.csv", "holds {week}"),
        ("orders-{}.csv", "holds {}"),
        ("orders-{month}-{day}.csv", "more than one"),
        ("orders-{month}-{month}.csv", "more than one"),
    ],
)
def test_a_pattern_names_files_of_its_own_folder(pattern: str, fault: str) -> None:
    """Sound ones have no fault; of the others the first is said in words."""
    found = fault_of_pattern(pattern)
    assert bool(found) == bool(fault)
    assert fault in found


@pytest.mark.parametrize(
    ("pattern", "name", "partition"),
    [
        ("orders.csv", "orders.csv", ""),
        ("orders.csv", "ordersXcsv", None),
        ("orders.csv", "orders.csv.part", None),
        ("orders.csv", "my-orders.csv", None),
        ("orders.csv", "Orders.csv", None),
        ("orders-*.csv", "orders-.csv", ""),
        ("orders-*.csv", "orders-a/b.csv", None),
        ("orders-*.csv", "orders-a\nb.csv", ""),
        ("a+b (1).csv", "a+b (1).csv", ""),
        ("a+b.csv", "aab.csv", None),
        ("{month}.csv", "2013-01.csv", "2013-01"),
        ("{month}.csv", "2013-1.csv", None),
        ("{month}.csv", "2013-01-05.csv", None),
        ("{month}*.csv", "2013-01-05.csv", "2013-01"),
        ("{day}", "2013-01-05", "2013-01-05"),
        ("o{year}x", "o2013x", "2013"),
        ("{year}", "２０１３", None),
    ],
)
def test_a_name_matches_as_a_whole(pattern: str, name: str, partition: str | None) -> None:
    """A star is any text but a folder's end; a partition is made of ASCII digits; all else stands for itself."""
    match = matcher(pattern).fullmatch(name)
    found = None if match is None else next(iter(match.groupdict().values()), "")
    assert found == partition


def test_every_kind_of_partition_has_a_placeholder() -> None:
    """The group of a match bears the name of the kind."""
    shown = {"month": "2013-01", "day": "2013-01-05", "year": "2013"}
    assert set(shown) == set(PARTITIONS)
    for kind, value in shown.items():
        match = matcher(f"x-{{{kind}}}.csv").fullmatch(f"x-{value}.csv")
        assert match is not None
        assert match.groupdict() == {kind: value}
