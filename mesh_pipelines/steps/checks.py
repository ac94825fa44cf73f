"""Checks that are reported by the step of each asset."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_pipelines.declaring.declarations import ModelDeclaration
from mesh_pipelines.declaring.node import ChampionNode, Node, PredictionsNode
from mesh_pipelines.monitoring.checks import MONITOR_CHECKS
from quality.contract import Contract
from quality.rules import DataRule, rules_of


@dataclass(frozen=True)
class Check:
    """A check that an asset's own step reports on."""

    name: str
    description: str
    blocking: bool


CHAMPION_CHECKS = (
    Check("floors", "Each metric is at least as good as the floor that the domain set.", False),
    Check("beats_baseline", "Out of time it is better than the naive baseline.", False),
    Check("not_worse_than_champion", "On the same fresh rows it is not worse than today's champion.", False),
    Check("no_slice_left_behind", "No slice of the data falls behind by more than the domain allows.", False),
)
"""The checks of the gate. A challenger that fails is a normal outcome: the champion stays, so nothing is blocked."""

SHADOW_CHECK = Check(
    "held_in_shadow",
    "Scored beside today's champion on what happened after it was trained, it is not worse.",
    False,
)


def champion_checks(node: Node) -> tuple[Check, ...]:
    """Checks of the gate of one champion."""
    declared = node.declaration
    shadow = isinstance(declared, ModelDeclaration) and declared.gate.shadow
    return (*CHAMPION_CHECKS, SHADOW_CHECK) if shadow else CHAMPION_CHECKS


def contract_checks(contract: Contract) -> tuple[Check, ...]:
    """Checks that a product's step reports on: one per rule, and the two of the candidate as a whole."""
    own = tuple(Check(r.name, _rule_text(r), r.severity == "error") for r in rules_of(contract))
    return (
        Check("columns_conform", "The columns and their types are those of the contract.", True),
        Check("within_tolerance", f"At most {contract.tolerance:.2%} of the rows are quarantined.", True),
        *own,
    )


def _rule_text(rule: DataRule) -> str:
    allowed = f" Up to {rule.tolerance:.2%} of the rows may break it." if rule.tolerance else ""
    return f"{(rule.description or rule.name).rstrip('.')}.{allowed}"


def checks_to_run(node: Node) -> tuple[str, ...]:
    """Names of the checks that run when a node is made: its step's own, those of its model in use, hand-written ones.

    The rebuild of a model is left out: it costs another training, so it runs on request.
    """
    watching = MONITOR_CHECKS if isinstance(node, PredictionsNode) else ()
    by_hand = (check.name for check in node.checks)
    return (*(check.name for check in checks_of(node)), *watching, *by_hand)


def checks_of(node: Node) -> tuple[Check, ...]:
    """Checks that the step of a node reports on."""
    if node.promises and node.contract:
        return contract_checks(node.contract)
    return champion_checks(node) if isinstance(node, ChampionNode) else ()
