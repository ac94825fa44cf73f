"""The landing zone: what is new is found cheaply, and what cannot be read is named."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mesh_pipelines.declaring.node import PARTITION
from mesh_pipelines.errors import LandingError, SourceUnavailable
from mesh_pipelines.landing.changes import changed_partitions, known_inputs, removed_inputs
from mesh_pipelines.landing.files import FileLanding
from mesh_pipelines.landing.landed import Known, Landed, SeenInput
from mesh_pipelines.landing.strict_csv import DIALECTS
from mesh_pipelines.publishing.record import PublishRecord
from quality.contract import Contract
from resources.store import FolderStore
from tests.mesh_pipelines.small_domains import promise, read_promise

PARSING = pytest.mark.odd_input("the parser's leniency", "lost")
PLACES = pytest.mark.odd_input("where a file comes from", "lost", "leaked", "held up")

MONTHLY = "orders-{month}.csv"
TEXT = "id,city\n1,Rome\n2,Oslo\n"


def place(folder: Path, pattern: str) -> FileLanding:
    """Where files of this pattern land."""
    return FileLanding(FolderStore(str(folder.parent)), folder.name, pattern)


def look(folder: Path, pattern: str, known: Known, *, settle: float = 0.0) -> Landed:
    """One look at a folder."""
    return place(folder, pattern).look(known, settle=settle)


def read(folder: Path, pattern: str, contract: Contract) -> pl.LazyFrame:
    """The rows of everything that is there."""
    files = place(folder, pattern)
    return files.read(files.look({}).inputs, contract).frame


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Columns ``id`` and ``city``, whole."""
    written = promise("shop", "orders_raw", {"id": "integer", "city": "string"})
    return read_promise(tmp_path_factory.mktemp("contracts"), written, stage="source")


@pytest.fixture(scope="module")
def monthly(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """The same, a file a month."""
    written = promise("shop", "orders_raw", {"id": "integer", "city": "string"}, partitions="2013-01")
    return read_promise(tmp_path_factory.mktemp("contracts"), written, stage="source")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A domain's landing folder."""
    made = tmp_path / "landing" / "shop"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose content was read to be hashed, by the real function."""
    names: list[str] = []
    really = FolderStore.sha256

    def counting(self: FolderStore, name: str) -> str:
        names.append(name.rpartition("/")[2])
        return really(self, name)

    monkeypatch.setattr(FolderStore, "sha256", counting)
    return names


def land(folder: Path, name: str, text: str = TEXT) -> Path:
    """Write a file, an hour ago."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(path.stat().st_atime_ns, time.time_ns() - 3_600_000_000_000))
    return path


def known(landed: Landed) -> Known:
    """What a publish would remember of these files."""
    return known_inputs(landed.inputs)


def test_nothing_landed_is_nothing(tmp_path: Path) -> None:
    """A folder that does not exist yet is an empty one."""
    assert look(tmp_path / "nowhere", MONTHLY, {}) == Landed()


def test_files_are_found_by_their_pattern(folder: Path) -> None:
    """The place of the partition in the name says which one a file belongs to; other names are nobody's."""
    for name in (
        "orders-2013-02.csv",
        "orders-2013-01.csv",
        "orders-2013-13.csv",
        "Orders-2013-01.csv",
        "x.csv",
    ):
        land(folder, name)
    (folder / "orders-2013-03.csv").mkdir()
    found = look(folder, MONTHLY, {})
    assert [(f.name, f.partition) for f in found.inputs] == [
        ("orders-2013-01.csv", "2013-01"),
        ("orders-2013-02.csv", "2013-02"),
    ]
    assert list(found.by_partition()) == ["2013-01", "2013-02"]


def test_a_pattern_may_have_a_folder_a_star_and_special_characters(folder: Path) -> None:
    """A star matches any text within a name, everything else stands for itself."""
    for name in (
        "in/a+b-2013-01-05 (1).csv",
        "in/a+b-2013-01-05.csv",
        "in/aab-2013-01-05.csv",
        "a+b-2013-01-05.csv",
    ):
        land(folder, name)
    found = look(folder, "in/a+b-{day}*.csv", {})
    assert [f.name for f in found.inputs] == ["in/a+b-2013-01-05 (1).csv", "in/a+b-2013-01-05.csv"]
    assert {f.partition for f in found.inputs} == {"2013-01-05"}


def test_a_pattern_with_an_unknown_partition_is_refused(folder: Path) -> None:
    """A slip in the pattern is named, with what there is instead."""
    with pytest.raises(LandingError, match="quarter") as raised:
        look(folder, "orders-{quarter}.csv", {})
    assert "month, day, year" in raised.value.what


def test_a_new_file_changes_its_partition_alone(folder: Path) -> None:
    """One more month is one changed partition, with the reason in words."""
    land(folder, "orders-2013-01.csv")
    before = known(look(folder, MONTHLY, {}))
    assert changed_partitions(look(folder, MONTHLY, before), before) == {}
    land(folder, "orders-2013-02.csv")
    assert changed_partitions(look(folder, MONTHLY, before), before) == {
        "2013-02": "orders-2013-02.csv landed"
    }


def test_a_corrected_file_changes_its_partition(folder: Path) -> None:
    """Other content under a known name is a correction; the same content written again is nothing."""
    path = land(folder, "orders-2013-01.csv")
    land(folder, "orders-2013-02.csv")
    before = known(look(folder, MONTHLY, {}))
    path.write_text(TEXT)
    assert changed_partitions(look(folder, MONTHLY, before), before) == {}
    path.write_text(TEXT.replace("Rome", "Bonn"))
    assert changed_partitions(look(folder, MONTHLY, before), before) == {
        "2013-01": "orders-2013-01.csv has changed"
    }


def test_a_file_taken_away_changes_a_partition_that_has_others(folder: Path) -> None:
    """Of two files of a month one may go; a month whose last file is gone keeps its published rows."""
    for name in ("orders-2013-01-a.csv", "orders-2013-01-b.csv", "orders-2013-02.csv"):
        land(folder, name, TEXT + name)
    pattern = "orders-{month}*.csv"
    before = known(look(folder, pattern, {}))
    (folder / "orders-2013-01-a.csv").unlink()
    (folder / "orders-2013-02.csv").unlink()
    assert changed_partitions(look(folder, pattern, before), before) == {
        "2013-01": "orders-2013-01-a.csv was taken away"
    }
    assert removed_inputs(look(folder, pattern, before), before) == ("orders-2013-02.csv",)


@pytest.mark.parametrize(
    "name", ["orders.csv.tmp", "orders.csv.part", ".orders.csv", "orders.csv.crdownload"]
)
def test_a_file_that_is_being_written_is_left_alone(folder: Path, name: str) -> None:
    """The usual marks of an unfinished file keep it out of sight, even where the pattern would match."""
    land(folder, name)
    assert look(folder, "*", {}).inputs == ()


def test_a_fresh_file_has_to_settle(folder: Path, hashed: list[str]) -> None:
    """With a settling time a file that was changed just now waits, neither read nor taken for lost."""
    path = land(folder, "orders-2013-01.csv")
    before = known(look(folder, MONTHLY, {}, settle=60))
    assert list(before["2013-01"]) == ["orders-2013-01.csv"]
    path.write_text(TEXT + "3,B")
    (folder / "orders-2013-02.csv").write_text("id,ci")
    hashed.clear()
    found = look(folder, MONTHLY, before, settle=60)
    assert found.unfinished == ("orders-2013-01.csv", "orders-2013-02.csv")
    assert (found.inputs, hashed) == ((), [])
    assert changed_partitions(found, before) == {}
    assert len(look(folder, MONTHLY, before, settle=0).inputs) == 2


def test_ten_thousand_known_files_are_not_read_again(folder: Path, hashed: list[str]) -> None:
    """A file with the size and time of change that it had is taken for what it was: only new content is hashed."""
    names = [f"orders-{number:05d}.csv" for number in range(10_000)]
    for name in names:
        (folder / name).touch()
        os.utime(folder / name, ns=(1, 1))
    before = {"": dict.fromkeys(names, SeenInput("0-1", "of before"))}
    land(folder, "orders-new.csv")
    found = look(folder, "orders-*.csv", before)
    assert len(found.inputs) == 10_001
    assert hashed == ["orders-new.csv"]
    assert list(changed_partitions(found, before).values()) == ["orders-new.csv landed"]


def test_only_size_and_time_of_a_known_file_are_looked_at(folder: Path) -> None:
    """The price of the cheap look: a change that keeps size and time of change to the nanosecond goes unseen."""
    path = land(folder, "orders-2013-01.csv")
    before = known(look(folder, MONTHLY, {}))
    stat = path.stat()
    path.write_text(TEXT.replace("Rome", "Bonn"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert changed_partitions(look(folder, MONTHLY, before), before) == {}
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert changed_partitions(look(folder, MONTHLY, before), before) != {}


def test_rows_come_as_text_with_their_place(folder: Path, monthly: Contract) -> None:
    """Values are not touched; file, number of the row and partition go with each row."""
    land(folder, "orders-2013-01.csv", "id,city\n01, Rome \n2,\n")
    land(folder, "orders-2013-02.csv", 'id,city\n3,"a\nb"\n4,NA\n')
    assert_frame_equal(
        read(folder, MONTHLY, monthly).collect(),
        pl.DataFrame(
            {
                "id": ["01", "2", "3", "4"],
                "city": [" Rome ", None, "a\nb", "NA"],
                "_row": [1, 2, 1, 2],
                "_file": ["orders-2013-01.csv"] * 2 + ["orders-2013-02.csv"] * 2,
                PARTITION: ["2013-01"] * 2 + ["2013-02"] * 2,
            }
        ),
    )


def test_a_file_landed_twice_is_read_once(folder: Path, monthly: Contract) -> None:
    """The same content under two names in one month counts once; in another month it is that month's."""
    for name in ("orders-2013-01-a.csv", "orders-2013-01-b.csv", "orders-2013-02.csv"):
        land(folder, name)
    rows = read(folder, "orders-{month}*.csv", monthly).collect()
    assert rows["_file"].unique(maintain_order=True).to_list() == [
        "orders-2013-01-a.csv",
        "orders-2013-02.csv",
    ]
    assert rows.height == 4


def test_columns_may_come_in_another_order(folder: Path, contract: Contract) -> None:
    """The order of a file's columns promises nothing: names count. A byte order mark is no part of a name."""
    land(folder, "orders.csv", "\ufeffcity,id\nRome,1\n")
    assert read(folder, "orders.csv", contract).collect().row(0) == ("1", "Rome", 1, "orders.csv")


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_other_formats_are_read_by_their_ending(folder: Path, contract: Contract, ending: str) -> None:
    """Parquet and JSON lines land like CSV: JSON as text too, Parquet in the types that it has."""
    rows = pl.DataFrame({"id": [1, 2], "city": ["Rome", None]})
    file = folder / f"orders.{ending}"
    rows.write_parquet(file) if ending == "parquet" else rows.write_ndjson(file)
    assert read(folder, file.name, contract).select("id", "city", "_row").collect().rows() == [
        (1 if ending == "parquet" else "1", "Rome", 1),
        (2 if ending == "parquet" else "2", None, 2),
    ]


def read_or_blame(folder: Path, pattern: str, contract: Contract) -> None:
    """Read everything, as a source's step does."""
    files = place(folder, pattern)
    inputs = files.look({}).inputs
    try:
        files.read(inputs, contract).frame.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise files.blame(inputs, contract, error) from error


FAULTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "header only": (b"id,city\n", "has a header and no rows"),
    "blank": (b"\n\n\n", "lacks the columns id, city"),
    "missing column": (b"id\n1\n", "lacks the column city"),
    "extra column": (b"id,city,mood\n1,Rome,good\n", "has the unknown column 'mood'"),
    "renamed column": (b"id,town\n1,Rome\n", "lacks the column city and has the unknown column 'town'"),
    "column twice": (b"id,city,city\n1,Rome,Oslo\n", "has a column twice"),
    "binary": (bytes(range(256)) * 20, "is not UTF-8 text"),
    "zeros": (b"\0" * 4096, "is not text"),
    "Latin-1 in the header": ("id,cité\n1,Rome\n".encode("latin-1"), "is not UTF-8 text"),
    "Latin-1 in the rows": ("id,city\n1,Rome\n2,Zürich\n".encode("latin-1"), "is not UTF-8 text"),
    "Latin-1 far below": (b"id,city\n" + b"1,Rome\n" * 50_000 + b"2,Z\xfcrich\n", "(line 50,002)"),
    "UTF-16": ("id,city\n1,Rome\n".encode("utf-16"), "is not UTF-8 text"),
    "too many values": (b"id,city\n1,Rome\n2,Oslo,9\n", "fields"),
    "open quote": (b'id,city\n1,"Rome\n' + b"2,Oslo\n" * 10, "a quoted field never ends"),
}  # fmt: skip


@PARSING
@pytest.mark.parametrize("fault", FAULTS)
def test_each_unreadable_file_is_named_with_its_fault(folder: Path, contract: Contract, fault: str) -> None:
    """What is wrong with a file is said in words, beside its name; a sound file beside it is not accused."""
    content, words = FAULTS[fault]
    land(folder, "orders-a.csv")
    (folder / "orders-b.csv").write_bytes(content)
    with pytest.raises(LandingError) as raised:
        read_or_blame(folder, "orders-*.csv", contract)
    [said] = raised.value.what.splitlines()[1:]
    assert said.startswith("  - orders-b.csv: ")
    assert words in said
    assert raised.value.where == "shop.orders_raw"
    assert "land a corrected file" in raised.value.remedy


@PARSING
def test_all_unreadable_files_are_named_at_once(folder: Path, contract: Contract) -> None:
    """One look shows everything that is to be landed again."""
    land(folder, "orders-a.csv", "")
    land(folder, "orders-b.csv", "id\n1\n")
    land(folder, "orders-c.csv")
    with pytest.raises(LandingError) as raised:
        read(folder, "orders-*.csv", contract)
    assert raised.value.what.count("\n  - ") == 2


@PARSING
@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
@pytest.mark.parametrize("cut", ["truncated", "text"])
def test_a_truncated_file_is_named(folder: Path, contract: Contract, ending: str, cut: str) -> None:
    """Half a Parquet file or half a line of JSON is a fault of that file, not a crash."""
    rows = pl.DataFrame({"id": list(range(500)), "city": ["Rome"] * 500})
    file = folder / f"orders.{ending}"
    rows.write_parquet(file) if ending == "parquet" else rows.write_ndjson(file)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2 + 3] if cut == "truncated" else b"id,city\n1,Rome\n")
    with pytest.raises(LandingError, match=file.name):
        read_or_blame(folder, file.name, contract)


@PARSING
def test_a_csv_cut_in_its_last_row_is_refused(folder: Path, contract: Contract) -> None:
    """A row that lacks values may be the rest of one that was cut; a source may say that its rows may be short."""
    land(folder, "orders.csv", "id,city\n1,Rome\n2")
    with pytest.raises(LandingError, match=r"orders\.csv: 1 field where the header names 2 \(line 3\)"):
        read(folder, "orders.csv", contract)
    short = FileLanding(FolderStore(str(folder.parent)), folder.name, "orders.csv", DIALECTS["short rows"])
    rows = short.read(short.look({}).inputs, contract)
    assert rows.frame.select("id", "city").collect().rows() == [("1", "Rome"), ("2", None)]
    assert rows.records == 2


def test_a_file_that_is_gone_when_it_is_read_is_named(folder: Path, contract: Contract) -> None:
    """Between look and read a file may be taken away."""
    path = land(folder, "orders.csv")
    files = place(folder, "orders.csv")
    inputs = files.look({}).inputs
    path.unlink()
    with pytest.raises(SourceUnavailable, match=r"orders\.csv changed while"):
        files.read(inputs, contract)


@PARSING
def test_json_lines_of_mixed_values_are_text_for_the_contract_to_decide(
    folder: Path, contract: Contract
) -> None:
    """A number in one file and a word in another do not stop the reading: whether a word will do, the rules say."""
    land(folder, "orders-a.jsonl", '{"id": 1, "city": "Rome"}\n')
    land(folder, "orders-b.jsonl", '{"id": "two", "city": true}\n')
    rows = read(folder, "orders-*.jsonl", contract).select("id", "city").collect().rows()
    assert rows == [("1", "Rome"), ("two", "true")]


WRONG_SHAPES: dict[str, tuple[pl.DataFrame, str]] = {
    "missing column": (pl.DataFrame({"id": [1]}), "lacks the column city"),
    "extra column": (
        pl.DataFrame({"id": [1], "city": ["a"], "mood": ["b"]}),
        "has the unknown column 'mood'",
    ),
    "nested": (pl.DataFrame({"id": [1], "city": [["a", "b"]]}), "has lists or objects in city"),
}


@PARSING
@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
@pytest.mark.parametrize("shape", WRONG_SHAPES)
def test_other_formats_of_another_shape_are_named(
    folder: Path, contract: Contract, ending: str, shape: str
) -> None:
    """As a CSV: file and fault, before anything is read."""
    rows, words = WRONG_SHAPES[shape]
    file = folder / f"orders.{ending}"
    rows.write_parquet(file) if ending == "parquet" else rows.write_ndjson(file)
    with pytest.raises(LandingError, match=rf"orders\.{ending}: {words}"):
        read(folder, file.name, contract)


@PARSING
def test_parquet_of_other_types_is_named(folder: Path, contract: Contract) -> None:
    """A type that cannot hold the promise is a fault of that file; one that can, such as a smaller integer, is none."""
    pl.DataFrame({"id": [1], "city": ["Rome"]}, {"id": pl.Int16, "city": pl.String}).write_parquet(
        folder / "orders-a.parquet"
    )
    pl.DataFrame({"id": [2], "city": ["Oslo"]}).write_parquet(folder / "orders-b.parquet")
    assert read(folder, "orders-*.parquet", contract).select("id").collect()["id"].to_list() == [1, 2]
    pl.DataFrame({"id": [0.5], "city": ["Oslo"]}).write_parquet(folder / "orders-b.parquet")
    with pytest.raises(LandingError, match=r"orders-b\.parquet: column `id` is Float64, expected integer"):
        read(folder, "orders-*.parquet", contract)
    pl.DataFrame({"id": ["3"], "city": ["Oslo"]}).write_parquet(folder / "orders-b.parquet")
    with pytest.raises(
        LandingError, match=r"orders-b\.parquet: column `id` is String, and Int16 in orders-a"
    ):
        read(folder, "orders-*.parquet", contract)


def test_hundreds_of_files_are_read_group_by_group(folder: Path, contract: Contract) -> None:
    """All rows, in the order of the names, with their places; a fault in one of them is still its own."""
    for number in range(250):
        land(folder, f"orders-{number:03d}.csv", f"id,city\n{number},Rome\n")
    rows = read(folder, "orders-*.csv", contract)
    assert rows.collect()["id"].to_list() == [str(number) for number in range(250)]
    few = rows.filter(pl.col("id").is_in(["7", "249"])).select("_file", "_row").collect().rows()
    assert few == [("orders-007.csv", 1), ("orders-249.csv", 1)]
    assert rows.head(130).collect().height == 130
    land(folder, "orders-120.csv", "id,city\n1,Rome,9\n2,Oslo\n")
    with pytest.raises(LandingError, match=r"orders-120\.csv: 3 fields where the header names 2 \(line 2\)"):
        read_or_blame(folder, "orders-*.csv", contract)


@PLACES
def test_only_plain_files_of_the_own_folder_are_read(folder: Path) -> None:
    """What leads elsewhere is refused by name, and everything else goes on; its content is never opened."""
    secret = folder.parent / "secret.csv"
    secret.write_text("id,city\n9,hidden\n")
    land(folder, "orders-good.csv", TEXT)
    (folder / "orders-symbolic.csv").symlink_to(secret)
    (folder / "orders-hard.csv").hardlink_to(secret)
    (folder / "orders-nowhere.csv").symlink_to(folder / "nothing")
    os.mkfifo(folder / "orders-pipe.csv")
    (folder / "orders-folder.csv").mkdir()
    (folder / os.fsdecode(b"orders-\xff.csv")).write_text(TEXT)
    (folder / "orders-\ndone.csv").write_text(TEXT)
    land(folder, "orders-\u4e1c\u4eac \u00e9.csv", TEXT)
    found = look(folder, "orders-*.csv", {})
    assert [one.name for one in found.inputs] == ["orders-good.csv", "orders-\u4e1c\u4eac \u00e9.csv"]
    refused = {one.name: one.why for one in found.refused}
    assert "symbolic link" in refused["orders-symbolic.csv"]
    assert "symbolic link" in refused["orders-nowhere.csv"]
    assert "hard link" in refused["orders-hard.csv"]
    assert "no plain file" in refused["orders-pipe.csv"]
    assert "no text" in refused[os.fsdecode(b"orders-\xff.csv")]
    assert "control character" in refused["orders-\\ndone.csv"]
    assert refused["orders-folder.csv"] == "is a folder, and not read"
    assert len(refused) == 7
    assert "orders-folder.csv" not in {one.name for one in look(folder, "orders-*", {}).refused}
    assert look(folder, "orders-*.csv", {}).refused == found.refused


@PLACES
@pytest.mark.parametrize(
    "name", ["Orders-1.csv", "orders-1.CSV", " orders-1.csv", "orders-1.csv ", "ORDERS-\u00c9.csv"]
)
def test_a_name_that_nearly_fits_is_refused_by_name(folder: Path, name: str) -> None:
    """Nobody waits for a file that is there; a file of another name is no business of this source."""
    land(folder, name)
    land(folder, "orders-1.csv.bak")
    [refused] = look(folder, "orders-*.csv", {}).refused
    assert (refused.name, refused.why.split(" in ")[0]) == (
        name,
        "its name differs from the source's pattern",
    )


@PLACES
def test_accents_of_another_form_are_refused_by_name(folder: Path) -> None:
    """A Mac writes an accent as a character of its own."""
    land(folder, "caf\u0065\u0301.csv")
    assert [one.name for one in look(folder, "caf\u00e9.csv", {}).refused] == ["caf\u0065\u0301.csv"]


@PLACES
@pytest.mark.parametrize(
    ("changed", "clock", "finished"), [(0, 0, False), (10**6, 0, False), (10**6, 60, True), (0, -7200, True)]
)
def test_a_time_of_change_that_is_yet_to_come_is_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, changed: int, clock: int, finished: bool
) -> None:
    """Whoever lands a file may give it any time, and a clock may be set back: the sensor reads it all the same.

    Args:
        changed: hours from now that the file says it was changed.
        clock: seconds from now, by this machine's clock, of the look.
    """
    path, now = land(folder, "orders.csv"), time.time()
    os.utime(path, (now + changed * 3600, now + changed * 3600))
    monkeypatch.setattr(time, "time_ns", lambda: int((now + 1 + clock) * 1e9))
    found = look(folder, "orders.csv", {}, settle=3)
    assert (len(found.inputs), len(found.unfinished)) == ((1, 0) if finished else (0, 1))


@PARSING
def test_a_file_that_is_there_twice_is_read_once_and_the_other_is_named(
    folder: Path, contract: Contract
) -> None:
    """For a publish that says nothing of a file that landed would leave its owner to wonder."""
    for name in ("orders-a.csv", "orders-b.csv", "orders-c.csv"):
        land(folder, name)
    land(folder, "orders-d.csv", TEXT + "3,Bern\n")
    files = place(folder, "orders-*.csv")
    inputs = files.look({}).inputs
    rows = files.read(inputs, contract)
    again = [f"orders-{name}.csv has the content of orders-a.csv, which is read once" for name in "bc"]
    assert [one.note for one in inputs if one.note] == again
    assert PublishRecord(stage="source", landed=known_inputs(inputs)).notes == {"not read": "; ".join(again)}
    assert rows.records == 2 * TEXT.count("\n") - 1


@PARSING
def test_json_by_the_name_of_a_csv_is_named(folder: Path, contract: Contract) -> None:
    """Of any form."""
    for text in ('{"id":"1","city":"x"}\n', '[{"id":"1","city":"x"}]\n', '{\n  "id":"1"\n}\n'):
        land(folder, "orders.json", text)
        with pytest.raises(LandingError, match=r"begins as JSON does, which is read from \.jsonl"):
            read_or_blame(folder, "orders.json", contract)


@PLACES
def test_a_folder_that_leads_elsewhere_is_refused(folder: Path) -> None:
    """The folder of another domain behind a link of one's own; a link to the landing zone itself is the operator's."""
    other = folder.parent / "other"
    other.mkdir()
    land(other, "orders.csv", TEXT)
    (folder / "theirs").symlink_to(other)
    with pytest.raises(LandingError, match="symbolic link"):
        look(folder, "theirs/orders.csv", {})
    zone = folder.parent.parent / "zone"
    zone.symlink_to(folder.parent)
    assert [one.name for one in look(zone / "other", "orders.csv", {}).inputs] == ["orders.csv"]


@PLACES
@pytest.mark.parametrize(
    "pattern",
    ["../other/orders.csv", "a/../../other/x.csv", "/etc/x.csv", "~/x.csv", "a\\..\\x.csv", "./x.csv", "a//x.csv", "x/",
     "", "a*/x.csv", "{month}/x.csv", "x-{week}.csv", "x-{month}-{day}.csv", "x\n.csv"],
)  # fmt: skip
def test_a_pattern_that_leaves_the_folder_is_refused(folder: Path, pattern: str) -> None:
    """Before anything is opened."""
    with pytest.raises(LandingError, match="the pattern"):
        look(folder, pattern, {})


@PLACES
@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("orders-{day}.csv", "orders-2026-02-30.csv"),
        ("orders-{month}.csv", "orders-2026-13.csv"),
        ("{year}.csv", "0000.csv"),
    ],
)
def test_a_day_that_does_not_exist_is_refused_by_name(folder: Path, pattern: str, name: str) -> None:
    """The other files are read."""
    sound = pattern.replace("{day}", "2026-02-28").replace("{month}", "2026-02").replace("{year}", "2026")
    land(folder, sound, TEXT)
    land(folder, name, TEXT)
    found = look(folder, pattern, {})
    assert [one.name for one in found.inputs] == [sound]
    assert [one.name for one in found.refused] == [name]
    assert "there is no such" in found.refused[0].why


def _swap_for_link(path: Path) -> None:
    path.rename(path.with_suffix(".aside"))
    path.symlink_to(path.with_suffix(".aside"))


def _swap_for_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _swap_and_back(path: Path) -> None:
    """Another file for a moment: the first one has its name, size and time again."""
    aside = path.rename(path.with_suffix(".aside"))
    path.write_text("id,city\n9,hidden\n")
    aside.replace(path)


def _rewrite_in_place(path: Path) -> None:
    """Other rows of the same size, with the time of change set back."""
    before = path.stat()
    path.write_text(TEXT.replace("Rome", "Bonn"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


SWAPS = [_swap_for_link, _swap_for_pipe, _swap_and_back, _rewrite_in_place, Path.unlink]


@PLACES
@pytest.mark.parametrize("swap", SWAPS)
def test_a_file_swapped_after_the_look_is_not_published(
    folder: Path, contract: Contract, swap: Callable[[Path], None]
) -> None:
    """Rows are published only if each file was the same, and a plain one, from before it was read until after."""
    path = land(folder, "orders.csv")
    files = place(folder, "orders.csv")
    rows = files.read(files.look({}).inputs, contract)
    assert rows.verify is not None
    rows.verify()
    swap(path)
    with pytest.raises(SourceUnavailable, match=r"orders\.csv changed while it was read"):
        rows.verify()


@PLACES
@pytest.mark.parametrize("swap", [_swap_for_link, _swap_for_pipe])
def test_a_file_swapped_before_it_is_read_is_not_opened(
    folder: Path, contract: Contract, swap: Callable[[Path], None]
) -> None:
    """Not for the rows, and not to find out why they cannot be read."""
    path = land(folder, "orders.csv")
    files = place(folder, "orders.csv")
    inputs = files.look({}).inputs
    swap(path)
    with pytest.raises(SourceUnavailable, match=r"orders\.csv changed"):
        files.read(inputs, contract)
    with pytest.raises(SourceUnavailable, match=r"orders\.csv changed"):
        files.blame(inputs, contract, ValueError())


@PARSING
@pytest.mark.parametrize(("sign", "dialect"), [(";", "semicolon"), ("\t", "tab")])
def test_a_file_of_another_dialect_is_refused_with_its_word(
    folder: Path, contract: Contract, sign: str, dialect: str
) -> None:
    """Whether its first fault is the header or a quote; a file of commas gets no such word."""
    for text in (f"id{sign}city\n1{sign}Rome\n", f'id{sign}city\n1{sign}"Rome"\n'):
        land(folder, "orders.csv", text)
        with pytest.raises(LandingError, match=f'is it dialect="{dialect}"'):
            read_or_blame(folder, "orders.csv", contract)
    land(folder, "orders.csv", f'id,city\n1,a"{sign}\n')
    with pytest.raises(LandingError) as refused:
        read_or_blame(folder, "orders.csv", contract)
    assert "dialect" not in str(refused.value)
