"""The page of an asset in the Dagster UI, in markdown: a contract as a card, a model as a card.

Dagster shows columns and their classification from the column schema. Column origins are written here, since the
open source UI keeps column lineage but does not draw it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from mesh_pipelines.declaring.declarations import (
    FeatureSetDeclaration,
    ModelDeclaration,
)
from mesh_pipelines.declaring.domain_profile import DomainProfile
from mesh_pipelines.declaring.model_spec import Gate
from mesh_pipelines.declaring.node import CHAMPION, ChampionNode, ModelNode, Node, PredictionsNode
from quality.contract import Contract

# From here on a docstring speaks to those who read the code (Google style), not to those who use the product.
_FOR_PROGRAMMERS = re.compile(r"^(Args|Arguments|Returns|Raises|Yields|Example|Examples):\s*$", re.MULTILINE)


def describe(node: Node, profile: DomainProfile) -> str:
    """The description of an asset, in markdown."""
    own = prose(node.declaration.doc) if node.declaration else ""
    if isinstance(node, ModelNode):
        return _model_card(node)
    if isinstance(node, ChampionNode):
        return _champion_card(node)
    if node.contract is None:
        return _join(own or f"`{node.key}`", _feature_card(node))
    lead = own or node.contract.description or node.contract.purpose
    card = _contract_card(node, node.contract, profile)
    return _join(lead, *_about(node.contract, lead), card, _origins(node.contract))


def prose(docstring: str) -> str:
    """The part of a docstring that is about the thing itself, without the sections on arguments and errors."""
    return _FOR_PROGRAMMERS.split(docstring, maxsplit=1)[0].strip()


def _about(contract: Contract, lead: str) -> Iterable[str]:
    if contract.purpose and contract.purpose not in lead:
        yield f"**Purpose.** {contract.purpose}"
    if contract.usage:
        yield f"**Use.** {contract.usage}"
    if contract.limitations:
        yield f"**Limits.** {contract.limitations}"


def _contract_card(node: Node, contract: Contract, profile: DomainProfile) -> str:
    people = ", ".join(contract.members) or profile.contact
    scored_by = f"the champion of `{node.model_key}`" if isinstance(node, PredictionsNode) else ""
    refused = f"up to {contract.tolerance:.1%} of the rows, to quarantine" if contract.tolerance else "no row"
    return _table(
        "promise",
        {
            "contract": f"`{node.key}` {contract.version}, {contract.status}",
            "grain": contract.grain,
            "key": _names(contract.key),
            "one part a": f"{contract.partition.every}, {contract.partition.span}"
            if contract.partition
            else "",
            "scored by": scored_by,
            "owner": f"{contract.team or profile.owner} ({people})",
            **promises_in_time(contract),
            "may refuse": refused,
            "read by": "; ".join(f"{a.consumer}, for {a.purpose}" for a in contract.agreements),
            "help": "; ".join(given.url or given.channel for given in contract.support),
        },
    )


def _origins(contract: Contract) -> str:
    made = {f"`{column.name}`": _names(column.sources) for column in contract.columns}
    return _table("column", made, "made from") if any(made.values()) else ""


def _feature_card(node: Node) -> str:
    declared = node.declaration
    if not isinstance(declared, FeatureSetDeclaration):
        return ""
    ports = (
        f"`{read.key}`, for {read.port.purpose}" if read.port else f"`{read.key}`" for read in node.inputs
    )
    return _table(
        "features",
        {"known at": f"`{declared.time}`", "a row is": _names(declared.key), "made from": "; ".join(ports)},
    )


def _model_card(node: ModelNode) -> str:
    declared = node.declared
    given: Mapping[str, Any] = declared.options
    baseline = given.get("baseline", ())
    naive = (
        f"the historic mean by {_names(baseline)}" if isinstance(baseline, tuple) else "a function of its own"
    )
    card = _table(
        "model",
        {
            "learns from": f"`{node.features_key}`",
            "predicts": f"`{given.get('target', '')}`",
            "objective": f"`{given.get('objective', '')}`, {given.get('rounds', '')} rounds of XGBoost, "
            f"seed {given.get('seed', 0)}",
            "judged by": f"`{given.get('metric', '')}` on the last {given.get('holdout', '')}, not trained on",
            "naive baseline": naive,
            "also judged by": _names(given.get("slices", ())),
            "never sees": _names(given.get("ignore", ())),
        },
    )
    how = (
        "Each run trains one version: a challenger, logged and registered in MLflow with the record from which "
        f"it can be made again. The gate of `{node.key}{CHAMPION}` decides whether it is used."
    )
    lead = f"Predicts `{given.get('target', '')}` from `{node.features_key}`."
    return _join(str(given.get("description", "")) or lead, how, card)


def _champion_card(node: ChampionNode) -> str:
    lead = (
        f"The version of `{node.model_key}` in use. "
        "It changes when a challenger passes the gate, or by a person's word."
    )
    declared = node.declaration
    gate = declared.gate if isinstance(declared, ModelDeclaration) else Gate()
    floors = "; ".join(f"`{metric}` {bound:g}" for metric, bound in gate.floors.items())
    return _join(
        lead,
        _table(
            "gate",
            {
                "floors": floors,
                "naive baseline": "has to be beaten" if gate.must_beat_baseline else "",
                "today's champion": f"at most {gate.margin:g} worse on the same rows",
                "shadow": f"{gate.shadow} beside the champion on what happens next" if gate.shadow else "",
                "slices": f"at most {gate.slice_margin:g} worse, each of {gate.min_slice_rows} rows or more",
            },
        ),
    )


def _table(title: str, fields: Mapping[str, str], header: str = "") -> str:
    rows = (f"| {name} | {_cell(text)} |" for name, text in fields.items() if text)
    return "\n".join([f"| {title} | {header} |", "|---|---|", *rows])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _join(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def promises_in_time(contract: Contract) -> Mapping[str, str]:
    """Promises of a contract in time, in words; empty where it has none."""
    sla = contract.sla
    return {
        "new rows every": span(sla.frequency),
        "ready within": span(sla.latency),
        "fresh within": span(sla.freshness),
        "kept for": span(sla.retention),
    }


def span(span: timedelta | None) -> str:
    """A length of time in words; empty for none."""
    if span is None:
        return ""
    for days, unit in ((365, "year"), (1, "day")):
        if span % timedelta(days=days) == timedelta(0):
            return _count(span // timedelta(days=days), unit)
    hours = span.total_seconds() / 3600
    return f"{hours:g} hours" if hours >= 1 else f"{span.total_seconds() / 60:g} minutes"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
