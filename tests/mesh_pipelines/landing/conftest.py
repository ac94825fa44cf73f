"""A database of a real PostgreSQL and a bucket of a real S3 API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from resources.database import Database
from resources.settings import get_settings
from tests.mesh_pipelines.landing.table_shop import NOON, TABLE, Shop
from tests.mesh_pipelines.postgres import Postgres
from tests.mesh_pipelines.small_domains import World
from tests.s3 import s3 as s3


@pytest.fixture
def shop(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """The database ``shop`` with an empty schema ``sales``, and the setting that leads there."""
    postgres.do(
        "DROP SCHEMA IF EXISTS sales CASCADE",
        "CREATE SCHEMA sales",
        "GRANT USAGE ON SCHEMA sales TO reader",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO reader",
    )
    monkeypatch.setenv("MESH_DATABASES", json.dumps({"shop": postgres.url}))
    get_settings.cache_clear()
    return postgres


@pytest.fixture
def orders(world: World, shop: Postgres) -> Shop:
    """The domain ``shop``, and the table ``sales.orders`` with two rows."""
    shop.do(TABLE, f"INSERT INTO sales.orders VALUES (1, 'Rome', '{NOON}'), (2, 'Oslo', '{NOON}')")
    return Shop(world, shop)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Queries that the database was asked, by the real functions."""
    queries: list[str] = []
    rows, batches = Database.rows, Database.batches

    def counting_rows(self: Database, query: str) -> list[tuple[Any, ...]]:
        queries.append(query)
        return rows(self, query)

    def counting_batches(self: Database, query: str) -> Iterator[pl.DataFrame]:
        for batch in batches(self, query):
            queries.append(f"read {batch.height} rows")
            yield batch

    monkeypatch.setattr(Database, "rows", counting_rows)
    monkeypatch.setattr(Database, "batches", counting_batches)
    return queries
