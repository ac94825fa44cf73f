"""Loading a workspace: what is unsound is left out with its violations, and everything else stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_pipelines.errors import DomainError, MeshError
from mesh_pipelines.governance.load_mesh import load_and_lint, load_mesh, load_sound_mesh
from mesh_pipelines.orchestration.check import check_mesh
from tests.mesh_pipelines.governance.shop_domain import FORECAST, MODEL, ORDERS, PRODUCT, READS, shop
from tests.mesh_pipelines.small_domains import World, promise

AGREED = {"store": ("planning", "2999-01-01")}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("import nonsense_of_mine\n", "import nonsense"),
        ("def broken(:\n", "def broken"),
        ("a = 1 / 0\n", "a = 1"),
    ],
)
def test_a_domain_that_cannot_be_imported_leads_to_the_line(world: World, text: str, line: str) -> None:
    """Whatever Python raises: the last line of the domain's own that was on its way."""
    world.write("broken", products=text)
    [fault] = check_mesh(world.root)
    path, _, number = fault.where.partition(":")
    assert path == "domains/broken/products.py"
    assert (world.root / path).read_text().splitlines()[int(number) - 1].startswith(line)


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize("missing", ["domains/__init__.py", "domains/shop/__init__.py"])
def test_code_of_another_checkout_is_not_taken_for_a_domain(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """A folder without `__init__.py` gives way to a package of that name anywhere: the domain is left out, by name."""
    shop(world)
    (world.root / missing).unlink()
    for place in ("domains", "domains/shop"):
        (tmp_path / "elsewhere" / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / "elsewhere" / place / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    monkeypatch.syspath_prepend(str(world.root))
    _, [fault] = load_and_lint(world.root)
    assert (fault.rule, fault.where, fault.about) == ("DomainLoads", "domains/shop", ("shop",))
    assert missing in fault.fix


def test_a_workspace_without_domains_is_an_empty_mesh(world: World) -> None:
    """As it is before the first domain; without a workspace there is no mesh at all."""
    (world.root / "workspace.yaml").write_text("load_from: []\n")
    assert (load_mesh(world.root).domains, load_sound_mesh(world.root).nodes) == ({}, {})
    (world.root / "workspace.yaml").unlink()
    with pytest.raises(MeshError, match=r"there is no workspace\.yaml"):
        load_sound_mesh(world.root)


def test_an_asset_at_fault_is_left_out_with_what_cannot_be_without_it(world: World) -> None:
    """A model without features takes its champion and predictions along; the rest of the domain stays."""
    shop(world, models=MODEL.replace("order_features", "nothing") + FORECAST)
    mesh = load_sound_mesh(world.root)
    assert list(mesh.nodes) == ["shop.orders_raw", "shop.orders", "shop.order_features"]
    assert set(mesh.refused) == {"shop.fraud", "shop.fraud_champion", "shop.fraud_forecast"}
    assert {fault.rule for faults in mesh.refused.values() for fault in faults} == {
        "ModelsAreTrainedOnOwnFeatures"
    }
    with pytest.raises(DomainError, match="nothing"):
        mesh.node("shop.fraud_champion")


def test_a_fault_of_a_whole_domain_leaves_it_out_and_no_other(world: World) -> None:
    """A domain without a description is refused by its name; one that reads it stays, and is made of what was there."""
    shop(world, agreements=AGREED)
    world.write("store", promise("store", "sales", ORDERS), products=READS)
    (world.root / "domains/shop/README.md").unlink()
    mesh = load_sound_mesh(world.root)
    assert list(mesh.domains) == ["store"]
    assert [fault.rule for fault in mesh.refused["shop"]] == ["DomainsAreDescribed"]
    assert [fault.rule for fault in mesh.refusal("shop.orders")] == ["DomainsAreDescribed"]
    with pytest.raises(DomainError, match=r"README\.md"):
        load_mesh(world.root)


def test_a_domain_that_does_not_load_is_absent(world: World) -> None:
    """Whatever it raises, even an exit; the violation is about the domain by name."""
    shop(world)
    world.write("broken", products="raise SystemExit(3)\n")
    mesh, [fault] = load_and_lint(world.root)
    assert (list(mesh.domains), mesh.absent) == (["shop"], frozenset({"broken"}))
    assert (fault.rule, fault.about) == ("DomainLoads", ("broken",))
    assert "SystemExit: 3" in fault.problem
    assert set(load_sound_mesh(world.root).refused) == {"broken"}


def test_every_circle_is_left_out(world: World) -> None:
    """A rule names one circle at a time; what is left has none."""
    readers = "".join(
        f"@data_product\ndef {name}({reads}: pl.LazyFrame) -> pl.LazyFrame:\n    return {reads}\n\n"
        for name, reads in (("a1", "a2"), ("a2", "a1"), ("b1", "b2"), ("b2", "b1"))
    )
    names = ("orders_raw", "orders", "a1", "a2", "b1", "b2")
    sources = 'orders_raw = source("orders.csv")\n'
    world.write(
        "shop", *(promise("shop", n, ORDERS) for n in names), sources=sources, products=PRODUCT + readers
    )
    mesh = load_sound_mesh(world.root)
    assert list(mesh.nodes) == ["shop.orders_raw", "shop.orders"]
    assert set(mesh.refused) == {"shop.a1", "shop.a2", "shop.b1", "shop.b2"}
