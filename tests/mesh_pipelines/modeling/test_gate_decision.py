"""The gate's decision, as it is kept in the registry and shown to people."""

from __future__ import annotations

import json

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.modeling.gate_decision import GateCheck, GateDecision
from mesh_pipelines.modeling.promotion import bring_to_gate
from mesh_pipelines.modeling.training import TrainedModel

FLOOR = GateCheck("floor_auc", True, 0.8, 0.7, "auc is 0.8")
SLICE = GateCheck("slice_ort", False, None, None, "no slice of Köln|Bonn has rows\nat all")
BASE = GateCheck("beats_baseline", False, 0.5, 0.6, "auc is 0.5")


def test_a_decision_is_plain_json(spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel) -> None:
    """A decision can be kept beside the version, every check in it."""
    content = json.loads(bring_to_gate(trained, None, history.lazy(), spec).to_json())
    assert content["promote"] is True
    assert {"name", "passed", "value", "bound", "text"} == set(content["reasons"][0])


@pytest.mark.parametrize(
    "decision",
    [
        GateDecision(True, (), None, {}, 0),
        GateDecision(False, (FLOOR, SLICE, BASE), "delay@1", {"auc": 0.1 + 0.2, "logloss": 1e-17}, 6_000),
    ],
)
def test_a_decision_survives_json(decision: GateDecision) -> None:
    """To the last digit, in any letters, without a champion and with one."""
    assert GateDecision.from_json(decision.to_json()) == decision


def test_a_decision_without_a_format_number_is_read() -> None:
    """As earlier versions wrote it; fields that later ones may add are not asked for."""
    decision = GateDecision(True, (FLOOR,), "delay@1", {"auc": 0.8}, 5)
    kept = json.loads(decision.to_json())
    assert kept.pop("format") == 1
    assert GateDecision.from_json(json.dumps(kept)) == decision


def test_failed_checks_are_shown_first() -> None:
    """Each side in the order in which it was judged; nothing judged is an empty text."""
    assert [
        line.split(":")[0]
        for line in GateDecision(False, (FLOOR, BASE, SLICE), None, {}, 1).text.splitlines()
    ] == [
        "FAILED beats_baseline",
        "FAILED slice_ort",
        "at all",
        "passed floor_auc",
    ]
    assert GateDecision(True, (), None, {}, 0).text == ""
