"""A workspace of three domains, each of which reads the one before."""

from __future__ import annotations
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
import pytest
from mesh_pipelines.errors import NoticeRefused
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration import standing_notices
from mesh_pipelines.orchestration import tick as orchestration_tick
from mesh_pipelines.orchestration.audience import consumers_of
from mesh_pipelines.orchestration.standing_notices import tell_states
from mesh_pipelines.planning.lag import late_nodes
from mesh_pipelines.runtime import instance as instances
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from resources.settings import get_settings
from resources.store.folder import FolderStore
from tests.mesh_pipelines.small_domains import PROFILE, World, promise
from tests.webhook import Webhook, webhook

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
