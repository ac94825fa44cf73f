"""Files that land in an object store, by a real S3 API: found by their ETags, read in place, published into a lake."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import polars as pl
import pytest

from mesh_pipelines.errors import LandingError, SourceUnavailable
from mesh_pipelines.landing.changes import changed_partitions, known_inputs, look_at
from mesh_pipelines.landing.files import FileLanding
from mesh_pipelines.landing.landed import Known
from mesh_pipelines.orchestration.run import run
from mesh_pipelines.shared import shared_resources
from quality.contract import Contract
from resources.settings import get_settings
from resources.store import ObjectStore, open_store
from tests.mesh_pipelines.small_domains import World, promise, read_promise
from tests.s3 import Bucket

MONTHLY = "orders-{month}.csv"
TEXT = b"id,city\n1,Rome\n2,Oslo\n"
COLUMNS = {"id": "integer", "city": "string"}


@pytest.fixture
def bucket(s3: Callable[[str], Bucket], request: pytest.FixtureRequest) -> Bucket:
    """A bucket of the test's own."""
    return s3("b" + str(abs(hash(request.node.name))))


@pytest.fixture
def monthly(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Columns ``id`` and ``city``, a file a month."""
    written = promise("shop", "orders_raw", COLUMNS, partitions="2013-01")
    return read_promise(tmp_path_factory.mktemp("contracts"), written, stage="source")


def place(bucket: Bucket, pattern: str = MONTHLY) -> FileLanding:
    """Where files of this pattern land."""
    return FileLanding(open_store(f"{bucket.uri}/landing", bucket.options), "shop", pattern)


def seen(bucket: Bucket) -> Known:
    """What a publish would remember of what is there."""
    return known_inputs(place(bucket).look({}).inputs)


def test_objects_are_known_by_their_etag(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """One listing says what is new, corrected or gone; no byte of any object is read for it."""

    def never(self: ObjectStore, name: str) -> str:
        raise AssertionError(f"{name} was read")

    monkeypatch.setattr(ObjectStore, "sha256", never)
    assert place(bucket).look({}).inputs == ()
    for name in (
        "orders-2013-01.csv",
        "orders-2013-02.csv",
        "orders-2013-03.csv.part",
        "deeper/orders-2013-04.csv",
    ):
        bucket.put(f"landing/shop/{name}", TEXT)
    known = seen(bucket)
    assert list(known) == ["2013-01", "2013-02"]
    bucket.put("landing/shop/orders-2013-01.csv", TEXT)
    assert changed_partitions(place(bucket).look(known), known) == {}
    bucket.put("landing/shop/orders-2013-01.csv", TEXT.replace(b"Rome", b"Bonn"))
    bucket.put("landing/shop/orders-2013-05.csv", TEXT)
    bucket.delete("landing/shop/orders-2013-02.csv")
    assert changed_partitions(place(bucket).look(known), known) == {
        "2013-01": "orders-2013-01.csv has changed",
        "2013-05": "orders-2013-05.csv landed",
    }


def test_a_fresh_object_has_to_settle(bucket: Bucket) -> None:
    """An object appears whole, but the delivery that it is part of may not be over."""
    bucket.put("landing/shop/orders-2013-01.csv", TEXT)
    found = place(bucket).look({}, settle=3600)
    assert (found.inputs, found.unfinished) == ((), ("orders-2013-01.csv",))


def test_every_format_is_read_from_where_it_is(bucket: Bucket, monthly: Contract) -> None:
    """CSV, Parquet and JSON lines, with their provenance; what is wrong with one is said as of a file."""
    rows, parquet, lines = pl.DataFrame({"id": [1, 2], "city": ["Rome", None]}), io.BytesIO(), io.BytesIO()
    rows.write_parquet(parquet)
    rows.write_ndjson(lines)
    bucket.put("landing/shop/orders-2013-01.csv", TEXT)
    bucket.put("landing/shop/orders-2013-02.parquet", parquet.getvalue())
    bucket.put("landing/shop/orders-2013-03.jsonl", lines.getvalue())
    for month, ending in (("2013-01", "csv"), ("2013-02", "parquet"), ("2013-03", "jsonl")):
        files = place(bucket, "orders-{month}." + ending)
        found = files.read(files.look({}).inputs, monthly).frame.collect()
        assert found.height == 2
        assert found.select("_file", "_partition").row(0) == (f"orders-{month}.{ending}", month)
    bucket.put("landing/shop/orders-2013-01.csv", b"id\n1\n")
    files = place(bucket)
    with pytest.raises(LandingError, match=r"orders-2013-01\.csv: lacks the column city"):
        files.read(files.look({}).inputs, monthly)


def test_a_store_that_does_not_answer_is_waited_for() -> None:
    """It is a transient error, known after seconds, and without the store's secrets."""
    nowhere = Bucket("http://127.0.0.1:1", "nowhere")
    fault = look_at(lambda: place(nowhere), {}).fault
    assert isinstance(fault, SourceUnavailable)
    assert "secret" not in str(fault)


@pytest.mark.parametrize("lake", ["folder", "bucket"])
def test_a_source_runs_from_a_bucket_into_a_lake(
    world: World, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, lake: str
) -> None:
    """``mesh run`` makes it of what landed there; a new month adds to it; nothing new is up to date."""
    monkeypatch.setenv("MESH_LANDING", f"{bucket.uri}/landing")
    monkeypatch.setenv("MESH_STORAGE_OPTIONS", json.dumps(bucket.options))
    if lake == "bucket":
        monkeypatch.setenv("MESH_LAKE_URI", f"{bucket.uri}/lake")
    get_settings.cache_clear()
    written = promise("shop", "orders_raw", COLUMNS, partitions="2013-01")
    world.write("shop", written, sources='orders_raw = source("orders-{month}.csv")\n')
    for month in ("2013-01", "2013-02"):
        bucket.put(f"landing/shop/orders-{month}.csv", TEXT)
        report = run(["shop"]).steps[0]
        assert (report.status, report.message) == ("done", "")
    assert shared_resources().lake.record("shop.orders_raw").rows == 4
    assert run(["shop"]).steps[0].status == "up to date"
