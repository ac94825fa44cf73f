"""Public columns are read by anyone, classified ones with their key only, and damage is named."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from mesh_pipelines.errors import IntegrityError, KeyUnavailable
from resources.keys.keyring import Keyring
from resources.lake.lake import Lake
from tests.resources.samples import CLASSIFICATION, KEY

RECORD = {"contract_version": "1"}


@pytest.fixture
def published(lake: Lake, rows: pl.DataFrame) -> Lake:
    """A lake with two partitions of departures."""
    publish(lake, rows)
    return lake


def publish(lake: Lake, rows: pl.DataFrame, classification: dict[str, str] | None = None) -> int:
    """Publish all rows, by month."""
    with lake.stage(KEY, rows.schema, classification or CLASSIFICATION, "month") as stage:
        stage.write(rows)
        return stage.commit(RECORD).version


def files(lake: Lake) -> list[Path]:
    """The data files of the newest version."""
    return [Path(lake.store.uri(file.name)) for file in lake.head(KEY).files]


def test_classified_values_are_nowhere_on_disk(published: Lake) -> None:
    """Neither data pages, dictionaries, statistics nor the log have a classified value in clear."""
    for path in Path(published.store.root).rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert b"Maillart" not in content, path
        assert b"Duras" not in content, path


def test_duckdb_reads_public_columns_only(published: Lake) -> None:
    """Another engine reads the clear columns of the very same files, and fails on the others."""
    names = [str(path) for path in files(published)]
    found = duckdb.execute("select flight from read_parquet($1) order by 1", [names]).fetchall()
    assert found == [(11,), (12,), (21,)]
    for column in ("passenger", "delay"):
        with pytest.raises(duckdb.Error):
            duckdb.execute(f"select {column} from read_parquet($1)", [names]).fetchall()


def test_any_delta_reader_reads_public_columns(published: Lake, rows: pl.DataFrame) -> None:
    """Through the log, by deltalake and by Polars' own Delta reader."""
    from deltalake import DeltaTable

    uri = published.uri(KEY)
    assert DeltaTable(uri).count() == 3
    plain = pl.scan_delta(uri).select("month", "flight").collect().sort("flight")
    assert_frame_equal(plain, rows.select("month", "flight"))
    arrow = DeltaTable(uri).to_pyarrow_dataset().to_table(columns=["flight"])
    assert sorted(arrow["flight"].to_pylist()) == [11, 12, 21]


def test_pyarrow_and_polars_cannot_read_classified_columns(published: Lake) -> None:
    """Without keys, a classified column is an error, not nonsense."""
    path = files(published)[0]
    assert pq.ParquetFile(path).read(columns=["flight"]).num_rows == 2
    with pytest.raises(OSError, match=r"(?i)crypt"):
        pq.ParquetFile(path).read(columns=["passenger"])
    with pytest.raises(pl.exceptions.ComputeError, match="is encrypted"):
        pl.scan_parquet(path).select("passenger").collect()


def test_each_column_needs_its_own_key(published: Lake, keyring: Keyring, rows: pl.DataFrame) -> None:
    """Without the confidential key, internal and public columns are still read; the confidential one is not."""
    keyring.destroy("operations", "departures", "confidential")
    assert_frame_equal(
        published.scan(KEY, columns=["delay", "flight"]).collect(), rows.select("delay", "flight")
    )
    with pytest.raises(KeyUnavailable, match="confidential version 1 was destroyed"):
        published.scan(KEY)
    with pytest.raises(KeyUnavailable):
        published.scan(KEY, columns=["passenger"])


def test_a_wrong_master_key_is_refused_before_reading(published: Lake, tmp_path: Path) -> None:
    """The error names the key and the setting."""
    wrong = base64.b64encode(b"w" * 32).decode()
    other = Lake(published.store.root, Keyring(tmp_path / "keys", wrong))
    with pytest.raises(KeyUnavailable, match="does not open with this master key"):
        other.scan(KEY)


def test_a_missing_keyring_is_refused_before_reading(published: Lake, tmp_path: Path) -> None:
    """A keyring without this product's keys says so; it does not make new ones to read with."""
    other = Lake(published.store.root, Keyring(tmp_path / "elsewhere"))
    with pytest.raises(KeyUnavailable, match="has no version 1"):
        other.scan(KEY)
    assert not list((tmp_path / "elsewhere").glob("*/*.json"))


def test_another_meshs_keyring_is_no_damage(published: Lake, tmp_path: Path) -> None:
    """Keys of the same names but from elsewhere: the files are whole, the keys are wrong."""
    other = Lake(published.store.root, Keyring(tmp_path / "elsewhere"))
    for kind in ("footer", "confidential", "internal"):
        other.keyring.data_key("operations", "departures", kind)
    with pytest.raises(KeyUnavailable, match="files are whole"), other.reading(KEY):
        other.scan(KEY).collect()


def flip(path: Path, position: int) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def end_of(path: Path, name: str) -> int:
    """Where the data of a public column ends, and that of the next column begins."""
    metadata = pq.ParquetFile(path).metadata
    chunk = metadata.row_group(0).column(metadata.schema.names.index(name))
    return (
        min(at for at in (chunk.dictionary_page_offset, chunk.data_page_offset) if at)
        + chunk.total_compressed_size
    )


def test_a_flipped_bit_anywhere_is_found(published: Lake) -> None:
    """In an encrypted column, a clear one or the footer: verify names the file, whichever bit it was."""
    path = files(published)[0]
    whole = path.read_bytes()
    for position in range(0, len(whole), 37):
        flip(path, position)
        with pytest.raises(IntegrityError, match=path.name):
            published.verify(KEY)
        path.write_bytes(whole)
    assert published.verify(KEY) == 2


def test_a_flipped_bit_in_an_encrypted_column_is_refused_while_reading(published: Lake) -> None:
    """AES-GCM notices; the error names the file that was changed."""
    path = files(published)[0]
    flip(path, end_of(path, "flight") + 80)  # the passengers follow
    with pytest.raises(IntegrityError, match=path.name), published.reading(KEY):
        published.scan(KEY, verify=False).collect()


def test_a_flipped_bit_in_the_footer_is_refused_while_reading(published: Lake) -> None:
    """The footer is in clear, but signed."""
    path = files(published)[0]
    flip(path, path.stat().st_size - 60)
    with pytest.raises(IntegrityError, match=path.name), published.reading(KEY):
        published.scan(KEY, verify=False).collect()


def test_a_flipped_bit_in_a_clear_column_is_refused_before_reading(
    published: Lake, rows: pl.DataFrame
) -> None:
    """Nothing authenticates a clear column while it is read, so the file's hash is compared first."""
    assert_frame_equal(published.scan(KEY).collect(), rows)
    path = files(published)[0]
    flip(path, end_of(path, "flight") - 40)
    with pytest.raises(IntegrityError, match=path.name):
        published.scan(KEY)
    assert published.scan(KEY, partitions=["2013-02"]).collect().height == 1


def test_truncated_and_missing_files_are_named(published: Lake) -> None:
    """A lost or cut file is damage too; what was published before can still be asked for."""
    first, second = files(published)
    first.write_bytes(first.read_bytes()[:-50])
    second.unlink()
    with pytest.raises(IntegrityError) as error, published.reading(KEY):
        published.scan(KEY).collect()
    assert f"{first.name} was changed" in str(error.value)
    assert f"{second.name} is missing" in str(error.value)


def test_a_file_of_another_product_does_not_fit(published: Lake, rows: pl.DataFrame) -> None:
    """The product's key is authenticated with each file: even with the right keys, a foreign file is refused."""
    key = "operations.arrivals"
    with published.stage(key, rows.schema, CLASSIFICATION, "month") as stage:
        stage.write(rows)
        stage.commit(RECORD)
    theirs = [Path(published.store.uri(file.name)) for file in published.head(key).files]
    for mine, foreign in zip(files(published), theirs, strict=True):
        shutil.copy(foreign, mine)
    with pytest.raises(pl.exceptions.ComputeError, match="Footer signature verification failed"):
        published.scan(KEY, verify=False).collect()
    with pytest.raises(IntegrityError), published.reading(KEY):
        published.scan(KEY, verify=False).collect()


def test_rotation_keeps_old_files_readable_and_writes_new_ones(
    published: Lake, keyring: Keyring, rows: pl.DataFrame
) -> None:
    """After a rotation one table holds partitions under both keys; both read, each with its own."""
    keyring.rotate("operations", "departures", "confidential")
    fixed = rows.tail(1).with_columns(passenger=pl.lit("Nina"))
    with published.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
        stage.write(fixed)
        stage.commit(RECORD, replace="partitions")
    assert len(published.record(KEY).layouts) == 2
    assert_frame_equal(published.scan(KEY).collect(), pl.concat([rows.head(2), fixed]))
    keyring.destroy("operations", "departures", "confidential", version=1)
    assert published.scan(KEY, partitions=["2013-02"]).collect()["passenger"].to_list() == ["Nina"]
    with pytest.raises(KeyUnavailable):
        published.scan(KEY)


def test_publishing_again_after_a_rotation_rewrites_under_the_new_key(
    published: Lake, keyring: Keyring, rows: pl.DataFrame
) -> None:
    """The same content is not "unchanged" while its files are under an old key."""
    data_version = published.record(KEY).data_version
    keyring.rotate("operations", "departures", "confidential")
    assert publish(published, rows) == 1
    assert published.record(KEY).data_version == data_version
    assert publish(published, rows) == 1
    keyring.destroy("operations", "departures", "confidential", version=1)
    assert_frame_equal(published.scan(KEY).collect(), rows)


def test_a_column_classified_later_is_encrypted_with_the_next_publish(
    published: Lake, rows: pl.DataFrame
) -> None:
    """Reclassification rewrites the same content; from then on the column needs its key."""
    assert publish(published, rows, {**CLASSIFICATION, "flight": "restricted"}) == 1
    assert_frame_equal(published.scan(KEY).collect(), rows)
    with pytest.raises(pl.exceptions.ComputeError, match="is encrypted"):
        pl.scan_parquet(files(published)[0]).select("flight").collect()


def test_a_table_of_public_columns_needs_no_key(tmp_path: Path, lake: Lake, rows: pl.DataFrame) -> None:
    """Public data is plain Parquet: any reader reads all of it, and no key is ever made."""
    publish(lake, rows, dict.fromkeys(rows.columns, "public"))
    assert not (tmp_path / "keys").exists()
    assert_frame_equal(pl.read_parquet(files(lake)).sort("flight"), rows)


def test_a_commit_of_another_tool_is_not_mistaken_for_the_meshs(lake: Lake, rows: pl.DataFrame) -> None:
    """Rows that came in past the mesh are refused, not silently read; the version before them is readable."""
    from deltalake import write_deltalake

    public = dict.fromkeys(rows.columns, "public")
    publish(lake, rows, public)
    write_deltalake(lake.uri(KEY), rows.head(1), mode="append", schema_mode="merge")
    with pytest.raises(IntegrityError, match="the mesh did not write it"):
        lake.scan(KEY)
    assert_frame_equal(lake.scan(KEY, version=0).collect(), rows)
