"""Expectations that Great Expectations can check on a database, from the JSON schemas that it ships.

Reading the schemas takes milliseconds; importing Great Expectations to ask its classes takes seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_NO_DATABASES = {"Pandas", "Spark"}
_NO_ARGUMENTS = {
    "batch_id", "catch_exceptions", "description", "id", "library_metadata", "meta", "metadata", "notes",
    "rendered_content", "result_format", "severity", "windows",
}  # fmt: skip
"""Properties of every expectation that the audit sets, or that only GX Cloud uses."""


@cache
def expectations() -> Mapping[str, Path]:
    """The schema file of each expectation (``expect_...``) that a database can check.

    An expectation without a schema exists on Pandas or Spark only, and is left out.
    """
    spec = find_spec("great_expectations")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("great_expectations")
    schemas = Path(spec.origin).parent / "expectations" / "core" / "schemas"
    known = json.loads((schemas / "index.json").read_bytes())["expectations"]
    return {
        name: schemas / entry["schema_file"]
        for name, entry in known.items()
        if name.startswith("expect_") and not _NO_DATABASES.issuperset(entry["supported_data_sources"])
    }


@cache
def arguments_of(kind: str) -> frozenset[str]:
    """Names of an expectation's arguments; empty for one that is not in :func:`expectations`."""
    file = expectations().get(kind)
    if file is None:
        return frozenset()
    return frozenset(json.loads(file.read_bytes())["properties"]) - _NO_ARGUMENTS
