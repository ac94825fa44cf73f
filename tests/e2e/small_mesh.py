"""A mesh so small that a model trains in a moment: two domains that feed each other, each with a model."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from tests.mesh_pipelines.small_domains import PROFILE, World, promise

MACHINES = 8
_UNTIL = "2999-01-01"


def write(root: Path, landing: Path) -> World:
    """Write the workspace: ``plant`` forecasts wear, ``shop`` forecasts delay by it, ``plant`` reads shop's orders.

    Args:
        root: an empty folder.
        landing: where files land.
    """
    (root / "domains").mkdir(parents=True, exist_ok=True)
    (root / "domains" / "__init__.py").write_text('"""The domains."""\n')
    (root / "workspace.yaml").write_text("load_from:\n")
    world = World(root, landing)
    row = {"machine": "string", "day": "date"}
    readings = {**row, "heat": "number", "broke": "boolean"}
    orders = {**row, "size": "number", "late": "boolean"}
    world.write(
        "plant",
        promise("plant", "readings_raw", readings, key=("machine", "day"), partitions="2013-01"),
        promise(
            "plant", "readings", {**readings, "month": "string"}, key=("machine", "day"), partitions="2013-01"
        ),
        promise(
            "plant",
            "wear_forecast",
            {**row, "chance": "number", "model_version": "string"},
            key=("machine", "day"),
            agreements={"shop": ("planning", _UNTIL)},
        ),
        promise("plant", "demand", {"machine": "string", "size": "number"}),
        profile={**PROFILE, "priority": 9},
        sources='readings_raw = source("readings-{month}.csv")',
        products="""
        @data_product
        def readings(readings_raw: pl.LazyFrame) -> pl.LazyFrame:
            return readings_raw.with_columns(month=pl.col("day").dt.strftime("%Y-%m"))

        @data_product
        def demand(orders: Annotated[pl.LazyFrame, Port("shop.orders", purpose="capacity")]) -> pl.LazyFrame:
            return orders.group_by("machine").agg(pl.col("size").sum())
        """,
        features="""
        @feature_set(key=("machine", "day"), time="day")
        def wear_features(readings: pl.LazyFrame) -> pl.LazyFrame:
            return readings.drop("month")
        """,
        models=_MODEL.format(name="wear", features="wear_features", target="broke")
        + _FORECAST.format(name="wear"),
    )
    world.write(
        "shop",
        promise("shop", "orders_raw", orders, key=("machine", "day"), partitions="2013-01"),
        promise(
            "shop",
            "orders",
            {**orders, "month": "string"},
            key=("machine", "day"),
            partitions="2013-01",
            agreements={"plant": ("capacity", _UNTIL)},
        ),
        promise(
            "shop",
            "delay_forecast",
            {**row, "chance": "number", "model_version": "string"},
            key=("machine", "day"),
        ),
        profile={**PROFILE, "priority": 2},
        sources='orders_raw = source("orders-{month}.csv")',
        products="""
        @data_product
        def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
            return orders_raw.with_columns(month=pl.col("day").dt.strftime("%Y-%m"))
        """,
        features="""
        @feature_set(key=("machine", "day"), time="day")
        def order_features(
            orders: pl.LazyFrame,
            wear: Annotated[pl.LazyFrame, Port("plant.wear_forecast", purpose="planning")],
        ) -> pl.LazyFrame:
            return orders.drop("month").join(wear.drop("model_version"), on=["machine", "day"], how="left")
        """,
        models=_MODEL.format(name="delay", features="order_features", target="late")
        + _FORECAST.format(name="delay"),
    )
    return world


def land(
    world: World, months: Iterable[str], *, domains: Iterable[str] = ("plant", "shop"), seed: int = 1
) -> None:
    """Let months land: a hot machine breaks, a large order for a hot machine is late.

    Args:
        world: the workspace.
        months: as ``2013-01``.
        domains: for whom.
        seed: another one is another content.
    """
    unfinished: list[Path] = []
    for month in months:
        for domain in domains:
            name = {"plant": "readings", "shop": "orders"}[domain]
            path = world.landing / domain / f"{name}-{month}.csv.tmp"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(domain, month, seed))
            unfinished.append(path)
    now = time.time()
    for path in unfinished:  # all come to rest at the same moment
        os.utime(path, (now, now))
        path.rename(path.with_suffix(""))


def text(domain: str, month: str, seed: int = 1) -> str:
    """One month's file."""
    drawn = random.Random(f"{domain} {month} {seed}")
    number, flag = {"plant": ("heat", "broke"), "shop": ("size", "late")}[domain]
    lines = [f"machine,day,{number},{flag}"]
    first = date.fromisoformat(f"{month}-01")
    day = first
    while day.month == first.month:
        for machine in range(MACHINES):
            value = drawn.uniform(0, 10)
            happened = value + drawn.gauss(0, 2) > 6
            lines.append(f"m{machine},{day},{value:.2f},{str(happened).lower()}")
        day += timedelta(days=1)
    return "\n".join(lines) + "\n"


_MODEL = """
{name} = model(
    features="{features}",
    target="{target}",
    objective="binary:logistic",
    metric="auc",
    rounds=5,
    params={{"max_depth": 2}},
    baseline=("machine",),
    holdout="20d",
    gate=Gate(margin=1, slice_margin=1, must_beat_baseline=False),
)
"""
_FORECAST = """
@predictions(model="{name}")
def {name}_forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
    return scores.select("machine", "day", chance=pl.col("score"), model_version=pl.col("model_version"))
"""
