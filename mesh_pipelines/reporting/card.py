"""``mesh show``: one asset's card."""

from __future__ import annotations

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import Node, RegisteredNode
from mesh_pipelines.errors import NotPublished
from mesh_pipelines.governance.load_mesh import load_sound_mesh
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.orchestration.pages import promises_in_time
from mesh_pipelines.planning.lookup import registry_exists
from mesh_pipelines.publishing.record import Audit, PublishRecord
from mesh_pipelines.reporting.reports import (
    Card,
    ReportTable,
    Section,
)
from mesh_pipelines.reporting.status import quarantined_rows
from mesh_pipelines.shared import SharedResources, shared_resources
from resources.lake.publication import Publication


def describe(key: str, version: int | None = None) -> Card:
    """One asset's card.

    Args:
        key: ``domain.name``.
        version: a past version of it; by default the newest, or of a model the champion.

    Raises:
        SelectionError: nothing in the mesh has that key.
        NotPublished: there is no such version.
    """
    from mesh_pipelines.governance.load_mesh import project_root

    whole = load_sound_mesh(project_root())
    node = whole.node(key)
    shared = shared_resources()
    if isinstance(node, RegisteredNode):
        return _model_card(node, whole, shared, version)
    return _table_card(node, whole, shared, version)


def _table_card(node: Node, mesh: Mesh, shared: SharedResources, version: int | None) -> Card:
    record = shared.lake.record(node.key, version) if version is not None else shared.record(node.key)
    contract = node.contract
    sections: list[Section] = []
    tables: list[ReportTable] = []
    if contract:
        fields = [
            ("contract", f"{contract.id} {contract.version} ({contract.status})"),
            ("purpose", contract.purpose),
            ("grain", contract.grain),
            ("key", ", ".join(contract.key)),
            ("use", contract.usage),
            ("limits", contract.limitations),
            *promises_in_time(contract).items(),
            ("may refuse", f"{contract.tolerance:.2%} of the rows"),
            ("help", "; ".join(given.url or given.channel for given in contract.support)),
        ]
        sections.append(Section("Promise", [(name, text) for name, text in fields if text]))
        tables.append(
            ReportTable(
                "Columns",
                ("column", "type", "class", "meaning"),
                [
                    (c.name, c.logical_type + ("" if c.required else "?"), c.classification, c.description)
                    for c in contract.columns
                ],
            )
        )
    profile = mesh.domains[node.domain].profile
    members = ", ".join(contract.members) if contract and contract.members else profile.contact
    sections.append(Section("Owner", [("team", profile.owner), ("contact", members)]))
    sections.append(_published_section(record, node, shared, past=version is not None))
    audit = PublishRecord.of(record).audit
    if audit:
        sections.append(_audit_section(audit))
        failed = [count for count in audit.rules if count.failed]
        if failed:
            rows = [
                (r.rule, f"{r.failed:,}", f"{r.checked:,}", "held" if r.passed else "broken") for r in failed
            ]
            tables.append(ReportTable("Rules that rows broke", ("rule", "rows", "of", "verdict"), rows))
    readers = [
        (n.key, next(i.port.purpose if i.port else "own domain" for i in n.inputs if i.key == node.key))
        for n in mesh.nodes.values()
        if any(i.key == node.key for i in n.inputs)
    ]
    if readers:
        tables.append(ReportTable("Read by", ("asset", "purpose"), readers))
    title = node.key if version is None else f"{node.key}@{version}"
    summary = (node.declaration.doc if node.declaration else "") or (contract.description if contract else "")
    return Card(title, node.stage, summary.split("\n\n")[0], sections, tables)


def _published_section(
    record: Publication | None, node: Node, shared: SharedResources, *, past: bool
) -> Section:
    if record is None:
        return Section("Published", [("version", "none yet"), ("next", f"mesh run {node.key}")])
    made = PublishRecord.of(record)
    fields = [
        ("version", str(record.version)),
        ("rows", f"{record.rows:,}"),
        ("quarantined", f"{quarantined_rows(node, shared, record if past else None):,}"),
        ("content", record.data_version),
        ("published", record.published_at.isoformat(timespec="seconds")),
        ("by run", made.run_id),
        ("code", made.code_version),
        ("made from", ", ".join(f"{key}@{read.version}" for key, read in made.inputs.items())),
        *made.notes.items(),
        ("where", shared.lake.uri(node.key)),
    ]
    return Section("Published", [(name, text) for name, text in fields if text])


def _audit_section(audit: Audit) -> Section:
    held = sum(count.passed for count in audit.rules)
    return Section(
        "Last audit",
        [
            ("verdict", audit.verdict),
            ("rules that held", f"{held} of {len(audit.rules)}"),
            ("rows audited", f"{audit.rows:,}"),
            ("rows refused", f"{audit.quarantined:,}"),
        ],
    )


def _model_card(node: RegisteredNode, mesh: Mesh, shared: SharedResources, version: int | None) -> Card:
    key = node.model_key
    if not registry_exists(shared):
        return Card(
            key, "model", "", [Section("Versions", [("trained", "none yet"), ("next", f"mesh run {key}")])]
        )
    registry = registry_of(shared)
    champion = registry.champion(key)
    versions = registry.versions(key)
    chosen = (
        registry.version(key, version)
        if version is not None
        else champion or (versions[-1] if versions else None)
    )
    if chosen is None:
        raise NotPublished("no version of it was ever trained", where=key, remedy=f"mesh run {key}")
    profile = mesh.domains[node.domain].profile
    record = registry.read(chosen).record
    standing = "champion" if champion and champion.version == chosen.version else "not in use"
    sections = [
        Section(
            "Version",
            [
                ("version", f"{chosen.version} ({standing})"),
                ("trained", chosen.trained_at),
                ("gate", chosen.reason or "not decided yet"),
                ("model.ubj", chosen.sha256),
                ("trained on", f"{record.split.train_rows:,} rows until {record.split.train_until}"),
                ("judged on", f"{record.split.holdout_rows:,} rows until {record.split.holdout_until}"),
            ],
        ),
        Section("Owner", [("team", profile.owner), ("contact", profile.contact)]),
        Section(
            "Inputs",
            [
                (given.key, f"version {given.version}, content {given.data_version[:12]}")
                for given in (record.features, *record.inputs)
            ],
        ),
    ]
    metrics = [
        (name, f"{value:.4f}", f"{chosen.baseline.get(name, float('nan')):.4f}")
        for name, value in sorted(chosen.metrics.items())
    ]
    versions = [
        (str(v.version), v.trained_at, v.gate, v.reason.splitlines()[0] if v.reason else "") for v in versions
    ]
    tables = [
        ReportTable("Metrics, out of time", ("metric", "model", "baseline"), metrics),
        ReportTable("Versions", ("version", "trained", "gate", "reason"), versions),
    ]
    return Card(key if version is None else f"{key}@{version}", "model", "", sections, tables)
