"""Names of a feature set's columns are kept in clear, so that none of them may come with classified data."""

from __future__ import annotations

import dagster as dg
import pytest

from mesh_pipelines.orchestration.location import definitions
from mesh_pipelines.shared import shared_resources
from tests.mesh_pipelines.by_hand import run
from tests.mesh_pipelines.run_reports import failure
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = [
    pytest.mark.odd_input("messages carry data", "leaked"),
    pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning"),
]

WARD = "canary-ward"
FUNCTIONS = {
    "dummies": ('stays.collect().to_dummies("ward")', True),
    "a pivot": ('stays.collect().pivot(on="ward", index=("id", "day"), values="size")', True),
    "a loop": (
        'stays.with_columns((pl.col("ward") == one).alias(one) for one in stays.collect()["ward"].unique())',
        True,
    ),
    "a list": ('stays.with_columns((pl.col("ward") == one).alias(f"is_{one}") for one in ("A", "B"))', False),
    "rows, and names of its own": ('stays.collect().with_columns(double=pl.col("size") * 2)', False),
}


@pytest.mark.parametrize(
    ("function", "classification"),
    [*((function, "restricted") for function in FUNCTIONS), ("dummies", "public")],
)
def test_columns_named_by_classified_rows_are_refused(
    world: World, instance: dg.DagsterInstance, function: str, classification: str
) -> None:
    """Nothing is published, and the error counts them; names that stand in the function, or public ones, are fine."""
    made, by_rows = FUNCTIONS[function]
    columns = {
        "id": "integer",
        "day": "timestamp",
        "ward": {"logicalType": "string", "classification": classification},
        "size": "number",
    }
    package = world.write(
        "shop",
        promise("shop", "stays", columns),
        sources='stays = source("stays.csv")\n',
        features=f"""
        @feature_set(key=("id",), time="day")
        def stay_features(stays: pl.LazyFrame) -> pl.LazyFrame:
            stays = stays.drop("_file", "_row", strict=False)
            return {made}
        """,
    )
    world.land("shop", "stays.csv", f"id,day,ward,size\n1,2026-01-01T00:00:00Z,{WARD},1.5\n")
    shown = definitions(world.load(package))
    assert run(shown, instance, "stays").success
    result = run(shown, instance, "stay_features")
    refused = by_rows and classification == "restricted"
    assert result.success is not refused
    assert shared_resources().lake.exists("shop.stay_features") is not refused
    if refused:
        assert "of its columns are named by the rows" in failure(result)
        assert WARD not in failure(result)
