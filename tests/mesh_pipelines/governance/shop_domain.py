"""A sound domain of every stage, from source to predictions, and the text of a domain that reads it."""

from __future__ import annotations

from typing import Any

from tests.mesh_pipelines.small_domains import World, promise

ORDERS = {"id": "integer", "day": "date", "amount": "number", "fraud": "boolean"}
RAW = 'orders_raw = source("orders.csv")\n'
PRODUCT = """
@data_product
def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
    return orders_raw
"""
FEATURES = """
@feature_set(key=("id",), time="day")
def order_features(orders: pl.LazyFrame) -> pl.LazyFrame:
    return orders
"""
MODEL = """
fraud = model(features="order_features", target="fraud", objective="binary:logistic", metric="auc",
              rounds=5, baseline=("id",))
"""
FORECAST = """
@predictions(model="fraud")
def fraud_forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
    return scores.select("id", "day", "amount", "fraud")
"""
PORT = 'Annotated[pl.LazyFrame, Port("shop.orders", purpose="planning")]'
READS = f"""
@data_product
def sales(orders: {PORT}) -> pl.LazyFrame:
    return orders.select("id", "day", "amount", "fraud")
"""


def shop(world: World, *, agreements: dict[str, tuple[str, str]] | None = None, **modules: Any) -> str:
    """A sound domain, but for the modules given."""
    named = ("orders_raw", "orders", "fraud_forecast")
    promises = [promise("shop", n, ORDERS, agreements=agreements if n == "orders" else None) for n in named]
    sound: dict[str, Any] = {
        "sources": RAW,
        "products": PRODUCT,
        "features": FEATURES,
        "models": MODEL + FORECAST,
    }
    return world.write("shop", *promises, **{**sound, **modules})
