"""A challenger in shadow is scored beside the champion on later rows, once each, and decided on after its period."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import Gate, ModelSpec
from mesh_pipelines.modeling.gate_decision import GateCheck, GateDecision
from mesh_pipelines.modeling.registry import Registry
from mesh_pipelines.modeling.shadow import SCORES, begin, compare, follow
from mesh_pipelines.modeling.training import TrainedModel
from mesh_pipelines.modeling.version import LoadedModel, ModelVersion
from mesh_pipelines.shared import SharedResources
from resources.lake.lake import Lake
from resources.settings import get_settings
from resources.tracking import Tracking
from tests.mesh_pipelines.modeling.logged import logged

PASSED = GateDecision(True, (GateCheck("floor_auc", True, 0.8, 0.6, "auc is 0.8"),), None, {}, 100)
STEP = timedelta(minutes=43)


@pytest.fixture
def careful(spec: ModelSpec, key: str) -> ModelSpec:
    """A model whose challengers wait two weeks in shadow."""
    return replace(spec, key=key, gate=Gate(floors={"auc": 0.6}, shadow="14d"))


def later(history: pl.DataFrame, days: int) -> pl.DataFrame:
    """History and the rows of that many days after it; some of their outcomes are not known."""
    first, last = history["at"].min(), history["at"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    rows = history.filter(pl.col("at") < first + timedelta(days=days))
    moved = rows.with_columns(pl.col("id") + history.height, pl.col("at") + (last - first + STEP))
    return pl.concat([history, moved])


def scores(rows: pl.DataFrame, label: str, score: float = 0.5) -> pl.DataFrame:
    """What a model said of rows: the same of each."""
    return rows.select("id", "at", model_version=pl.lit(label), score=pl.lit(score))


@pytest.fixture
def pair(trained: TrainedModel, registered: Callable[..., LoadedModel]) -> tuple[LoadedModel, LoadedModel]:
    """A challenger, version 2, and the champion, version 1."""
    return registered(trained, 2), registered(trained, 1)


def test_only_rows_after_both_were_trained_are_compared(
    careful: ModelSpec, history: pl.DataFrame, pair: tuple[LoadedModel, LoadedModel]
) -> None:
    """Those with an outcome that both scored; scores without an outcome wait."""
    frame = later(history, 7)
    new = frame.tail(frame.height - history.height)
    kept = pl.concat([scores(frame, "lateness@2"), scores(new.head(100), "lateness@1")])
    found = compare(careful, *pair, kept, frame.lazy())
    known = new.head(100).drop_nulls("late").height
    assert (found.rows, found.waiting) == (known, 100 - known)
    assert found.until == history["at"].max() + timedelta(days=14)  # type: ignore[operator]
    assert not found.over
    assert set(found.champion_metrics) == set(careful.metrics)


def test_a_champion_that_said_nothing_is_held_to_its_record(
    careful: ModelSpec, history: pl.DataFrame, pair: tuple[LoadedModel, LoadedModel]
) -> None:
    """It cannot read today's features; the challenger's rows count all the same."""
    frame = later(history, 7)
    found = compare(careful, *pair, scores(frame, "lateness@2"), frame.lazy())
    assert found.rows + found.waiting == frame.height - history.height
    assert found.champion_metrics == {}
    assert "when it was trained" in found.checks[0].text


def test_without_later_rows_nothing_is_compared(
    careful: ModelSpec, history: pl.DataFrame, pair: tuple[LoadedModel, LoadedModel]
) -> None:
    """Nothing has landed since, or nothing was scored."""
    for kept in (scores(history, "lateness@2"), scores(history.clear(), "lateness@2")):
        found = compare(careful, *pair, kept, history.lazy())
        assert (found.rows, found.waiting, found.reached, found.over) == (0, 0, None, False)


def test_a_slice_by_the_key_is_compared_too(
    careful: ModelSpec, history: pl.DataFrame, pair: tuple[LoadedModel, LoadedModel]
) -> None:
    """A column of the key is in the scores already."""
    by_port = replace(careful, entity=("id", "port"))
    frame = later(history, 7)
    kept = pl.concat([scores(frame, "lateness@2"), scores(frame, "lateness@1")]).with_columns(
        port=pl.lit("JFK")
    )
    found = compare(by_port, *pair, kept, frame.with_columns(port=pl.lit("JFK")).lazy())
    assert found.rows > 0
    assert any(check.name == "slice_port" for check in found.checks)


@pytest.fixture
def lake() -> Lake:
    """The lake of this test's home."""
    return SharedResources(get_settings()).lake


def test_both_are_scored_once_and_the_challenger_is_promoted_after_its_period(
    tracking: Tracking,
    registry: Registry,
    lake: Lake,
    careful: ModelSpec,
    history: pl.DataFrame,
    trained: TrainedModel,
    key: str,
) -> None:
    """Half of the period decides nothing; the same content is not scored again; then the gate's rules decide."""
    registry.promote(logged(tracking, careful, trained, key), who="ann", because="first")
    shadow = begin(registry, registry.read(logged(tracking, careful, trained, key)), PASSED, careful)
    assert (shadow.aliases, shadow.gate) == (("shadow",), "shadow")
    assert shadow.reason.startswith("in shadow until outcomes of 2013-07-13 are known")

    def after(days: int, content: str) -> ModelVersion:
        frame = later(history, days).lazy()
        return follow(registry, lake, careful, registry.version(key, 2), frame, content, who="the gate")

    half = later(history, 7).height - history.height
    for content in ("half", "half again"):
        waits = after(7, content)
        assert (waits.gate, waits.shadow_seen) == ("shadow", content)
        assert lake.record(key + SCORES).rows == 2 * half
    assert set(lake.record(key + SCORES).classification.values()) == {"internal", "public"}

    done = after(15, "whole")
    assert (done.gate, done.aliases, done.shadow_seen) == ("promoted", ("champion",), "whole")
    kept = lake.scan(key + SCORES).collect()
    assert kept.height == 2 * (later(history, 15).height - history.height)
    assert kept.select("id", "at", "model_version").is_unique().all()
    assert registry.history(key)[-1].who == "the gate"


def test_what_somebody_else_decided_ends_the_shadow(
    tracking: Tracking,
    registry: Registry,
    lake: Lake,
    careful: ModelSpec,
    history: pl.DataFrame,
    trained: TrainedModel,
    key: str,
) -> None:
    """A person made it the champion meanwhile: it is not scored, and not in shadow any more."""
    shadow = begin(registry, registry.read(logged(tracking, careful, trained, key)), PASSED, careful)
    registry.promote(shadow, who="ann", because="now")
    done = follow(registry, lake, careful, shadow, later(history, 7).lazy(), "content", who="the gate")
    assert (done.gate, done.shadow_seen) == ("promoted", "content")
    assert registry.in_shadow(key) is None
    assert not lake.exists(key + SCORES)
