"""Columns of the contract that a record of JSON has within lists or objects, by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

_DEEP = 32
_SHOWN = 5


def fault_of_nesting(record: bytes, columns: Sequence[str]) -> str:
    """The columns in which a record has a list or an object, or which it has within one; empty where there are none.

    A column is found by its own name or by its path: ``address_city`` is the key ``city`` of the object ``address``.
    """
    try:
        given = json.loads(record)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(given, dict):
        return ""
    top: dict[str, Any] = given
    nested = {key: value for key, value in top.items() if isinstance(value, dict | list)}
    own = [name for name in columns if name in nested]
    if own:
        return f"has lists or objects in {_listed(own)}"
    paths = [path for key, value in nested.items() for path in _paths(value, (key,))]
    within = {name for path in paths for name in ("_".join(path), path[-1])}
    found = [name for name in columns if name in within and name not in top]
    return f"has {_listed(found)} within a list or an object" if found else ""


def _paths(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if len(path) > _DEEP:
        return
    if isinstance(value, dict):
        inside: dict[str, Any] = value
        for key, inner in inside.items():
            yield (*path, key)
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        items: list[Any] = value
        for inner in items[:1]:
            yield from _paths(inner, path)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
