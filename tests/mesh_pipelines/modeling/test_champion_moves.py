"""A pin keeps the champion, whatever the gate decides."""

from __future__ import annotations

import pytest

from mesh_pipelines.errors import GateRefused
from mesh_pipelines.modeling.champion_moves import (
    AliasMove,
    GateOutcome,
    gate_outcome,
    is_refused_for_pin,
    refuse_while_pinned,
)
from mesh_pipelines.modeling.gate_decision import GateCheck, GateDecision

PIN = AliasMove("2013-01-01T00:00:00+00:00", "pin", 3, 3, "audit", "under review")
PASSED = GateDecision(True, (GateCheck("floor_auc", True, 0.8, 0.7, "auc is 0.8"),), None, {}, 100)
FAILED = GateDecision(False, (GateCheck("floor_auc", False, 0.6, 0.7, "auc is 0.6"),), None, {}, 100)


def test_without_a_pin_the_decision_is_the_outcome() -> None:
    """Promoted or refused, with the decision's own lines."""
    assert gate_outcome(PASSED, None) == GateOutcome(True, "passed floor_auc: auc is 0.8")
    assert gate_outcome(FAILED, None) == GateOutcome(False, "FAILED floor_auc: auc is 0.6")


def test_a_version_that_passed_is_refused_for_the_pin_alone() -> None:
    """Its reason names the pin first; the gate looks at it again after the pin."""
    outcome = gate_outcome(PASSED, PIN)
    first, second = outcome.reason.splitlines()
    assert not outcome.promoted
    assert first == "FAILED pinned: the champion is pinned to version 3 by audit: under review"
    assert second == "passed floor_auc: auc is 0.8"
    assert is_refused_for_pin("refused", outcome.reason)
    assert not is_refused_for_pin("promoted", outcome.reason)


def test_a_version_that_failed_is_refused_for_its_failure() -> None:
    """A pin changes nothing for it, so it is not judged again after the pin."""
    outcome = gate_outcome(FAILED, PIN)
    assert outcome == gate_outcome(FAILED, None)
    assert not is_refused_for_pin("refused", outcome.reason)


def test_a_move_is_refused_while_pinned() -> None:
    """With the person who pinned it and the reason given."""
    refuse_while_pinned("shop.demand", None)
    with pytest.raises(GateRefused, match="version 3 by audit: under review") as refused:
        refuse_while_pinned("shop.demand", PIN)
    assert refused.value.where == "model shop.demand"
