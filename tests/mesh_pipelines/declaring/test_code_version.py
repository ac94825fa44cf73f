"""The code version: changes with what code says, wherever in the domain it says it, and with nothing else."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from mesh_pipelines.declaring.code_version import code_version
from mesh_pipelines.testing import workspace

PRODUCTS = """
from domains.shop.prices import net

LIMIT = 3

def orders(rows):
    return net(rows, LIMIT)
"""
PRICES = """
def net(rows, limit):
    return rows[:limit]
"""


def version(folder: Path, **modules: str) -> str:
    """Code version of ``domains.shop.products`` in a workspace with these modules."""
    with workspace(folder):
        shop = folder / "domains" / "shop"
        shop.mkdir(parents=True, exist_ok=True)
        (shop / "__init__.py").touch()
        for name, text in {"products": PRODUCTS, "prices": PRICES, **modules}.items():
            (shop / f"{name}.py").write_text(text, encoding="utf-8")
        importlib.import_module("domains.shop.products")
        return code_version("domains.shop.products", "domains.shop")


def test_the_same_code_has_the_same_version_wherever_it_lies(tmp_path: Path) -> None:
    """A clone at another place makes nothing anew."""
    assert version(tmp_path / "a") == version(tmp_path / "b")
    assert len(version(tmp_path / "a")) == 12


@pytest.mark.parametrize(
    "same",
    [
        {"products": "# a comment\n" + PRODUCTS},
        {
            "products": PRODUCTS.replace(
                "net(rows, LIMIT)", "net(\n        rows,  # all of them\n        LIMIT,\n    )"
            )
        },
        {"prices": PRICES + "\n\n# the end\n"},
        {"elsewhere": "A = 1\n"},
    ],
    ids=["comment", "layout", "comment below", "a module that is not imported"],
)
def test_comments_and_layout_do_not_count(tmp_path: Path, same: dict[str, str]) -> None:
    """What changes no behaviour makes nothing anew."""
    assert version(tmp_path / "a") == version(tmp_path / "b", **same)


@pytest.mark.parametrize(
    "other",
    [
        {"products": PRODUCTS.replace("LIMIT = 3", "LIMIT = 4")},
        {"prices": PRICES.replace("[:limit]", "[limit:]")},
        {"products": PRODUCTS.replace("import net", "import net as net")},
    ],
    ids=["a constant", "a module that it imports", "an import"],
)
def test_code_counts_in_the_module_and_in_what_it_imports(tmp_path: Path, other: dict[str, str]) -> None:
    """A change of the asset's module, or of a module of the same domain that it imports, changes the version."""
    assert version(tmp_path / "a") != version(tmp_path / "b", **other)


@pytest.mark.parametrize(
    ("how", "use"),
    [
        ("import domains.shop.prices as p", "p.net(rows, 3)"),
        ("from domains.shop import prices", "prices.net(rows, 3)"),
        ("from domains.shop.prices import RATE", "rows * RATE"),
        ("import domains.shop.prices", "domains.shop.prices.net(rows, 3)"),
    ],
)
def test_every_kind_of_import_counts(tmp_path: Path, how: str, use: str) -> None:
    """Modules, functions and plain constants: however a domain's own code is imported, a change of it counts."""
    products = f"{how}\n\ndef orders(rows):\n    return {use}\n"
    one = version(tmp_path / "a", products=products, prices=PRICES + "\nRATE = 1\n")
    two = version(tmp_path / "b", products=products, prices=PRICES + "\nRATE = 2\n")
    assert one != two


def test_code_outside_of_the_domain_does_not_count(tmp_path: Path) -> None:
    """A new release of a library or of the platform does not make every product anew."""
    with_library = {
        "products": "import json\nfrom json import dumps\n\ndef orders(rows):\n    return dumps(rows)\n"
    }
    before = version(tmp_path / "a", **with_library)
    sys.modules["json"].__dict__["_new_release"] = 1
    try:
        assert version(tmp_path / "b", **with_library) == before
    finally:
        del sys.modules["json"].__dict__["_new_release"]
