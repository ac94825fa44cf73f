"""A workspace of three domains, each of which reads the one before."""

from __future__ import annotations

from tests.mesh_pipelines.small_domains import PROFILE, World, promise

ROWS = {"id": "integer"}


PORT = 'Annotated[pl.LazyFrame, Port("{}", purpose="planning")]'


def write_readers(world: World) -> None:
    """``shop`` publishes orders, ``store`` reads them and publishes sales, ``third`` reads the sales."""
    until = ("planning", "2999-01-01")
    world.write(
        "shop",
        promise("shop", "orders_raw", ROWS),
        promise("shop", "orders", ROWS, agreements={"store": until}),
        sources='orders_raw = source("orders.csv")',
        products="@data_product\ndef orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:\n    return orders_raw\n",
        profile={**PROFILE, "contact": "shop@mesh.example"},
    )
    for name, product, read in (("store", "sales", "shop.orders"), ("third", "totals", "store.sales")):
        world.write(
            name,
            promise(name, product, ROWS, agreements={"third": until} if name == "store" else None),
            products=f"@data_product\ndef {product}(read: {PORT.format(read)}) -> pl.LazyFrame:\n    return read\n",
            profile={**PROFILE, "contact": f"{name}@mesh.example"},
        )
    world.land("shop", "orders.csv", "id\n1\n")
