"""Killed writers, racing writers and full disks: the table is the old or the new version, whole."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import polars as pl
import pytest

from mesh_pipelines.errors import CommitConflict, StorageFull
from resources.keys.keyring import Keyring
from resources.lake.lake import Lake
from tests.resources.writer import CLASSIFICATION, KEY, frame

ROOT = Path(__file__).resolve().parents[3]
BEFORE_COMMIT = ("staging", "file", "written", "committing")
AFTER_COMMIT = ("committed", "done")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the lake and the keys of these tests are."""
    return tmp_path


@pytest.fixture
def lake(home: Path) -> Lake:
    """The same lake as the writers'."""
    return Lake(str(home / "lake"), Keyring(home / "keys"))


def publish(lake: Lake, rows: pl.DataFrame, n: int) -> int:
    """Publish in this process."""
    with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
        stage.write(rows)
        return stage.commit({"contract_version": "1", "flight": n}).version


def writer(home: Path, *arguments: object) -> subprocess.Popen[str]:
    """A writer in its own process."""
    command = [sys.executable, "-m", "tests.resources.writer", str(home), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def reached(process: subprocess.Popen[str], name: str) -> None:
    """Wait until the writer says that it is there."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line == name, line or (process.stderr.read() if process.stderr else "")


def version(process: subprocess.Popen[str]) -> str:
    """Last line that the writer prints."""
    out, errors = process.communicate(timeout=60)
    return (out.splitlines() or [errors])[-1]


def flights(lake: Lake) -> list[int]:
    """The numbers in the published table."""
    with lake.reading(KEY):
        return lake.scan(KEY).collect()["flight"].unique().sort().to_list()


def orphans(lake: Lake) -> list[str]:
    """Data files that no version needs, and markers."""
    needed = {file.name for p in lake.history(KEY) for file in lake.head(KEY, p.version).files}
    names = lake.store.list(lake.root(KEY))
    return [name for name in names if ("/part-" in name and name not in needed) or "/_staging/" in name]


@pytest.mark.parametrize(
    ("point", "first"),
    [(point, False) for point in (*BEFORE_COMMIT, *AFTER_COMMIT)]
    + [("committing", True), ("committed", True)],
)
def test_a_killed_writer_leaves_the_old_or_the_new_version(
    home: Path, lake: Lake, point: str, first: bool
) -> None:
    """SIGKILL at each step of a publish: nothing is mixed, nothing is lost, and the next stage cleans up."""
    if not first:
        publish(lake, frame(1), 1)
    process = writer(home, 2, point, "all")
    reached(process, point)
    if point in ("file", "written", "committing"):
        assert orphans(lake), "the writer was killed too early to leave anything"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    if point in AFTER_COMMIT:
        assert flights(lake) == [2]
    elif first:
        assert not lake.exists(KEY)
    else:
        assert flights(lake) == [1]
    assert publish(lake, frame(3), 3) == (point in AFTER_COMMIT) + (not first)
    assert flights(lake) == [3]
    assert orphans(lake) == []
    assert lake.verify(KEY) == 2
    for publication in lake.history(KEY):
        numbers = lake.scan(KEY, version=publication.version).collect()["flight"].unique().to_list()
        assert numbers == [publication.info["flight"]]


@pytest.mark.parametrize("point", ["file", "written", "shared", "committing", "committed", "done"])
def test_a_writer_killed_as_it_replaces_a_month_that_shares_a_file_loses_no_month(
    home: Path, lake: Lake, point: str
) -> None:
    """The other month is there before and after, once; the next stage removes what was made anew in vain."""

    def gathered(rows: pl.DataFrame, n: int, replace: Literal["all", "partitions"]) -> None:
        with lake.stage(KEY, rows.schema, CLASSIFICATION, "month", gathered=True) as stage:
            stage.write(rows)
            stage.commit({"contract_version": "1", "flight": n}, replace=replace)

    gathered(frame(1), 1, "all")
    process = writer(home, 2, point, "partitions", "2013-01", "gathered")
    reached(process, point)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert lake.scan(KEY).collect().height == 2
    assert flights(lake) == ([1, 2] if point in AFTER_COMMIT else [1])
    if point not in AFTER_COMMIT:
        assert orphans(lake), "the writer was killed too early to leave anything"
    gathered(frame(3).head(1), 3, "partitions")
    assert lake.scan(KEY).sort("month").collect()["flight"].to_list() == [3, 1]
    assert orphans(lake) == []
    assert lake.verify(KEY) == 2


@pytest.mark.parametrize("left", [b"", b'{"host": "he'], ids=["empty", "cut"])
def test_a_writer_killed_while_it_says_that_it_begins_stops_nobody(
    lake: Lake, home: Path, left: bytes
) -> None:
    """Its marker is half written, under a name of its own: the next publish goes through."""
    publish(lake, frame(1), 1)
    staging = home / "lake" / lake.root(KEY) / "_staging"
    staging.mkdir(exist_ok=True)
    (staging / ".tmp-x1").write_bytes(left)
    publish(lake, frame(2), 2)
    assert flights(lake) == [2]
    assert orphans(lake) == []


def test_a_living_writers_files_are_left_alone(home: Path, lake: Lake) -> None:
    """Healing and publishing next to a slow writer do not touch what it staged; it commits after them."""
    process = writer(home, 2, "committing", "all")
    reached(process, "committing")
    assert lake.heal(KEY) == 0
    assert publish(lake, frame(3), 3) == 0
    (home / "go").touch()
    assert version(process) == "version 1"
    assert flights(lake) == [2]
    assert [p.info["flight"] for p in lake.history(KEY)] == [2, 3]
    assert orphans(lake) == []


@pytest.mark.parametrize(
    ("replace", "months"),
    [("all", (None, None)), ("partitions", ("2013-05", "2013-06")), ("append", (None, None))],
)
def test_two_publishes_at_once_land_in_order(
    home: Path, lake: Lake, replace: str, months: tuple[str | None, str | None]
) -> None:
    """Two processes that meet at the commit: both versions are there, each record tells of the one before."""
    publish(lake, frame(1), 1)
    both = [
        writer(home, number, "committing", replace, *([month] if month else []))
        for number, month in zip((2, 3), months, strict=True)
    ]
    for process in both:
        reached(process, "committing")
    (home / "go").touch()
    assert sorted(version(process) for process in both) == ["version 1", "version 2"]
    expected = {"all": 1, "partitions": 3, "append": 3}[replace]
    assert len(flights(lake)) == expected
    record = lake.record(KEY)
    assert record.rows == lake.scan(KEY).collect().height == sum(p.rows for p in record.partitions.values())
    assert orphans(lake) == []
    assert lake.verify(KEY)


def test_two_first_publishes_of_one_partition_do_not_both_stay(home: Path, lake: Lake) -> None:
    """Delta would let both land, doubling the month's rows: here the later one replaces the earlier."""
    both = [writer(home, number, "committing", "partitions", "2013-07") for number in (2, 3)]
    for process in both:
        reached(process, "committing")
    (home / "go").touch()
    assert sorted(version(process) for process in both) == ["version 0", "version 1"]
    assert lake.record(KEY).rows == 1
    assert flights(lake) == [lake.record(KEY).info["flight"]]


def test_a_writer_that_always_loses_gives_up_cleanly(lake: Lake) -> None:
    """Somebody else commits before each attempt: a conflict, nothing left behind, the others' version stays."""
    count = 0

    def always_late(point: str) -> None:
        nonlocal count
        if point == "committing":
            count += 1
            publish(lake, frame(100 + count), 100 + count)

    rows = frame(1)
    with (  # noqa: PT012
        pytest.raises(CommitConflict, match="other writers published first"),
        lake.stage(KEY, rows.schema, CLASSIFICATION, "month", checkpoint=always_late) as stage,
    ):
        stage.write(rows)
        stage.commit({})
    assert flights(lake) == [100 + count]
    assert orphans(lake) == []


def test_a_writer_taken_for_dead_does_not_commit(lake: Lake) -> None:
    """If its marker is gone (another machine healed it away), a publish is refused rather than half there."""
    rows = frame(1)
    with (  # noqa: PT012
        pytest.raises(CommitConflict, match="took it for dead"),
        lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage,
    ):
        stage.write(rows)
        for marker in lake.store.list("operations/departures/_staging"):
            lake.store.delete(marker)
        stage.commit({})
    assert not lake.exists(KEY)


def test_an_error_after_the_commit_is_not_taken_for_a_failure(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delta may fail after its log was written (a checkpoint, say): the version is there, so its files stay."""
    from resources.lake.delta_log import Log

    commit = Log.commit

    def commits_and_fails(self: Log, *arguments: object, **named: object) -> int:
        commit(self, *arguments, **named)  # type: ignore[arg-type]
        raise OSError("connection lost")

    publish(lake, frame(1), 1)
    monkeypatch.setattr(Log, "commit", commits_and_fails)
    assert publish(lake, frame(2), 2) == 1
    assert flights(lake) == [2]


@pytest.fixture
def tiny_disk(tmp_path: Path):
    """A file system of 1 MB; skipped where nothing may be mounted."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a full disk needs a tmpfs of its own, and mount needs CAP_SYS_ADMIN for that")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def noise(rows: int) -> pl.DataFrame:
    """Rows that do not compress."""
    return pl.DataFrame(
        {
            "month": ["2013-01"] * rows,
            "flight": range(rows),
            "passenger": [os.urandom(16).hex() for _ in range(rows)],
        }
    )


def test_a_full_disk_keeps_the_published_version(tiny_disk: Path, home: Path) -> None:
    """No space: StorageFull says what to do, the last version is readable, and nothing partial stays."""
    lake = Lake(str(tiny_disk / "lake"), Keyring(home / "keys"))
    publish(lake, frame(1), 1)
    used = sorted(lake.store.list(""))
    with pytest.raises(StorageFull, match="no space is left") as error:
        publish(lake, noise(60_000), 2)
    assert "free space" in error.value.remedy
    assert sorted(lake.store.list("")) == used
    assert flights(lake) == [1]
    publish(lake, frame(3), 3)
    assert flights(lake) == [3]


def test_a_disk_that_fills_up_at_the_commit_keeps_the_published_version(tiny_disk: Path, home: Path) -> None:
    """Space for the files but none for the log entry: the old version stays, whole."""
    lake = Lake(str(tiny_disk / "lake"), Keyring(home / "keys"))
    publish(lake, frame(1), 1)

    def fill(point: str) -> None:
        if point == "committing":
            with pytest.raises(OSError), (tiny_disk / "ballast").open("wb", buffering=0) as ballast:  # noqa: PT012
                while True:
                    ballast.write(bytes(4096))

    rows = frame(2)
    with (  # noqa: PT012
        pytest.raises(StorageFull),
        lake.stage(KEY, rows.schema, CLASSIFICATION, "month", checkpoint=fill) as stage,
    ):
        stage.write(rows)
        stage.commit({})
    (tiny_disk / "ballast").unlink()
    assert flights(lake) == [1]
    assert orphans(lake) == []
    assert publish(lake, frame(3), 3) == 1


def test_a_file_limit_counts_as_full(home: Path, lake: Lake) -> None:
    """A quota on file sizes (EFBIG) is reported like a full disk, in place of a traceback."""
    publish(lake, frame(1), 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(StorageFull):
            publish(lake, noise(60_000), 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert flights(lake) == [1]
    assert orphans(lake) == []


def test_a_reader_is_not_disturbed_by_a_publish(lake: Lake) -> None:
    """A frame that was scanned before a publish reads what was published then."""
    publish(lake, frame(1), 1)
    scanned = lake.scan(KEY)
    publish(lake, frame(2), 2)
    assert scanned.collect()["flight"].unique().to_list() == [1]


def test_a_commit_takes_no_longer_after_many(lake: Lake) -> None:
    """The log's own cost stays small: the fiftieth publish is no matter of seconds."""
    for number in range(50):
        publish(lake, frame(number), number)
    begun = time.monotonic()
    publish(lake, frame(99), 99)
    assert time.monotonic() - begun < 2
