"""A contract as a card in markdown: what an asset's page in the Dagster UI says about its promise."""

from __future__ import annotations

from datetime import timedelta

from mesh_pipelines.loading import Node
from mesh_pipelines.profile import Profile


def describe(node: Node, profile: Profile) -> str:
    """The description of an asset, in markdown.

    Args:
        node: what the asset is.
        profile: its domain.
    """
    own = node.declaration.doc if node.declaration else ""
    contract = node.contract
    if contract is None or node.stage in ("model", "champion"):
        lead = {
            "model": f"Challengers for `{node.key}`: each run trains one version, logged and registered in MLflow.",
            "champion": "The version in use. It changes only when a challenger passes the gate, or by a person's word.",
        }.get(node.stage, "")
        return "\n\n".join(part for part in (own, lead) if part) or f"`{node.key}`"
    lines = [own or contract.description or contract.purpose]
    if contract.purpose and contract.purpose not in lines[0]:
        lines.append(f"**Purpose.** {contract.purpose}")
    if contract.limitations:
        lines.append(f"**Limits.** {contract.limitations}")
    facts = [
        ("contract", f"`{contract.id}` version {contract.version}, {contract.status}"),
        ("grain", contract.grain),
        ("key", ", ".join(f"`{name}`" for name in contract.key)),
        ("owner", f"{contract.team or profile.owner} ({', '.join(contract.members) or profile.contact})"),
        ("fresh within", _span(contract.sla.freshness)),
        ("kept for", _span(contract.sla.retention)),
        (
            "may refuse",
            f"up to {contract.tolerance:.1%} of the rows, to quarantine" if contract.tolerance else "no row",
        ),
        ("read by", "; ".join(f"{a.consumer} for {a.purpose}" for a in contract.agreements)),
    ]
    table = ["| promise | |", "|---|---|", *(f"| {name} | {text} |" for name, text in facts if text)]
    columns = ["| column | type | class | |", "|---|---|---|---|"]
    columns += [
        f"| `{c.name}` | {c.logical_type}{_optional(c.required)} | {c.classification} | {c.description} |"
        for c in contract.columns
    ]
    return "\n\n".join([*(line for line in lines if line), "\n".join(table), "\n".join(columns)])


def _optional(required: bool) -> str:
    return "" if required else ", may be empty"


def _span(span: timedelta | None) -> str:
    if span is None:
        return ""
    if span >= timedelta(days=2):
        return f"{span.days} days"
    hours = span.total_seconds() / 3600
    return f"{hours:g} hours"
