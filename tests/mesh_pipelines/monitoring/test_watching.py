"""A look at a model in use: the bounds, the months compared, and the partitions that hold a month."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mesh_pipelines.declaring.declarations import ModelDeclaration
from mesh_pipelines.declaring.node import ModelNode, PredictionsNode
from mesh_pipelines.declaring.reader import Reader
from mesh_pipelines.declaring.watch import Watch
from mesh_pipelines.governance.load_mesh import load_mesh
from mesh_pipelines.monitoring import watching
from mesh_pipelines.monitoring.earlier_predictions import EARLIER_PREDICTIONS
from mesh_pipelines.monitoring.watching import Live, Snapshot
from mesh_pipelines.orchestration import model_requests
from mesh_pipelines.shared import SharedResources, shared_resources
from mesh_pipelines.testing import workspace
from resources.lake.digest import ContentDigest
from resources.lake.publication import Publication
from tests.mesh_pipelines.machines_go_on import KEY, brought_up, turn

ANN = Reader("person", "ann")
WATCH = Watch(min_rows=200, max_metric_drop=0.1)


def test_a_model_without_bounds_has_the_usual_ones() -> None:
    """What ``model(..., watch=...)`` was given counts; without it the defaults do."""
    assert watching.watch_of(ModelNode("d", "m", declaration=ModelDeclaration())) == Watch()
    declared = ModelDeclaration(options={"watch": WATCH})
    assert watching.watch_of(ModelNode("d", "m", declaration=declared)) == WATCH


def record(*partitions: str, by: str | None = "_partition") -> Publication:
    """A published table with these partitions."""
    return Publication(
        key="d.forecast",
        version=0,
        data_version="",
        rows=1,
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
        schema={},
        classification={},
        partition_by=by,
        gathered=False,
        partitions={name: ContentDigest.from_hex("0" * 64, 1) for name in partitions},
        layouts={},
        publish_id="",
        token="",
        info={},
    )


@pytest.mark.parametrize(
    ("month", "names"),
    [
        ("2013-02", ["2013-01", "2013-02", "2013-03"]),
        ("2012-12", ["2012-12", "2013-01"]),
        ("2013-05", []),
        ("2014-01", ["2013-12"]),
    ],
)
def test_a_months_rows_lie_in_it_or_beside_it(month: str, names: list[str]) -> None:
    """In another time zone a month begins some hours earlier or later, at the turn of a year as well."""
    made = record("2013-12", "2013-03", "2013-01", "2012-12", "2013-02")
    assert watching._neighbouring_partitions(month, made) == names


def test_other_partitions_than_months_are_all_read() -> None:
    """Days, years and a table without partitions: nothing is known of where a month's rows are."""
    assert watching._neighbouring_partitions("2013-01", record("2013-01-01", "2013-01-02")) is None
    assert watching._neighbouring_partitions("2013-01", record("2013-01", "2013")) is None
    assert watching._neighbouring_partitions("2013-01", record("", by=None)) is None
    assert watching._neighbouring_partitions("2013-01", record()) == []


def newest(rows: dict[str, int], min_rows: int) -> tuple[str, ...]:
    """The months that a look compares, where it needs so many rows."""
    nothing: Any = None
    shared = SharedResources(nothing)
    seen = Snapshot(shared, nothing, nothing, Watch(min_rows=min_rows), nothing, nothing, nothing, nothing)
    return seen._newest(rows)


@pytest.mark.parametrize(
    ("rows", "min_rows", "months"),
    [
        ({}, 100, ()),
        ({"2013-01": 0}, 100, ()),
        ({"2013-01": 500, "2013-02": 100}, 100, ("2013-02",)),
        ({"2013-01": 500, "2013-02": 99}, 100, ("2013-01", "2013-02")),
        ({"2013-01": 500, "2013-02": 0, "2013-03": 5}, 100, ("2013-01", "2013-03")),
        ({"2013-01": 5, "2012-12": 5}, 100, ("2012-12", "2013-01")),
    ],
)
def test_the_newest_months_are_as_many_as_it_takes(
    rows: dict[str, int], min_rows: int, months: tuple[str, ...]
) -> None:
    """The newest of all may just have begun; a month without rows is none; where all are too few, all are taken."""
    assert newest(rows, min_rows) == months


def test_predictions_without_an_outcome_are_kept_apart() -> None:
    """An outcome that is missing, or no number, is not known; a row that nobody predicted is left out."""
    made = pl.LazyFrame({"id": pl.Series([1, 2, 3], dtype=pl.Int32), "score": [0.1, 0.2, 0.3]})
    happened = pl.LazyFrame({"id": [1, 2, 3, 4], "late": [1.0, None, math.nan, None]})
    waiting = watching._without_outcome(made, happened, ["id"], "late").collect()
    assert waiting.sort("id").rows() == [(2, 0.2), (3, 0.3)]


def seen_live() -> tuple[pl.DataFrame, Live]:
    """All predictions, and how good they turned out to be."""
    mesh = load_mesh(Path.cwd())
    forecast = mesh.node("machines.repair_forecast")
    assert isinstance(forecast, PredictionsNode)
    look = Snapshot.at(shared_resources(), forecast, mesh.domains["machines"])
    assert look is not None
    return shared_resources().lake.scan("machines.repair_forecast").collect(), look.live()


@pytest.mark.slow
def test_what_was_said_before_the_outcome_was_known_is_judged_when_it_comes(own_machines: Path) -> None:
    """Of the newest day nobody knows yet who needs repair: it is predicted, waits, and is judged as tomorrow lands."""
    folder = own_machines / "domains" / "machines"
    features = folder / "features.py"
    tomorrow = 'ordered.with_columns(*week, repaired=pl.col("repaired").shift(-1).over("machine"))'
    features.write_text(features.read_text().replace("ordered.with_columns(*week)", tomorrow))
    with workspace(own_machines):
        brought_up()
        model_requests.pin(KEY, "the same model is to be watched", by=ANN)
        first, live = seen_live()
        assert (live.waiting, first["day"].max()) == (12, date(2026, 3, 31))
        turn(own_machines, 1)
        brought_up()
        second, later = seen_live()
        assert later.waiting == 12, "now it is the next day that is not known yet"
        kept = second.join(first, on=["machine", "day"], suffix="_then")
        assert kept.height == first.height
        assert kept["probability"].equals(kept["probability_then"], check_names=False)
        assert kept["model_version"].equals(kept["model_version_then"], check_names=False)

        def judged(found: Live) -> int:
            return sum(entry.rows for entry in found.all if not entry.column)

        assert judged(later) == judged(live) + 12

        # A new champion says it anew; what the one before it had said then is judged all the same.
        model_requests.unpin(KEY, "seen enough", by=ANN)
        model_requests.promote(KEY, 3, "its turn", by=ANN)
        brought_up()
        third, newest = seen_live()
        assert third.filter(pl.col("day") > date(2026, 3, 30))["model_version"].unique().to_list() == [
            "repair@3"
        ]
        mine = [entry for entry in newest.all if entry.model_version == "repair@2" and not entry.column]
        standing = third.filter(pl.col("model_version") == "repair@2").height
        assert sum(entry.rows for entry in mine) == standing + 12
        assert (
            shared_resources().lake.record("machines.repair_forecast" + EARLIER_PREDICTIONS).rows == 24 + 12
        )
