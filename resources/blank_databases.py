"""Empty databases, made once an installation and copied into every new home.

MLflow and Dagster make a new SQLite database by running all their migrations, each time for the same bytes.
``python -m mesh_pipelines.runtime.make_blank_databases``, which ``make setup`` calls, keeps the results beside the
installed packages. Without it, or for another version of a package, a home makes its own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(sys.prefix) / "share" / "mesh-ai"


@dataclass(frozen=True)
class Blank:
    """An empty database, by its name and the package whose tables it has (another version may have other tables)."""

    package: str
    name: str

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.package}-{version(self.package)}-{self.name}.db"

    def copy_to(self, place: Path) -> bool:
        """Begin a database with a copy; false if there is no copy or another process is faster."""
        if place.exists() or not self.path.exists():
            return False
        fresh = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        shutil.copyfile(self.path, fresh)
        try:
            os.link(fresh, place)  # whole at once, and never over what another process has begun to fill
        except OSError:  # it exists by now, or the file system has no links
            return False
        finally:
            fresh.unlink()
        return True

    def keep(self, database: Path) -> None:
        """Keep a copy of a database that nobody has open."""
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".tmp")
        shutil.copyfile(database, fresh)
        fresh.replace(self.path)
