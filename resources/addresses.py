"""Addresses of folders and files of this machine, as libraries take them: from a path with odd characters, and back."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

SQLITE = "sqlite:///"
"""Begin of the address of a database that is a file."""
LONGEST = 3000
"""Bytes of a folder's path; Linux takes 4096, and what lies below needs the rest."""
LONGEST_OF_DATABASE = 400
"""Bytes of a folder with databases below it: SQLite takes 512 for the path of a file and of its journal."""
POSSIBLE = "%XX, ? [ ] ^ | \\ and control characters are not possible"
"""The rule of :func:`impossible_part` in words."""

_FILE = "file://"
# delta-rs and SQLAlchemy read %XX as the character that it stands for. delta-rs panics at each of `[ ] ^ |`, and takes
# `\` for a separator, as DuckDB does (deltalake 1.6.6). What follows `?` is options to SQLAlchemy. Control characters
# delta-rs refuses, and they would cut lines of reports.
_IMPOSSIBLE = re.compile(r"%[0-9A-Fa-f]{2}|[?\[\]^|\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def impossible_part(path: str) -> str:
    """The first part of a path that a library of the mesh cannot keep, as a literal; empty for a path that works."""
    found = _IMPOSSIBLE.search(path)
    return ascii(found.group()) if found else ""


def sqlite_url(file: Path) -> str:
    """Address of a database file for SQLAlchemy, MLflow and Dagster, whose path has no :func:`impossible_part`."""
    return f"{SQLITE}{file.absolute()}"


def sqlite_file(url: str) -> Path | None:
    """The file of such an address; ``None`` for any other address, and for one with options."""
    rest = url.removeprefix(SQLITE)
    return Path(unquote(rest)) if rest not in (url, "", ":memory:") and "?" not in rest else None


def local_path(place: str) -> Path | None:
    """The absolute path of a folder, given as a path or as file:// with %XX; ``None`` for an object store."""
    if place.startswith(_FILE):
        return Path(unquote(place.removeprefix(_FILE))).absolute()
    return None if "://" in place else Path(place).expanduser().absolute()


def literal_glob(path: str) -> str:
    """A pattern that matches this path alone, for readers that take every path for a pattern."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)
