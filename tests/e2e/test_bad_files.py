"""Files that are not what the contract says: refused by name with a remedy, and what was published stays as it was."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable

import pytest

from tests.e2e.small_home import DEPARTURES, FEBRUARY, JANUARY, RAW, SmallHome, tells

pytestmark = pytest.mark.odd_input("the parser's leniency", "lost", "held up")

Damage = Callable[[bytes], bytes]


def without_tailnum(content: bytes) -> bytes:
    """The file without one of its columns."""
    rows = [line.split(b",") for line in content.splitlines()]
    at = rows[0].index(b"tailnum")
    return b"".join(b",".join(row[:at] + row[at + 1 :]) + b"\n" for row in rows)


def with_gate(content: bytes) -> bytes:
    """The file with a column that nobody promised."""
    head, *rows = content.splitlines()
    return b"".join([head + b",gate\n", *(row + b",B7\n" for row in rows)])


def with_yards(content: bytes) -> bytes:
    """A column of numbers becomes a column of words."""
    head, *rows = content.splitlines()
    at = head.split(b",").index(b"distance")
    cells = [row.split(b",") for row in rows]
    words = [[*row[:at], row[at] + b" miles", *row[at + 1 :]] for row in cells]
    return b"".join([head + b"\n", *(b",".join(row) + b"\n" for row in words)])


def cut_in_quotes(content: bytes) -> bytes:
    """The last line ends within a quoted field."""
    return content + content.splitlines()[-1].rpartition(b",")[0] + b',"2013-01-01T2'


CASES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "missing column": (without_tailnum, ("lacks the column tailnum", "the contract says year, month")),
    "renamed column": (
        lambda c: c.replace(b"tailnum", b"tail_number", 1),
        ("lacks the column tailnum", "has 1 unknown column;"),
    ),
    "extra column": (with_gate, ("has 1 unknown column;",)),
    "column twice": (lambda c: with_gate(c).replace(b",gate\n", b",dest\n", 1), ("has a column twice",)),
    "retyped column": (
        with_yards,
        ("breaks its contract", "distance_type", "800 rows are refused, the first is row 1"),
    ),
    "empty file": (lambda _: b"", ("the file is empty",)),
    "blank file": (lambda _: b"\n\n", ("lacks the columns year",)),
    "header only": (lambda c: c.splitlines(keepends=True)[0], ("a header and no rows",)),
    "header and blank lines": (lambda c: c.splitlines(keepends=True)[0] + b"\n\n", ("a header and no rows",)),
    "no header": (lambda c: b"".join(c.splitlines(keepends=True)[1:]), ("lacks the columns year",)),
    "cut in a quoted field": (cut_in_quotes, ("a quoted field never ends",)),
    "line too long": (
        lambda c: c.replace(b"Z\n", b"Z,1,2\n", 50),
        ("21 fields where the header names 19 (line 2)",),
    ),
    "random bytes": (lambda _: bytes(range(256)) * 80, ("is not UTF-8 text",)),
    "gzip": (gzip.compress, ("is compressed by gzip", "land it unpacked")),
    "UTF-16": (lambda c: c.decode().encode("utf-16"), ("is not UTF-8 text",)),
    "Latin-1 far down": (lambda c: c.replace(b",LGA,", ",LGÄ,".encode("latin-1")), ("UTF-8",)),
    "NUL bytes": (lambda c: c.replace(b"EWR", b"E\0R"), ("holds zero bytes", "line 2")),
    "semicolons": (lambda c: c.replace(b",", b";"), ("lacks the columns",)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_refused_by_name_and_nothing_changes(
    small_home: SmallHome, january: bytes, case: str
) -> None:
    """The error names file, fault and remedy; downstream is skipped; the last good version stays; a good file heals."""
    damage, words = CASES[case]
    before = small_home.content()
    bad = damage(january)
    path = small_home.land(JANUARY, bad)
    found = small_home.run(DEPARTURES)
    tells(found[RAW], RAW, JANUARY, *words)
    assert found[DEPARTURES].status == "skipped"
    assert path.read_bytes() == bad, "what landed is never touched"
    assert small_home.content() == before
    assert small_home.orphans() == []
    small_home.land(JANUARY, january)
    assert {step.status for step in small_home.run(DEPARTURES).values()} == {"up to date"}


def test_a_file_that_is_only_dressed_differently_is_welcome(small_home: SmallHome, january: bytes) -> None:
    """A byte order mark, line ends of Windows, columns in another order: the same rows, so nothing new is published."""
    before = small_home.content()
    head, *rows = january.splitlines()
    turned = b"\r\n".join(b",".join(reversed(line.split(b","))) for line in (head, *rows))
    small_home.land(JANUARY, b"\xef\xbb\xbf" + turned)
    found = small_home.run(DEPARTURES)
    assert found[RAW].status in ("done", "up to date"), found[RAW].message
    assert small_home.content() == before


def test_a_file_whose_last_line_was_cut_loses_that_line_only(small_home: SmallHome, february: bytes) -> None:
    """The stump is in quarantine with file, row and rules; the whole file, landed later, takes its place."""
    cut = february[:-6]
    small_home.land(FEBRUARY, cut)
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "done"
    assert small_home.refused(RAW) == {(FEBRUARY, 800): ["time_hour_type"]}
    held = small_home.rows(RAW + "__quarantine")
    assert held["time_hour"].to_list() == [cut.decode().splitlines()[-1].rpartition(",")[2]]
    assert small_home.rows(RAW).height == 800 + 799
    small_home.land(FEBRUARY, february)
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "done"
    assert small_home.refused(RAW) == {}
    assert small_home.rows(DEPARTURES).height == 1600
    assert small_home.orphans() == []


def test_a_file_that_lands_twice_is_published_once(small_home: SmallHome, january: bytes) -> None:
    """The same bytes under the same name, even written anew, wake nobody."""
    before, version = small_home.content(), small_home.lake.version(RAW)
    small_home.land(JANUARY, january)
    os.utime(small_home.path(JANUARY), (1, 1))
    assert {step.status for step in small_home.run(DEPARTURES).values()} == {"up to date"}
    assert (small_home.content(), small_home.lake.version(RAW)) == (before, version)


def test_the_same_file_under_another_months_name_is_refused(small_home: SmallHome, january: bytes) -> None:
    """January's rows delivered as February would double January: not one row of them is published as departures."""
    before = small_home.content(DEPARTURES)
    small_home.land(FEBRUARY, january)
    found = small_home.run(DEPARTURES)
    tells(found[DEPARTURES], DEPARTURES, FEBRUARY, "outside_of_its_partition")
    assert small_home.content(DEPARTURES) == before


def test_a_corrected_file_for_an_old_month_replaces_that_month_alone(
    small_home: SmallHome, january: bytes, february: bytes
) -> None:
    """What the correction changed is there, other months keep their files, and the old version can still be read."""
    small_home.land(FEBRUARY, february)
    small_home.run(DEPARTURES)
    version, before = small_home.lake.version(DEPARTURES), small_home.rows(DEPARTURES)
    files = {file.name for file in small_home.lake.head(DEPARTURES).files if file.partition == "2013-02"}
    assert b",UA,1545,N14228," in january
    small_home.land(JANUARY, january.replace(b",UA,1545,N14228,", b",UA,1545,N99999,"))
    found = small_home.run(DEPARTURES)
    assert [found[RAW].status, found[DEPARTURES].status] == ["done", "done"]
    after = small_home.rows(DEPARTURES)
    assert after.height == before.height
    changed = after.filter(after["tailnum"].ne_missing(before["tailnum"]))
    assert changed["tailnum"].to_list() == ["N99999"]
    assert files == {
        file.name for file in small_home.lake.head(DEPARTURES).files if file.partition == "2013-02"
    }
    assert small_home.lake.scan(DEPARTURES, version=version).collect().equals(before)
    assert {step.status for step in small_home.run(DEPARTURES).values()} == {"up to date"}


def test_a_file_taken_away_leaves_what_was_published(small_home: SmallHome) -> None:
    """Nothing is lost because somebody tidied the landing zone."""
    before = small_home.content()
    small_home.path(JANUARY).unlink()
    assert {step.status for step in small_home.run(DEPARTURES).values()} == {"up to date"}
    assert small_home.content() == before


def test_a_half_written_file_is_left_for_later(small_home: SmallHome, february: bytes) -> None:
    """Names that say "unfinished" are not read; the finished name is."""
    small_home.land(FEBRUARY + ".part", february[:5000])
    assert {step.status for step in small_home.run(DEPARTURES).values()} == {"up to date"}
    small_home.path(FEBRUARY + ".part").rename(small_home.path(FEBRUARY))
    small_home.path(FEBRUARY).write_bytes(february)
    assert small_home.run(RAW)[RAW].status == "done"
    assert small_home.rows(RAW).height == 1600


def test_one_bad_month_does_not_keep_back_another(
    small_home: SmallHome, january: bytes, february: bytes
) -> None:
    """A refused correction of January is named, January stays, and February, landed beside it, is published whole."""
    before = small_home.rows(RAW)
    small_home.land(JANUARY, with_gate(january))
    small_home.land(FEBRUARY, february)
    found = small_home.run(DEPARTURES)
    tells(found[RAW], JANUARY, "has 1 unknown column;")
    assert FEBRUARY not in found[RAW].message
    after = small_home.rows(RAW)
    assert after.filter(after["_file"] == JANUARY).equals(before)
    assert after.filter(after["_file"] == FEBRUARY).height == 800
    assert found[DEPARTURES].status == "done"
    assert sorted(small_home.lake.partitions(DEPARTURES)) == ["2013-01", "2013-02"]
    small_home.land(JANUARY, january.replace(b",UA,1545,N14228,", b",UA,1545,N99999,"))
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "done"
    assert sorted(small_home.lake.partitions(DEPARTURES)) == ["2013-01", "2013-02"]


def test_a_link_to_the_master_key_is_never_opened(small_home: SmallHome, february: bytes) -> None:
    """It is refused by name with nothing of the key; the month beside it is published, and a file in its place."""
    key = small_home.folder / "keys" / "master.key"
    january = small_home.path(JANUARY).read_bytes()
    before = small_home.content()
    small_home.path(JANUARY).unlink()
    small_home.path(JANUARY).symlink_to(key)
    found = small_home.run(DEPARTURES)
    tells(found[RAW], RAW, JANUARY, "is a symbolic link", "land a plain file")
    assert key.read_text().strip()[:8] not in found[RAW].message
    assert small_home.content() == before
    small_home.land(FEBRUARY, february)
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "done"
    assert sorted(small_home.lake.partitions(DEPARTURES)) == ["2013-01", "2013-02"]
    small_home.path(JANUARY).unlink()
    small_home.land(JANUARY, january)
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "up to date"
