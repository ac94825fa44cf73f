"""Canaries: values that no message may hold, planted in every kind of bad input, and the search for them on disk."""

from __future__ import annotations

import base64
import gzip
import io
import re
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

MARK = "canaryzqx"
"""Every canary begins so: one search finds them all, and says which one it was."""
NUMBER = 73_319_460_000
"""Canaries that are numbers count on from here."""


@dataclass
class Canaries:
    """Values to be planted, each under the name of its place."""

    places: list[str] = field(default_factory=list)

    def text(self, place: str) -> str:
        """A text that occurs nowhere else."""
        return MARK + self._code(place)

    def number(self, place: str) -> int:
        """A number that occurs nowhere else."""
        self._code(place)
        return NUMBER + self.places.index(place)

    def found(self, content: bytes) -> set[str]:
        """Places of the canaries that some bytes hold: as text, in UTF-16, or in base64."""
        found: set[str] = set()
        for pattern, decode in _FORMS:
            for hit in re.finditer(pattern, content, re.DOTALL):
                found |= self._names(decode(hit.group()))
        return found

    def _code(self, place: str) -> str:
        if place not in self.places:
            self.places.append(place)
        number, letters = self.places.index(place), ""
        for _ in range(3):
            number, digit = divmod(number, 16)
            letters += "bcdfghjklmnpqrst"[digit]
        return letters

    def _names(self, text: str) -> set[str]:
        texts = {self.text(place): place for place in self.places}
        numbers = {str(self.number(place)): place for place in self.places}
        known = {place for value, place in (texts | numbers).items() if value in text.lower()}
        return known or {f"cut short: {text[:60]!r}"}


def _of_base64(hit: bytes) -> str:
    """The text in base64 that begins before a canary, at whichever of the three places."""
    for shift in range(4):
        part = hit[shift:]
        text = base64.b64decode(part[: len(part) // 4 * 4]).decode("latin-1")
        if MARK in text:
            return text
    return ""


def _base64_of(word: str) -> list[bytes]:
    """The letters that each base64 text with a word in it has: three, by the place at which the word begins."""
    found: list[bytes] = []
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + word.encode())
        found.append(coded[-(-shift * 8 // 6) : len(word.encode() + b"\0" * shift) // 3 * 4])
    return found


_FORMS = (
    (rb"(?i:" + MARK.encode() + rb")\w{0,3}", lambda hit: hit.decode("latin-1")),
    (str(NUMBER)[:7].encode() + rb"\d{0,4}", lambda hit: hit.decode()),
    (re.escape(MARK.encode("utf-16-le")) + rb".{0,6}", lambda hit: hit[::2].decode("latin-1")),
    (
        rb"[A-Za-z0-9+/]{0,4}(?:" + b"|".join(map(re.escape, _base64_of(MARK))) + rb")[A-Za-z0-9+/]{0,12}",
        _of_base64,
    ),
)


def leaks(canaries: Canaries, home: Path, *, allowed: tuple[str, ...] = ()) -> dict[str, set[str]]:
    """Files of a home that hold canaries, each with their places.

    Args:
        allowed: parts of paths of files that may hold some.
    """
    found: dict[str, set[str]] = {}
    for path in sorted(path for path in home.rglob("*") if path.is_file() and not path.is_symlink()):
        name = str(path.relative_to(home))
        if any(part in name for part in allowed):
            continue
        places = canaries.found(name.encode())
        for content in _contents(path):
            places |= canaries.found(content)
        if places:
            found[name] = places
    return found


def _contents(path: Path) -> Iterator[bytes]:
    """A file as it is, and what it holds once unpacked: pages of a database, of Parquet in clear, of an archive."""
    content = path.read_bytes()
    yield content
    if content.startswith(b"SQLite format 3\0"):
        yield from _cells(path)
    elif content.startswith(b"PAR1"):
        yield from _columns(content)
    elif content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)


def _cells(path: Path) -> Iterator[bytes]:
    """Every value of a database, whole: in the file a long one lies in pieces."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, bytes):
                        yield zlib.decompress(value) if value.startswith(b"\x78") else value
                    elif value is not None:
                        yield str(value).encode()
    database.close()


def _columns(content: bytes) -> Iterator[bytes]:
    """Columns of a Parquet file that can be read without a key."""
    for name in pl.read_parquet_schema(io.BytesIO(content)):
        try:
            column = pl.read_parquet(io.BytesIO(content), columns=[name])
        except pl.exceptions.PolarsError:
            continue  # encrypted
        yield str(column.to_series().to_list()).encode()
