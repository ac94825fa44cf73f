"""The mesh as ``workspace.yaml`` names it: what is read from it, and how parts of it are selected."""

from __future__ import annotations

import pytest

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.errors import SelectionError
from tests.mesh_pipelines.small_domains import World, promise

ROWS = {"id": "integer"}


@pytest.fixture
def mesh(world: World) -> Mesh:
    """shop.orders is read by store.sales, which is read by shop.restock: both ways, without a circle."""
    agreed = ("planning", "2999-01-01")
    world.write(
        "shop",
        promise("shop", "orders_raw", ROWS),
        promise("shop", "orders", ROWS, agreements={"store": agreed}),
        promise("shop", "restock", ROWS),
        promise("shop", "alone", ROWS),
        sources='orders_raw = source("orders.csv")\nalone = source("alone.csv")\n',
        products="""
        @data_product
        def restock(sales: Annotated[pl.LazyFrame, Port("store.sales", purpose="planning")]) -> pl.LazyFrame:
            return sales

        @data_product
        def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
            return orders_raw
        """,
    )
    world.write(
        "store",
        promise("store", "sales", ROWS, agreements={"shop": agreed}),
        products="""
        @data_product
        def sales(orders: Annotated[pl.LazyFrame, Port("shop.orders", purpose="planning")]) -> pl.LazyFrame:
            return orders
        """,
    )
    return world.mesh()


FLOW = ["shop.orders_raw", "shop.orders", "store.sales", "shop.restock"]


def test_nodes_come_upstream_first(mesh: Mesh) -> None:
    """The order of the lineage, across domains, whatever the order of the files."""
    assert [key for key in mesh.nodes if key != "shop.alone"] == FLOW


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (["shop.orders"], FLOW[:2]),
        (["store.sales"], FLOW[:3]),
        (["store"], FLOW[:3]),
        (["shop.restock"], FLOW),
        (["shop.restock", "store"], FLOW),
        ([], [*FLOW, "shop.alone"]),
        (["shop"], [*FLOW, "shop.alone"]),
    ],
)
def test_a_selection_brings_what_it_needs(mesh: Mesh, selection: list[str], expected: list[str]) -> None:
    """A key or a domain is selected with all that it needs upstream, in other domains too, and nothing else."""
    chosen = [node.key for node in mesh.select(selection)]
    assert sorted(chosen) == sorted(expected)
    assert [key for key in chosen if key in FLOW] == [key for key in FLOW if key in expected]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("shop.order", "did you mean shop.order"),
        ("shopp", "did you mean shop?"),
        ("zzzz", "domains are: shop, store"),
    ],
)
def test_a_name_that_fits_nothing_gets_the_nearest(mesh: Mesh, name: str, remedy: str) -> None:
    """A typing error is answered with the nearest name, or with what there is."""
    with pytest.raises(SelectionError) as raised:
        mesh.select([name])
    assert name in str(raised.value)
    assert remedy in raised.value.remedy
