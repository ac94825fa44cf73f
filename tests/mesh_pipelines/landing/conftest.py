"""A database of a real PostgreSQL and a bucket of a real S3 API."""

from __future__ import annotations

import json

import pytest

from resources.settings import get_settings
from tests.mesh_pipelines.postgres import Postgres
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
