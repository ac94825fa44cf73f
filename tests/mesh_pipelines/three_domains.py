"""A workspace of three domains without models: one reads another's product, one stands alone."""

from __future__ import annotations

from tests.mesh_pipelines.small_domains import World, promise

ROWS = {"id": "integer", "month": "string"}
MONTHS = ("2013-01", "2013-02", "2013-04")


def write_three_domains(world: World) -> None:
    """shop.orders, by month, is read by store.sales; bank.rates hangs on neither."""
    world.write(
        "shop",
        promise("shop", "orders_raw", {"id": "integer"}, partitions="2013-01"),
        promise(
            "shop", "orders", ROWS, partitions="2013-01", agreements={"store": ("planning", "2999-01-01")}
        ),
        sources='orders_raw = source("orders-{month}.csv")',
        products="""
        @data_product
        def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
            return orders_raw.select("id", pl.col("_file").str.slice(7, 7).alias("month"), "_file", "_row")
        """,
    )
    world.write(
        "store",
        promise("store", "sales", {"id": "integer"}),
        promise("store", "most", {"id": "integer"}),
        products="""
        @data_product
        def sales(orders: Annotated[pl.LazyFrame, Port("shop.orders", purpose="planning")]) -> pl.LazyFrame:
            return orders.select("id").unique().sort("id")

        @data_product
        def most(sales: pl.LazyFrame) -> pl.LazyFrame:
            return sales.select(pl.col("id").max())
        """,
    )
    world.write(
        "bank",
        promise("bank", "rates", {"id": "integer"}),
        products="""
        @data_product
        def rates() -> pl.LazyFrame:
            return pl.LazyFrame({"id": [1]})
        """,
    )
    for month in MONTHS:
        world.land("shop", f"orders-{month}.csv", f"id\n{month[-2:]}\n")
