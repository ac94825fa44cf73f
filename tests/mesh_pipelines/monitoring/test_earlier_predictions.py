"""Predictions are kept until their outcome is known: each once for each version, encrypted as those published."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.modeling.scoring import MODEL_VERSION
from mesh_pipelines.monitoring.earlier_predictions import (
    EARLIER_PREDICTIONS,
    earlier_predictions,
    keep_predictions,
)
from resources.keys.keyring import Keyring
from resources.lake.lake import Lake

KEY = "shop.forecast"
COLUMNS = ["id", MODEL_VERSION, "score"]
CLASSES = {"id": "public", MODEL_VERSION: "public", "score": "confidential", "another": "restricted"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(str(tmp_path / "lake"), Keyring(tmp_path / "keys"))


def rows(version: str, *ids: int, score: float = 0.5) -> pl.DataFrame:
    """Predictions of one version."""
    return pl.DataFrame(
        {"id": list(ids), MODEL_VERSION: [version] * len(ids), "score": [score] * len(ids)},
        schema={"id": pl.Int64, MODEL_VERSION: pl.String, "score": pl.Float64},
    )


def keep(lake: Lake, given: pl.DataFrame) -> None:
    """Keep predictions as a look does: beside what is known by then."""
    keep_predictions(lake, KEY, given, earlier_predictions(lake, KEY, COLUMNS), CLASSES)


def kept(lake: Lake) -> list[tuple[object, ...]]:
    """All that is kept."""
    found = earlier_predictions(lake, KEY, COLUMNS)
    assert found is not None
    return found.sort("id", MODEL_VERSION).rows()


def test_before_the_first_look_nothing_is_kept(lake: Lake) -> None:
    """Where no prediction waits for its outcome, no table is made."""
    assert earlier_predictions(lake, KEY, COLUMNS) is None
    keep(lake, rows("delay@1"))
    assert not lake.exists(KEY + EARLIER_PREDICTIONS)


def test_a_version_says_each_row_once(lake: Lake) -> None:
    """What it says of a row again, or otherwise, changes nothing; another version is kept beside it."""
    keep(lake, rows("delay@1", 1, 2))
    keep(lake, rows("delay@1", 2, 3, score=0.9))
    keep(lake, rows("delay@2", 1, score=0.7))
    assert kept(lake) == [
        (1, "delay@1", 0.5), (1, "delay@2", 0.7), (2, "delay@1", 0.5), (3, "delay@1", 0.9),
    ]  # fmt: skip
    version = lake.version(KEY + EARLIER_PREDICTIONS)
    keep(lake, rows("delay@2", 1, score=0.8))
    assert lake.version(KEY + EARLIER_PREDICTIONS) == version, "nothing new writes no version"


def test_what_is_kept_has_the_class_of_what_was_published(lake: Lake) -> None:
    """Of its own columns, and of no other."""
    keep(lake, rows("delay@1", 1))
    record = lake.record(KEY + EARLIER_PREDICTIONS)
    assert record.classification == {name: CLASSES[name] for name in COLUMNS}
    assert record.info == {"of": KEY}


def test_predictions_of_other_columns_begin_anew(lake: Lake) -> None:
    """A product whose key or score has another name: the earlier ones cannot be joined with it."""
    keep(lake, rows("delay@1", 1))
    assert earlier_predictions(lake, KEY, ["number", MODEL_VERSION, "score"]) is None
    assert earlier_predictions(lake, KEY, [*COLUMNS, "more"]) is None
    assert earlier_predictions(lake, KEY, COLUMNS[::-1]) is not None, "the order is of no account"
