"""A product is read at a pinned version, once the decision point has granted it."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
import pytest

from mesh_pipelines.declaring.reader import AccessRequest, Purpose, Reader
from mesh_pipelines.errors import AccessRefused, NotPublished
from mesh_pipelines.publishing.read import read_product
from mesh_pipelines.shared import SharedResources, shared_resources
from resources.lake.publication import Publication

KEY = "store.sales"
REQUEST = AccessRequest(Reader("domain", "shop"), KEY, Purpose("planning"))


@dataclass
class Point:
    """A decision point that answers as it is told, and keeps what it was asked."""

    answer: str = ""
    asked: list[AccessRequest] = field(default_factory=list)

    def refusal(self, request: AccessRequest) -> str:
        """The answer."""
        self.asked.append(request)
        return self.answer


@pytest.fixture
def shared() -> SharedResources:
    """A lake that holds two months of sales."""
    found = shared_resources()
    rows = pl.DataFrame({"id": [1, 2], "month": ["2013-01", "2013-02"]})
    kinds = {"id": "internal", "month": "public"}
    with found.lake.stage(KEY, dict(rows.schema), kinds, partition_by="month") as stage:
        stage.write(rows)
        stage.commit({}, replace="all")
    return found


def test_what_is_granted_is_pinned(shared: SharedResources) -> None:
    """The rows, and enough to read the same again."""
    point = Point()
    rows, read = read_product(shared, REQUEST, lambda _: point)
    assert sorted(rows.collect()["id"]) == [1, 2]
    assert point.asked == [REQUEST]
    record = shared.lake.record(KEY)
    assert (read.key, read.version, read.data_version) == (KEY, 0, record.data_version)
    assert read.content("2013-02") == record.partitions["2013-02"].hex


def test_the_publication_decided_on_is_the_one_that_is_read(shared: SharedResources) -> None:
    """One that is published during the decision, perhaps under another agreement, is read by nobody yet."""
    decided_on: list[Publication] = []

    def point_of(published: Publication) -> Point:
        decided_on.append(published)
        rows = pl.DataFrame({"id": [3], "month": ["2013-03"]})
        kinds = {"id": "internal", "month": "public"}
        with shared.lake.stage(KEY, dict(rows.schema), kinds, partition_by="month") as stage:
            stage.write(rows)
            stage.commit({}, replace="all")
        return Point()

    rows, read = read_product(shared, REQUEST, point_of)
    assert [published.version for published in decided_on] == [read.version] == [0]
    assert sorted(rows.collect()["id"]) == [1, 2]
    assert shared.lake.record(KEY).version == 1


def test_only_the_partitions_of_the_window_are_read(shared: SharedResources) -> None:
    """A partition outside of it has no content."""
    rows, read = read_product(shared, REQUEST, lambda _: Point(), [("2013-02", "2013-12")])
    assert rows.collect()["id"].to_list() == [2]
    assert set(read.partitions) == {"2013-02"}
    assert read.content("2013-01") == ""


def test_what_is_refused_is_not_read(shared: SharedResources) -> None:
    """The error names the reader, the purpose, the reason and whom to ask."""
    with pytest.raises(
        AccessRefused, match="shop may not read it for 'planning': it is not agreed"
    ) as refused:
        read_product(shared, REQUEST, lambda _: Point("it is not agreed"))
    assert refused.value.where == KEY
    assert "ask store for an agreement" in refused.value.remedy


@pytest.mark.usefixtures("shared")
def test_what_is_not_published_is_named() -> None:
    """With the command that makes it."""
    request = AccessRequest(Reader("domain", "shop"), "store.stock", Purpose("planning"))
    with pytest.raises(NotPublished, match="nothing has been published"):
        read_product(shared_resources(), request, lambda _: Point())
