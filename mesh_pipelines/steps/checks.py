"""Checks that are reported by the step of each asset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mesh_pipelines.declaring.declarations import ModelDeclaration
from mesh_pipelines.declaring.node import ChampionNode, Node, PredictionsNode
from mesh_pipelines.monitoring.checks import MONITOR_CHECKS
from mesh_pipelines.publishing.quarantine import COLUMNS_PROMISE, tolerance_promise
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


GROUPED = 100
"""Rules of one kind and severity beyond which they are one check: Dagster takes milliseconds for each."""


def contract_checks(contract: Contract) -> tuple[Check, ...]:
    """Checks that a product's step reports on: its rules, and the two of the candidate as a whole."""
    rules = rules_of(contract)
    groups = grouped(rules)
    own = {
        name: Check(name, _text(name, members), members[0].severity == "error")
        for name, members in groups.items()
    }
    return (
        Check("columns_conform", COLUMNS_PROMISE, True),
        Check("within_tolerance", tolerance_promise(contract), True),
        *own.values(),
    )


def grouped(rules: Sequence[DataRule]) -> dict[str, list[DataRule]]:
    """Rules by the name of their check: each its own, but for many of one kind and severity, which share one."""
    kinds = Counter((rule.kind, rule.severity) for rule in rules)
    taken = {rule.name for rule in rules}
    found: dict[str, list[DataRule]] = {}
    for rule in rules:
        name = rule.name
        if kinds[rule.kind, rule.severity] > GROUPED:
            name = f"every_{rule.kind}" + ("_warning" if rule.severity == "warning" else "")
            name += "_" * (name in taken)
        found.setdefault(name, []).append(rule)
    return found


def _text(name: str, rules: Sequence[DataRule]) -> str:
    return (
        _rule_text(rules[0]) if rules[0].name == name else f"All {len(rules):,} rules of their kind are kept."
    )


def _rule_text(rule: DataRule) -> str:
    allowed = f" Up to {rule.tolerance:.2%} of the rows may break it." if rule.tolerance else ""
    return f"{(rule.description or rule.name).rstrip('.')}.{allowed}"


def checks_to_run(node: Node) -> tuple[str, ...]:
    """Names of the checks that run when a node is made; the rebuild of a model costs a training and runs on request."""
    watching = MONITOR_CHECKS if isinstance(node, PredictionsNode) else ()
    by_hand = (check.name for check in node.checks)
    return (*(check.name for check in checks_of(node)), *watching, *by_hand)


def checks_of(node: Node) -> tuple[Check, ...]:
    """Checks that the step of a node reports on."""
    if node.promises and node.contract:
        return contract_checks(node.contract)
    return champion_checks(node) if isinstance(node, ChampionNode) else ()
