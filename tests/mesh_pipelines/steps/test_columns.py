"""Columns of a feature set on its page: types as published, and what each is made of."""

from __future__ import annotations

from typing import Any

import dagster as dg
import polars as pl
import pytest

from mesh_pipelines.dagster_names import IF_STALE
from mesh_pipelines.orchestration.location import definitions
from mesh_pipelines.steps import columns
from tests.mesh_pipelines.asset_pages import shown
from tests.mesh_pipelines.by_hand import ROWS
from tests.mesh_pipelines.conftest import Machines
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")


FEATURES = """
@data_product
def refunds() -> pl.LazyFrame:
    "What was paid back."
    return pl.LazyFrame({"id": range(10), "amount": [1.0] * 10})

@feature_set(key=("id",), time="at")
def known(refunds: pl.LazyFrame) -> pl.LazyFrame:
    "What is known of a refund."
    return refunds.select("id", double=pl.col("amount") * 2, at=pl.datetime(2026, 1, 1, time_zone="UTC"))

@feature_set(key=("id",), time="at")
def collected(refunds: pl.LazyFrame) -> pl.LazyFrame:
    "The same, made at once."
    return refunds.select("id", at=pl.datetime(2026, 1, 1, time_zone="UTC")).collect().lazy()
"""


def test_a_feature_set_shows_its_columns(world: World, instance: dg.DagsterInstance) -> None:
    """Types as published, and what each is made of; where that cannot be told the page says why.

    A later run that leaves it as it is says so again: a page shows what the last one said.
    """
    world.write("shop", promise("shop", "refunds", ROWS), features=FEATURES)
    job = definitions(world.load("domains.shop")).get_repository_def().get_implicit_global_asset_job_def()
    known: Any = {}
    for _ in range(2):
        result = job.execute_in_process(instance=instance, tags={IF_STALE: "true"})
        known, collected = (
            result.asset_materializations_for_node(f"shop__{name}")[0].metadata
            for name in ("known", "collected")
        )
        columns: Any = known["dagster/column_schema"].value
        assert [(c.name, c.type, c.tags) for c in columns.columns] == [
            ("id", "Int64", {"classification": "internal"}),
            ("double", "Float64", {"classification": "internal"}),
            ("at", "timestamp (UTC)", {"classification": "internal"}),
        ]
        lineage: Any = known["dagster/column_lineage"].value
        refunds = dg.AssetKey(["shop", "refunds"])
        assert lineage.deps_by_column == {
            "id": [dg.TableColumnDep(refunds, "id")],
            "double": [dg.TableColumnDep(refunds, "amount")],
            "at": [],
        }
        assert [c.name for c in collected["dagster/column_schema"].value.columns] == ["id", "at"]  # type: ignore[union-attr]
        assert "dagster/column_lineage" not in collected
        assert "its function reads the rows of shop.refunds" in str(collected["column lineage"].value)
    assert "unchanged" in known


@pytest.mark.slow
def test_its_features_lead_to_the_readings_by_column(machines: Machines) -> None:
    """The page says what each column of the feature set is made of."""
    found = shown(machines, "repair_features")["dagster/column_lineage"].deps_by_column
    readings = dg.AssetKey(["machines", "readings"])
    assert found["temperature"] == [dg.TableColumnDep(readings, "temperature")]
    assert found["temperature_week"] == [
        dg.TableColumnDep(readings, name) for name in ("day", "machine", "temperature")
    ]


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (pl.Int64(), "Int64"),
        (pl.Datetime("us", "UTC"), "timestamp (UTC)"),
        (pl.Datetime("ms"), "timestamp (no time zone)"),
        (pl.Enum(["a" * 100, "b"]), "Enum"),
        (pl.List(pl.Int8), "List(Int8)"),
    ],
    ids=str,
)
def test_a_type_is_named_shortly(dtype: pl.DataType, name: str) -> None:
    """A time with its zone, and no list of all categories, which are values."""
    assert columns._type_name(dtype) == name
