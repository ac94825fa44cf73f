"""The mesh as it stands: what is published, which model is in use, and one asset's card; read off lake and registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mesh_pipelines.declaring.load import Node
from mesh_pipelines.declaring.mesh import Mesh, load_mesh
from mesh_pipelines.errors import NotPublished, SelectionError, TrackingUnavailable
from mesh_pipelines.orchestration.pages import in_time
from mesh_pipelines.planning.lag import Lags
from mesh_pipelines.planning.lookup import facts_of, registry_exists
from mesh_pipelines.reporting.reports import (
    Card,
    Lag,
    MeshState,
    ModelState,
    ModelVersionState,
    ProductState,
    Section,
    Table,
)
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import Platform, platform
from resources.lake.publication import Publication

if TYPE_CHECKING:
    from mesh_pipelines.modeling.registry import ModelVersion

PRODUCTS = ("product", "predictions")


def read_state(keys: Sequence[str] | None = None, *, mesh: Mesh | None = None) -> MeshState:
    """Products and models as they stand.

    Args:
        keys: only these; by default all of them.
        mesh: a mesh that has been loaded already.

    Raises:
        SelectionError: a key is no product or model of the mesh.
    """
    from mesh_pipelines.orchestration.run import project_root

    whole = mesh or load_mesh(project_root())
    shared = platform()
    chosen = [whole.node(key) for key in keys] if keys else list(whole.nodes.values())
    for node in chosen:
        if keys and node.stage not in (*PRODUCTS, "model"):
            raise SelectionError(
                f"{node.key} is a {node.stage}, no product or model", remedy=f"its card: mesh show {node.key}"
            )
    facts = facts_of(whole, shared, instance=lambda: dagster_instance(shared))
    asked = whole.select([node.key for node in chosen]) if chosen else ()
    products = [node for node in chosen if node.stage in PRODUCTS]
    try:
        lags = Lags.at(asked, facts, datetime.now(UTC))
        models = tuple(_model(node, shared, lags) for node in chosen if node.stage == "model")
        return MeshState(tuple(_product(node, shared, lags) for node in products), models)
    except TrackingUnavailable as error:
        # What is published is the lake's to say, and whether a model stands in its way nobody can say now.
        sure = [node for node in asked if node.stage in ("source", "product")]
        lags = Lags.at(
            [node for node in sure if not _hangs_on_a_model(node, whole)], facts, datetime.now(UTC)
        )
        unknown = Lag(behind=("unknown: MLflow does not answer",))
        states = (
            replace(
                _product(node, shared, lags), **({"lag": unknown} if _hangs_on_a_model(node, whole) else {})
            )
            for node in products
        )
        return MeshState(tuple(states), trouble=error)


def _hangs_on_a_model(node: Node, mesh: Mesh) -> bool:
    return node.stage in ("model", "champion", "predictions") or any(
        _hangs_on_a_model(mesh.nodes[given.key], mesh) for given in node.inputs if given.key in mesh.nodes
    )


def describe(key: str, version: int | None = None) -> Card:
    """One asset's card.

    Args:
        key: ``domain.name``.
        version: a past version of it; by default the newest, or of a model the champion.

    Raises:
        SelectionError: nothing in the mesh has that key.
        NotPublished: there is no such version.
    """
    from mesh_pipelines.orchestration.run import project_root

    whole = load_mesh(project_root())
    node = whole.node(key)
    shared = platform()
    if node.stage in ("model", "champion"):
        return _model_card(node, whole, shared, version)
    return _table_card(node, whole, shared, version)


def _product(node: Node, shared: Platform, lags: Lags) -> ProductState:
    record = lags.facts.of(node.key)
    if record is None:
        return ProductState(node.key, lag=lags.of(node))
    results = record.info.get("outcome", {}).get("results", ())
    return ProductState(
        key=node.key,
        version=record.version,
        rows=record.rows,
        quarantined=quarantined_rows(node, shared),
        contract_version=record.contract_version or "",
        published_at=record.published_at,
        data_version=record.data_version,
        uri=shared.lake.uri(node.key),
        checks_passed=sum(bool(result["passed"]) for result in results),
        checks_total=len(results),
        lag=lags.of(node),
    )


def quarantined_rows(node: Node, shared: Platform, then: Publication | None = None) -> int:
    """Rows that are in a product's quarantine.

    Args:
        node: the product.
        shared: the platform.
        then: a past version of it, for the rows that were there beside that one; by default those of now.
    """
    from mesh_pipelines.publishing.publish import QUARANTINE

    if then is None:
        refused = shared.record(node.key + QUARANTINE)
        return refused.rows if refused else 0
    if not shared.lake.exists(node.key + QUARANTINE):
        return 0
    # A publish commits its quarantine first.
    before = [q for q in shared.lake.history(node.key + QUARANTINE) if q.published_at <= then.published_at]
    return max(before, key=lambda q: q.version).rows if before else 0


def _model(node: Node, shared: Platform, lags: Lags) -> ModelState:
    key = node.key
    if not registry_exists(shared):
        return ModelState(key, lag=lags.of(node))
    registry = shared.registry
    versions = registry.versions(key)
    champion = registry.champion(key)
    latest = versions[-1] if versions else None
    challenger = latest if latest and (champion is None or latest.version > champion.version) else None
    used = _version_state(champion)
    lag = lags.of(node, champion.data_until if champion else "", used.trained_at if used else None)
    return ModelState(key, used, _version_state(challenger), lag)


def _version_state(found: ModelVersion | None) -> ModelVersionState | None:
    if found is None:
        return None
    inputs = {
        key: int(given["version"]) for key, given in found.inputs.items() if given["version"] is not None
    }
    return ModelVersionState(
        version=found.version,
        metrics=found.metrics,
        baseline=found.baseline,
        trained_at=datetime.fromisoformat(found.trained_at) if found.trained_at else None,
        inputs=inputs,
        reason=gate_in_short(found),
        sha256=found.sha256,
    )


def gate_in_short(version: ModelVersion) -> str:
    """The gate's decision in one line: what failed, or how much passed."""
    lines = version.reason.splitlines()
    if version.gate == "shadow" and lines:
        return lines[0]
    failed = [line.removeprefix("FAILED ") for line in lines if line.startswith("FAILED")]
    if failed:
        return "refused: " + "; ".join(failed)
    return f"passed {len(lines)} of {len(lines)} checks" if lines else ""


def _table_card(node: Node, mesh: Mesh, shared: Platform, version: int | None) -> Card:
    record = shared.lake.record(node.key, version) if version is not None else shared.record(node.key)
    contract = node.contract
    sections: list[Section] = []
    tables: list[Table] = []
    if contract:
        facts = [
            ("contract", f"{contract.id} {contract.version} ({contract.status})"),
            ("purpose", contract.purpose),
            ("grain", contract.grain),
            ("key", ", ".join(contract.key)),
            ("use", contract.usage),
            ("limits", contract.limitations),
            *in_time(contract).items(),
            ("may refuse", f"{contract.tolerance:.2%} of the rows"),
            ("help", "; ".join(given.url or given.channel for given in contract.support)),
        ]
        sections.append(Section("Promise", [(name, text) for name, text in facts if text]))
        tables.append(
            Table(
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
    if record and record.info.get("outcome"):
        sections.append(_audit_section(record.info["outcome"]))
        failed = [r for r in record.info["outcome"]["results"] if r["failed"]]
        if failed:
            rows = [
                (r["rule"], f"{r['failed']:,}", f"{r['checked']:,}", "held" if r["passed"] else "broken")
                for r in failed
            ]
            tables.append(Table("Rules that rows broke", ("rule", "rows", "of", "verdict"), rows))
    readers = [
        (n.key, next(i.port.purpose if i.port else "own domain" for i in n.inputs if i.key == node.key))
        for n in mesh.nodes.values()
        if any(i.key == node.key for i in n.inputs)
    ]
    if readers:
        tables.append(Table("Read by", ("asset", "purpose"), readers))
    title = node.key if version is None else f"{node.key}@{version}"
    summary = (node.declaration.doc if node.declaration else "") or (contract.description if contract else "")
    return Card(title, node.stage, summary.split("\n\n")[0], sections, tables)


def _published_section(record: Publication | None, node: Node, shared: Platform, *, past: bool) -> Section:
    if record is None:
        return Section("Published", [("version", "none yet"), ("next", f"mesh run {node.key}")])
    facts = [
        ("version", str(record.version)),
        ("rows", f"{record.rows:,}"),
        ("quarantined", f"{quarantined_rows(node, shared, record if past else None):,}"),
        ("content", record.data_version),
        ("published", record.published_at.isoformat(timespec="seconds")),
        ("by run", str(record.info.get("run_id", ""))),
        ("code", record.code_version or ""),
        ("made from", ", ".join(f"{k}@{v['version']}" for k, v in (record.info.get("inputs") or {}).items())),
        ("where", shared.lake.uri(node.key)),
    ]
    return Section("Published", [(name, text) for name, text in facts if text])


def _audit_section(outcome: Mapping[str, Any]) -> Section:
    results = outcome["results"]
    held = sum(bool(r["passed"]) for r in results)
    return Section(
        "Last audit",
        [
            ("verdict", str(outcome["verdict"])),
            ("rules that held", f"{held} of {len(results)}"),
            ("rows audited", f"{outcome['rows']:,}"),
            ("rows refused", f"{outcome['quarantined']:,}"),
        ],
    )


def _model_card(node: Node, mesh: Mesh, shared: Platform, version: int | None) -> Card:
    key = node.key if node.stage == "model" else node.inputs[0].key
    if not registry_exists(shared):
        return Card(
            key, "model", "", [Section("Versions", [("trained", "none yet"), ("next", f"mesh run {key}")])]
        )
    registry = shared.registry
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
        Table("Metrics, out of time", ("metric", "model", "baseline"), metrics),
        Table("Versions", ("version", "trained", "gate", "reason"), versions),
    ]
    return Card(key if version is None else f"{key}@{version}", "model", "", sections, tables)
