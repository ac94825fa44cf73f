"""Names that Dagster's store and the mesh share are made in one module."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import asset_key, dotted, key_of_op, op_name


@pytest.mark.parametrize("key", ["a1.b", "operations.departure_delay", "my_shop.a__b"])
def test_a_name_comes_back_as_it_was(key: str) -> None:
    """A key is the same after it was Dagster's, as an asset's key and as an op's name."""
    assert dotted(asset_key(key)) == key
    assert dotted(asset_key(key), "other") == key
    assert key_of_op(op_name(key)) == key


def test_a_key_without_a_domain_is_of_the_domain_that_wrote_it() -> None:
    """A hand-written check may name an asset of its own domain by its name alone."""
    assert dotted(dg.AssetKey("orders"), "shop") == "shop.orders"


def test_no_other_module_spells_these_names(root: Path) -> None:
    """Two spellings would part company one day."""
    spelt = re.compile(r'"\.".join\([^)]*\.path|"__".join|\}__\{|replace\("__"')
    found = [
        f"{file.relative_to(root)}:{number}"
        for folder in ("mesh_pipelines", "quality", "resources")
        for file in (root / folder).rglob("*.py")
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if spelt.search(line) and file.name != "dagster_names.py"
    ]
    assert found == []
