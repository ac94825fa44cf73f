"""Moves of the champion's alias, and the pin that forbids them: pure decisions, which the registry stores."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_pipelines.errors import GateRefused
from mesh_pipelines.modeling.gate_decision import GateDecision

PINNED = "FAILED pinned"
"""Prefix of the reason of a version that passed, and was refused because the champion is pinned."""


@dataclass(frozen=True)
class AliasMove:
    """One move of the champion alias, by a person or by the gate in a Dagster run.

    ``to`` is None where an alias was not moved (``pin``, ``unpin``), ``before`` for the first champion.
    """

    at: str
    action: str
    to: int | None
    before: int | None
    who: str
    because: str


@dataclass(frozen=True)
class GateOutcome:
    """The consequence of the gate's decision for a version: promoted or refused, with the reason in lines."""

    promoted: bool
    reason: str


def gate_outcome(decision: GateDecision, pinned: AliasMove | None) -> GateOutcome:
    """The outcome of a decision: a version that passed is refused all the same while the champion is pinned."""
    if decision.promote and pinned is not None:
        return GateOutcome(False, f"{PINNED}: {_pinned_to(pinned)}\n{decision.text}")
    return GateOutcome(decision.promote, decision.text)


def refuse_while_pinned(key: str, pinned: AliasMove | None) -> None:
    """Let the champion of a model be moved, unless it is pinned. Raises GateRefused: it is pinned."""
    if pinned is not None:
        raise GateRefused(
            _pinned_to(pinned), where=f"model {key}", remedy="Unpin it first, if its owner agrees."
        )


def is_refused_for_pin(gate: str, reason: str) -> bool:
    """True if a version passed the gate and only the pin kept it from being promoted."""
    return gate == "refused" and reason.startswith(PINNED)


def _pinned_to(pinned: AliasMove) -> str:
    return f"the champion is pinned to version {pinned.to} by {pinned.who}: {pinned.because}"
