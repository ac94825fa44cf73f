"""Keys, disks and servers that fail: a clear error, the last good version unharmed, and the next run heals."""

from __future__ import annotations

import base64
import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_pipelines.errors import IntegrityError, KeyUnavailable
from resources.settings import get_settings
from tests.e2e.small_home import DEPARTURES, FEBRUARY, RAW, SmallHome, tells, typed


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Change the environment, then read the settings again."""
    yield monkeypatch
    get_settings.cache_clear()


def test_a_wrong_master_key_opens_nothing_and_spoils_nothing(
    small_home: SmallHome, february: bytes, setting: pytest.MonkeyPatch
) -> None:
    """The key is named, with the remedy; with the right key everything is as it was, and the run goes on."""
    before = small_home.content()
    small_home.land(FEBRUARY, february)
    setting.setenv("MESH_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    get_settings.cache_clear()
    found = small_home.run(DEPARTURES)
    tells(found[RAW], "does not open with this master key", "departures_raw.json", "MESH_MASTER_KEY")
    assert found[DEPARTURES].status == "skipped"
    with pytest.raises(KeyUnavailable, match="master key"):
        small_home.rows(DEPARTURES)
    setting.setenv("MESH_MASTER_KEY", "not a key")
    get_settings.cache_clear()
    tells(small_home.run(DEPARTURES)[RAW], "MESH_MASTER_KEY", "is not base64 of 32 bytes")
    setting.delenv("MESH_MASTER_KEY")
    get_settings.cache_clear()
    assert small_home.content() == before
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "done"
    assert small_home.rows(DEPARTURES).height == 1600


def test_a_lost_master_key_is_not_replaced_by_a_new_one(small_home: SmallHome, february: bytes) -> None:
    """Without it nothing is written either: a new key would hide that the old one is gone."""
    key = small_home.folder / "keys" / "master.key"
    secret = key.read_text()
    key.unlink()
    small_home.land(FEBRUARY, february)
    get_settings.cache_clear()
    again = SmallHome(_moved(small_home))
    tells(again.run(DEPARTURES)[RAW], "master key is missing", "master.key", "backup")
    (again.folder / "keys" / "master.key").write_text(secret)
    assert again.run(DEPARTURES)[DEPARTURES].status == "done"
    assert again.rows(DEPARTURES).height == 1600


def _moved(small_home: SmallHome) -> Path:
    """The same home under another name: for this process another mesh, with nothing opened yet."""
    moved = small_home.folder.parent / "moved"
    shutil.copytree(small_home.folder, moved)
    os.environ["MESH_HOME"] = str(moved)
    get_settings.cache_clear()
    return moved


def test_lost_data_keys_are_not_replaced_by_new_ones(small_home: SmallHome, february: bytes) -> None:
    """A product's keys are gone: nothing is written under new ones of the same number, so a backup brings all back."""
    before = small_home.content()
    keys = small_home.folder / "keys" / "operations" / "departures.json"
    backup = keys.read_bytes()
    keys.unlink()
    small_home.land(FEBRUARY, february)
    found = small_home.run(DEPARTURES)
    assert found[RAW].status == "done", "other products have keys of their own"
    tells(found[DEPARTURES], "operations.departures", "key", "backup")
    keys.write_bytes(backup)
    assert small_home.content(DEPARTURES) == {DEPARTURES: before[DEPARTURES]}
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "done"
    assert small_home.rows(DEPARTURES).height == 1600


def test_another_key_is_told_from_damage(small_home: SmallHome) -> None:
    """A data key that is not the one the files were written with: said as that, and no wrong value is read."""
    keys = small_home.folder / "keys" / "operations" / "departures_raw.json"
    backup = keys.read_bytes()
    keys.unlink()
    small_home.lake.keyring.data_key("operations", "departures_raw", "internal")
    small_home.lake.keyring.data_key("operations", "departures_raw", "footer")
    tells(
        small_home.run(DEPARTURES, force=True)[DEPARTURES],
        RAW,
        "a data key is another",
        "restore the keyring",
    )
    keys.write_bytes(backup)
    assert small_home.run(DEPARTURES, force=True)[DEPARTURES].status in ("done", "up to date")


@pytest.mark.parametrize("column", ["tailnum", "distance"], ids=["encrypted", "public"])
def test_a_flipped_bit_is_found_and_never_read(small_home: SmallHome, column: str) -> None:
    """The file is named; consumers get an error, not other values; publishing the source again heals it."""
    before = small_home.content(DEPARTURES)
    (file,) = small_home.lake.head(RAW).files
    path = Path(small_home.lake.store.uri(file.name))
    content = bytearray(path.read_bytes())
    content[_place(path, column)] ^= 1
    path.write_bytes(content)
    found = small_home.run(DEPARTURES, force=True)
    tells(found[DEPARTURES], RAW, path.name, "was changed", "publish the product again")
    with pytest.raises(IntegrityError, match="was changed"):
        small_home.rows(RAW)
    assert small_home.content(DEPARTURES) == before
    assert small_home.run(RAW, force=True)[RAW].status == "done"
    assert small_home.content(RAW)
    assert small_home.rows(RAW).height == 800
    assert small_home.run(DEPARTURES, force=True)[DEPARTURES].status in ("done", "up to date")
    assert small_home.content(DEPARTURES) == before


def _place(path: Path, column: str) -> int:
    """A byte in the midst of a column's data: between the public columns on either side of it."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    group, at = metadata.row_group(0), metadata.schema.names.index(column)
    before, after = group.column(at - 1), group.column(at + 1)
    begin = (before.dictionary_page_offset or before.data_page_offset) + before.total_compressed_size
    end = after.dictionary_page_offset or after.data_page_offset
    assert begin < end
    return (begin + end) // 2


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of some megabytes; skipped where nothing may be mounted."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a full disk needs a tmpfs of its own, and mount needs CAP_SYS_ADMIN for that")
    yield folder
    # Lazy, as this process keeps Dagster's databases of a home on it open.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_the_publish_and_nothing_else(
    small_home: SmallHome, february: bytes, tiny_disk: Path, setting: pytest.MonkeyPatch
) -> None:
    """No space for February: said with the remedy, January stays readable, nothing half stays; space made, it runs."""
    shutil.copytree(small_home.folder / "lake", tiny_disk / "lake")
    setting.setenv("MESH_LAKE_URI", str(tiny_disk / "lake"))
    get_settings.cache_clear()
    before, names = small_home.content(), small_home.lake.store.list("")
    ballast = tiny_disk / "ballast"
    _fill(ballast)
    small_home.land(FEBRUARY, february)
    found = small_home.run(DEPARTURES)
    tells(found[RAW], "no space is left", "free space")
    assert found[DEPARTURES].status == "skipped"
    assert small_home.content() == before
    assert small_home.lake.store.list("") == names
    ballast.unlink()
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "done"
    assert small_home.rows(DEPARTURES).height == 1600


def test_a_home_on_a_full_disk_is_told_without_a_traceback(
    small_home: SmallHome, february: bytes, tiny_disk: Path, setting: pytest.MonkeyPatch
) -> None:
    """Dagster's records, the landing zone and the lake are all on it: every command says so; space made, it runs."""
    home = tiny_disk / "home"
    shutil.copytree(small_home.folder, home)
    (home / "landing" / "operations" / FEBRUARY).write_bytes(february)
    _fill(tiny_disk / "ballast")
    for words in (["run", DEPARTURES], ["demo", "land", "2013-03"]):
        code, said = typed(home, *words)
        assert code == 1, said
        assert "no space is left" in said
        assert str(home) in said.replace("\n", "")
        assert "free space" in said
        assert "Traceback" not in said
    (tiny_disk / "ballast").unlink()
    setting.setenv("MESH_HOME", str(home))
    get_settings.cache_clear()
    assert SmallHome(home).run(DEPARTURES)[DEPARTURES].status == "done"
    assert SmallHome(home).rows(DEPARTURES).height == 1600


@pytest.mark.parametrize("command", [["demo"], ["demo", "land", "2013-01"], ["run", DEPARTURES], ["status"]])
@pytest.mark.parametrize("place", ["file", "file/home"])
def test_a_home_that_is_a_file_is_told_with_the_remedy(
    command: list[str], place: str, tmp_path: Path
) -> None:
    """Before anything is done, by every command."""
    (tmp_path / "file").touch()
    code, said = typed(tmp_path / place, *command)
    assert code == 1, said
    assert "MESH_HOME" in said
    assert "is a file" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [["demo"], ["demo", "land", "2013-01"]])
def test_a_home_that_nobody_can_make_is_told_with_the_remedy(command: list[str]) -> None:
    """Where the system makes no folder, not even for root: as soon as something is to be written."""
    code, said = typed(Path("/proc/home"), *command)
    assert code == 1, said
    assert "this folder cannot be used" in said
    assert "/proc/home" in said
    assert "MESH_HOME" in said
    assert "Traceback" not in said


def _fill(ballast: Path) -> None:
    with pytest.raises(OSError), ballast.open("wb", buffering=0) as stream:  # noqa: PT012
        while True:
            stream.write(bytes(4096))


def test_a_limit_on_file_sizes_counts_as_full(small_home: SmallHome, february: bytes) -> None:
    """Where nothing can be mounted this shows the same: the limit is met while the data file is written."""
    before = small_home.content()
    small_home.land(FEBRUARY, february)
    (written,) = small_home.lake.head(RAW).files
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    # Dagster's databases are larger than a data file: let them be written to first, in a place that is exempt.
    write = type(small_home.lake.store).write

    def limited(self: object, name: str, data: bytes) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (written.size // 2, limits[1]))
        try:
            write(self, name, data)  # type: ignore[arg-type]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(small_home.lake.store), "write", limited)
        tells(small_home.run(DEPARTURES)[RAW], "no space is left", "free space")
    signal.signal(signal.SIGXFSZ, handler)
    assert small_home.content() == before
    assert small_home.orphans() == []
    assert small_home.run(DEPARTURES)[DEPARTURES].status == "done"


def test_without_mlflow_the_data_still_flows(small_home: SmallHome, setting: pytest.MonkeyPatch) -> None:
    """No tracking server: products are published, and the model's step fails at once with the remedy."""
    setting.setenv("MESH_TRACKING_URI", "http://127.0.0.1:9")
    get_settings.cache_clear()
    begun = time.monotonic()
    found = small_home.run("weather", "operations.departures")
    assert time.monotonic() - begun < 60
    assert found["weather.observations"].status == "done", found
    assert found["weather.visibility_features"].status == "done", found
    tells(found["weather.low_visibility"], "MLflow does not answer", "127.0.0.1:9", "MESH_TRACKING_URI")
    assert found["weather.visibility_forecast"].status == "skipped"
    assert small_home.rows("weather.observations").height == 300
    code, said = typed(small_home.folder, "status", "--json")
    stand = json.loads(said[: said.index("\n}") + 2])
    rows = {product["key"]: product["rows"] for product in stand["products"]}
    assert (code, stand["models"], rows["weather.observations"]) == (1, [], 300)
    assert "MLflow does not answer" in stand["trouble"]["what"]
    assert "MESH_TRACKING_URI" in said[said.index("\n}") :], "told to a person too"
