"""What the columns of a feature set are made of, as polars' plan of its function has it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.features.column_lineage import Lineage, lineage_of
from mesh_pipelines.governance.load_mesh import load_mesh

ROOT = Path(__file__).parents[3]
ORDERS = {
    "order": pl.Int64,
    "customer": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "paid": pl.Float64,
    "state": pl.String,
    "note": pl.String,
}
CUSTOMERS = {"customer": pl.String, "since": pl.Datetime("us", "UTC"), "city": pl.String}
INPUTS = {"orders": ("shop.orders", ORDERS), "customers": ("shop.customers", CUSTOMERS)}


def features(orders: pl.LazyFrame, customers: pl.LazyFrame) -> pl.LazyFrame:
    """One row per order that was not made as a test."""
    late = orders.filter(pl.col("state") == "late").group_by("customer").agg(late=pl.len())
    seen = orders.select("customer", "at", seen="paid").sort("at")
    return (
        orders.filter(pl.col("note") != "test")
        .sort("at")
        .select(
            *("order", "customer", "at"),
            net=pl.col("paid") * 2 + 1,
            hour=pl.col("at").dt.hour(),
            spent=pl.col("paid").cum_sum().over("customer"),
            number=pl.int_range(1, pl.len() + 1),
            fixed=pl.lit(1),
        )
        .join(late, on="customer", how="left")
        .join(customers.rename({"since": "at"}), on="customer", how="left", suffix="_joined")
        .join_asof(
            seen,
            left_on="at",
            right_on="at",
            by="customer",
            strategy="backward",
            tolerance=timedelta(hours=3),
            allow_exact_matches=False,
        )
        .rename({"city": "town"})
    )


EXPECTED = {
    "order": "orders.order",
    "customer": "orders.customer",
    "at": "orders.at",
    "net": "orders.paid",
    "hour": "orders.at",
    # Which orders are added up, and in which order, counts; the note decides which rows there are.
    "spent": "orders.paid orders.customer orders.at orders.note",
    "number": "orders.at orders.note",
    "fixed": "",
    "late": "orders.customer orders.state",
    "at_joined": "customers.since customers.customer orders.customer",
    "town": "customers.city customers.customer orders.customer",
    "seen": "orders.paid orders.customer orders.at",
}


def told(lineage: Lineage) -> dict[str, set[str]]:
    """The lineage with columns as text; one that is not told fails the test."""
    assert not lineage.unknown
    return {name: {".".join(column) for column in made_of} for name, made_of in lineage.columns.items()}


def test_a_column_is_made_of_what_its_value_hangs_on() -> None:
    """Through filters, groups, windows and joins of two inputs: what goes into the value, and nothing else."""
    expected = {name: {f"shop.{one}" for one in made.split()} for name, made in EXPECTED.items()}
    assert told(lineage_of(features, INPUTS)) == expected


@pytest.mark.parametrize("changed", ["orders.paid", "orders.state", "customers.since", "customers.city"])
def test_what_is_not_named_has_no_part_in_the_value(changed: str) -> None:
    """With all values of a column of an input changed, just the columns that are made of it come out as others."""
    table, _, column = changed.partition(".")
    frames = {"orders": some_orders(), "customers": some_customers()}
    before = features(**frames).sort("order").collect()
    frames[table] = frames[table].with_columns(pl.col(column).reverse())
    after = features(**frames).sort("order").collect()
    differing = {name for name in before.columns if not before[name].equals(after[name])}
    assert differing == {
        name for name, made_of in told(lineage_of(features, INPUTS)).items() if f"shop.{changed}" in made_of
    }


def some_orders() -> pl.LazyFrame:
    """Forty orders of three customers, an hour apart, of which a part is late."""
    return pl.LazyFrame(
        {
            "order": range(40),
            "customer": [f"c{i % 3}" for i in range(40)],
            "at": [datetime(2026, 1, 1) + timedelta(hours=i) for i in range(40)],
            "paid": [float(i * i % 17) for i in range(40)],
            "state": ["late" if i % 7 < 2 or i < 6 else "done" for i in range(40)],
            "note": ["test" if i % 11 == 5 else "" for i in range(40)],
        }
    ).with_columns(pl.col("at").dt.replace_time_zone("UTC"))


def some_customers() -> pl.LazyFrame:
    """The three customers."""
    since = [datetime(2020 + i, 1, 1) for i in range(3)]
    customers = pl.LazyFrame(
        {"customer": ["c0", "c1", "c2"], "since": since, "city": ["Oslo", "Bergen", "Oslo 2"]}
    )
    return customers.with_columns(pl.col("since").dt.replace_time_zone("UTC"))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("inner", {"k": "a.k", "x": "a.x", "x_right": "b.x a.k b.k"}),
        ("left", {"k": "a.k", "x": "a.x", "x_right": "b.x a.k b.k"}),
        ("right", {"k": "b.k", "x": "a.x a.k b.k", "x_right": "b.x"}),
        ("full", {"k": "a.k b.k", "x": "a.x a.k b.k", "k_right": "a.k b.k", "x_right": "b.x a.k b.k"}),
        ("semi", {"k": "a.k", "x": "a.x"}),
        ("anti", {"k": "a.k", "x": "a.x"}),
    ],
)
def test_a_row_belongs_to_the_side_that_keeps_its_own(how: str, expected: dict[str, str]) -> None:
    """What stands beside it was found by the keys of both; equal names stay apart."""

    def joined(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        return a.join(b, on="k", how=how)  # type: ignore[arg-type]

    columns = {"k": pl.Int64, "x": pl.Float64}
    found = told(lineage_of(joined, {"a": ("d.a", columns), "b": ("d.b", columns)}))
    assert found == {name: {f"d.{one}" for one in made.split()} for name, made in expected.items()}


def test_parts_that_are_stacked_are_all_told() -> None:
    """Rows of two inputs below each other, and rows of one that is read twice."""

    def stacked(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        both = pl.concat([a, b.select("k", x=pl.col("y"))])
        return both.join(both.group_by("k").agg(most=pl.col("x").max()), on="k")

    inputs = {
        "a": ("d.a", {"k": pl.Int64, "x": pl.Float64}),
        "b": ("d.b", {"k": pl.Int64, "y": pl.Float64}),
    }
    assert told(lineage_of(stacked, inputs)) == {
        "k": {"d.a.k", "d.b.k"},
        "x": {"d.a.x", "d.b.y"},
        "most": {"d.a.k", "d.b.k", "d.a.x", "d.b.y"},
    }


def collects(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Leaves polars' plan before it returns."""
    return orders.collect().lazy()


def collects_in_secret(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Does so, and goes on where there is nothing."""
    try:
        return orders.with_columns(paid=pl.lit(orders.collect()["paid"].mean()))
    except Exception:
        return orders


def reads_a_file(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Looks something up that is no input."""
    return orders.join(pl.scan_csv(__file__, schema={"customer": pl.String}), on="customer")


@pytest.mark.parametrize(
    ("fn", "words"),
    [
        (collects, "its function reads the rows of shop.orders"),
        (collects_in_secret, "its function reads the rows of shop.orders"),
        (reads_a_file, "a step that cannot be followed: Scan"),
        (lambda orders: orders.map_batches(lambda rows: rows), "opaque python"),
        (lambda orders: orders.select(pl.col("paid").map_batches(lambda paid: paid)), "anonymousfunction"),
        (lambda orders: orders.with_row_index(), "a step that cannot be followed: MapFunction"),
        (
            lambda orders: orders.sort("at").group_by_dynamic("at", every="1h").agg(pl.len()),
            "windows of time",
        ),
        (lambda orders: orders.select("colour"), "ColumnNotFoundError"),
    ],
)
def test_what_cannot_be_followed_is_said(fn: Callable[..., pl.LazyFrame], words: str) -> None:
    """Where the plan does not say all there is no lineage at all, and the reason is told."""
    lineage = lineage_of(fn, {"orders": INPUTS["orders"]})
    assert words in lineage.unknown
    assert lineage.columns == {}


def test_a_plan_in_a_form_that_is_not_known_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another polars may write its plans in another way: no lineage then, rather than a wrong one."""
    monkeypatch.setattr("mesh_pipelines.features.column_lineage.PLAN_VERSION", 0)
    assert "a form that is not known here" in lineage_of(features, INPUTS).unknown


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    """The mesh of this project."""
    return load_mesh(ROOT)


def of_feature_set(mesh: Mesh, key: str) -> dict[str, set[str]]:
    """The lineage of a feature set of this project, with its inputs as their contracts promise them."""
    node, inputs = mesh.nodes[key], {}
    for given in node.inputs:
        contract = mesh.nodes[given.key].contract
        assert contract is not None
        inputs[given.argument] = (given.key, contract.dtypes)
    assert node.declaration is not None
    assert node.declaration.fn is not None
    return told(lineage_of(node.declaration.fn, inputs))


@pytest.mark.parametrize(
    ("key", "column", "expected"),
    [
        ("weather.visibility_features", "issued_at", "weather.observations: available_at"),
        ("weather.visibility_features", "spread_f", "weather.observations: temperature_f dew_point_f"),
        (
            "weather.visibility_features",
            "visibility_elsewhere_mi",
            "weather.observations: visibility_mi origin observed_at",
        ),
        ("fleet.flying_features", "air_hours_per_day_7d", "fleet.utilisation: air_hours tailnum day"),
        ("fleet.flying_features", "seats", "fleet.aircraft: seats tailnum; fleet.utilisation: tailnum"),
        ("operations.departure_features", "distance_mi", "operations.departures: distance_mi"),
        ("operations.departure_features", "delayed", "operations.departures: departure_delay_min"),
        (
            "operations.departure_features",
            "origin_1h_late",
            "operations.departures: departure_delay_min departed_at scheduled_departure origin",
        ),
        (
            "operations.departure_features",
            "humidity_pct",
            "operations.departures: scheduled_departure origin; weather.observations: humidity_pct available_at origin",
        ),
        (
            "operations.departure_features",
            "aircraft_seats",
            "fleet.aircraft: seats tailnum; operations.departures: tailnum",
        ),
    ],
)
def test_features_of_this_mesh(mesh: Mesh, key: str, column: str, expected: str) -> None:
    """What a person finds by reading the functions."""
    by_table = [part.split(": ") for part in expected.split("; ")]
    columns = {f"{table}.{name}" for table, names in by_table for name in names.split()}
    assert of_feature_set(mesh, key)[column] == columns


def test_predictions_are_made_of_columns_that_there_are(mesh: Mesh) -> None:
    """Whatever a contract names as the origin of a column is a column of that table, feature sets included."""
    asked = 0
    for node in mesh.nodes.values():
        if node.contract is None or node.stage in ("source", "model", "champion"):
            continue
        for origin in {origin for column in node.contract.columns for origin in column.sources}:
            owner, asset, *column = origin.split(".", 2)
            of = mesh.nodes[f"{owner}.{asset}"]
            if not column:  # named as a whole
                assert of.stage in ("features", "champion"), (node.key, origin)
                continue
            there = of.contract.dtypes if of.contract else of_feature_set(mesh, of.key)
            assert column[0] in there, (node.key, origin)
            asked += of.stage == "features"
    assert asked > 10
