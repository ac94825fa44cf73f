"""Builds the Dagster asset of a node: one step, stamped with the federation's tags, owners, kinds and columns.

Declared and hand-written assets are made by the same function, so all of them pass the same audit.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from mesh_pipelines.dagster_names import (
    CLASSIFICATION,
    DOMAIN,
    PRIORITY,
    PURPOSE,
    STAGE,
    asset_key,
    dotted,
    op_name,
)
from mesh_pipelines.declaring.declarations import Input, ProductDeclaration
from mesh_pipelines.declaring.node import (
    ChampionNode,
    FeatureSetNode,
    LoadedDomain,
    ModelNode,
    Node,
    PredictionsNode,
    ProductNode,
    SourceNode,
)
from mesh_pipelines.orchestration.pages import describe
from mesh_pipelines.runtime.dagster_yaml import TRAINING
from mesh_pipelines.steps.checks import Check
from mesh_pipelines.steps.context import Produce
from quality.contract import Contract, Partition, next_partition

# Code references, freshness and data versions are marked beta in Dagster; the version is pinned to a minor release.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

GROUPS: Mapping[type[Node], str] = {
    SourceNode: "sources",
    ProductNode: "products",
    FeatureSetNode: "features",
    ModelNode: "models",
    ChampionNode: "champions",
    PredictionsNode: "predictions",
}
DAGSTER_KINDS: Mapping[type[Node], set[str]] = {
    SourceNode: {"polars", "pandera", "deltalake"},
    ProductNode: {"polars", "pandera", "greatexpectations"},
    FeatureSetNode: {"polars", "deltalake"},
    ModelNode: {"xgboost", "mlflow"},
    ChampionNode: {"mlflow"},
    PredictionsNode: {"xgboost", "pandera", "greatexpectations"},
}
_SENSITIVITY = ("public", "internal", "confidential", "restricted")


def build_asset(
    node: Node, domain: LoadedDomain, produce: Produce, checks: Sequence[Check]
) -> dg.AssetsDefinition:
    """Build the Dagster asset of a node."""
    key = asset_key(node.key)
    output = "result"
    written = node.asset.node_def if node.asset else None
    specs = {f"check_{check.name}": _check_spec(check, key) for check in checks}
    step = dg.OpDefinition(
        compute_fn=_compute_function(produce, node, domain),
        name=op_name(node.key),
        ins=_inputs(node),
        outs={
            output: dg.Out(is_required=False, io_manager_key="io_manager"),
            **{name: dg.Out(dg.Nothing, is_required=False) for name in specs},
        },
        required_resource_keys={"io_manager", *(written.required_resource_keys if written else ())},
        description=node.declaration.doc if node.declaration else None,
        config_schema=written.config_schema if written else None,
        pool=written.pool if written else TRAINING if isinstance(node, ModelNode) else None,
        tags={STAGE: node.stage},
    )
    return dg.AssetsDefinition(
        keys_by_input_name={i.argument: asset_key(i.key) for i in node.inputs}
        if not written
        else {name: _qualify(k, node.domain) for name, k in node.asset.node_keys_by_input_name.items()},
        keys_by_output_name={output: key},
        node_def=step,
        backfill_policy=dg.BackfillPolicy.single_run() if node.partitioned else None,
        specs=[_spec(node, domain, key)],
        check_specs_by_output_name=specs,
        resource_defs=dict(node.asset.resource_defs) if node.asset else None,
    )


def stubs(domain: LoadedDomain) -> list[dg.AssetSpec]:
    """Specs of what this domain reads and does not make, so that its own location shows the whole lineage.

    These are products of other domains, and assets of its own that were left out for a broken rule.
    """
    by_checks = (
        _qualify(key, domain.name)
        for extra in domain.extras
        if isinstance(extra, dg.AssetChecksDefinition)
        for key in extra.node_keys_by_input_name.values()
    )
    read = {given.key for node in domain.nodes.values() for given in node.inputs} | set(
        map(dotted, by_checks)
    )
    foreign = (key for key in read if key not in domain.by_key)
    return [dg.AssetSpec(asset_key(key)) for key in sorted(foreign)]


def partitions_of(contract: Contract | None) -> dg.PartitionsDefinition | None:
    """Dagster's partitions of a contract that is cut by time."""
    cut: Partition | None = contract.partition if contract else None
    if cut is None:
        return None
    # Dagster's end is the first one that is not there; in the last year of its calendar there is none.
    end = next_partition(cut.until) if cut.until and not cut.until.startswith("9999") else None
    if cut.every == "day":
        return dg.DailyPartitionsDefinition(start_date=cut.since, end_date=end)
    if cut.every == "year":
        return dg.TimeWindowPartitionsDefinition(
            start=cut.since, end=end, fmt="%Y", cron_schedule="0 0 1 1 *"
        )
    return dg.MonthlyPartitionsDefinition(start_date=cut.since, end_date=end, fmt="%Y-%m")


def _compute_function(produce: Produce, node: Node, domain: LoadedDomain) -> Produce:
    """The step, whose errors may be recorded; its annotations are types, which Dagster reads, and not text."""

    def compute(context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        from mesh_pipelines.publishing.recorded import recordable_results

        yield from recordable_results(
            context, lambda: produce(context, inputs), node.key, node, domain.folder
        )

    compute.__annotations__["context"] = dg.AssetExecutionContext
    return compute


def _check_spec(check: Check, key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(check.name, asset=key, description=check.description, blocking=check.blocking)


def _inputs(node: Node) -> dict[str, dg.In]:
    if node.asset is None:
        return {i.argument: _input(i) for i in node.inputs}
    ports = {asset_key(i.key): i.port for i in node.inputs if i.port}
    keys = {name: _qualify(key, node.domain) for name, key in node.asset.node_keys_by_input_name.items()}
    found: dict[str, dg.In] = {}
    for name, given in node.asset.node_def.ins.items():
        port = ports.get(keys[name])
        metadata = {**(given.metadata or {}), **({PURPOSE: port.purpose} if port else {})}
        found[name] = dg.In(given.dagster_type, metadata=metadata, input_manager_key=given.input_manager_key)
    return found


def _input(wanted: Input) -> dg.In:
    if wanted.registered:
        return dg.In(dg.Nothing)
    metadata = {PURPOSE: wanted.port.purpose} if wanted.port else None
    return dg.In(input_manager_key="io_manager", metadata=metadata)


def _qualify(key: dg.AssetKey, domain: str) -> dg.AssetKey:
    return key if len(key.path) > 1 else dg.AssetKey([domain, *key.path])


def _spec(node: Node, domain: LoadedDomain, key: dg.AssetKey) -> dg.AssetSpec:
    profile = domain.profile
    tags = {DOMAIN: domain.name, STAGE: node.stage, PRIORITY: str(profile.priority)}
    metadata: dict[str, Any] = {}
    freshness = None
    if node.contract:
        freshness = node.contract.sla.freshness
        tags[CLASSIFICATION] = max(
            node.contract.classification.values(), key=_SENSITIVITY.index, default="public"
        )
        metadata |= _contract_metadata(node.contract)
    reference = _code_reference(node)
    if reference:
        metadata["dagster/code_references"] = reference
    kinds = set(DAGSTER_KINDS[type(node)])
    if isinstance(node.declaration, ProductDeclaration) and node.declaration.uses_sql:
        kinds = {"duckdb", "pandera", "greatexpectations"}
    given = next(iter(node.asset.specs)) if node.asset else None
    return dg.AssetSpec(
        key=key,
        deps=[asset_key(i.key) for i in node.inputs],
        description=(given.description if given and given.description else None) or describe(node, profile),
        metadata={**(dict(given.metadata) if given else {}), **metadata},
        group_name=f"{domain.name}_{GROUPS[type(node)]}",  # equal names would merge across locations
        code_version=node.version_of_code,
        owners=_owners(profile.owner, profile.contact),
        tags={**(_own_tags(given) if given else {}), **tags},
        kinds=_kinds(kinds, set(given.kinds) if given else set()),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=freshness) if freshness else None,
        partitions_def=partitions_of(node.contract) if node.partitioned else None,
        automation_condition=given.automation_condition if given else None,
    )


def _own_tags(spec: dg.AssetSpec) -> dict[str, str]:
    """Tags that were written by hand, without kinds, which are set anew."""
    return {name: value for name, value in spec.tags.items() if not name.startswith("dagster/kind/")}


def _kinds(usual: set[str], own: set[str]) -> set[str]:
    """At most three kinds, Dagster's limit: the auditing engines before what else the author named."""
    return set([*sorted(usual), *sorted(own - usual)][:3])


def _owners(team: str, contact: str) -> list[str]:
    named = "".join(ch if ch.isalnum() else "_" for ch in team.lower()).strip("_")
    return [*([f"team:{named}"] if named else []), *([contact] if "@" in contact else [])]


def _contract_metadata(contract: Contract) -> dict[str, Any]:
    columns = [
        dg.TableColumn(
            c.name,
            type="timestamp (UTC)" if c.logical_type == "timestamp" else c.logical_type,
            description=c.description,
            constraints=dg.TableColumnConstraints(
                nullable=not c.required,
                unique=c.unique or contract.key == (c.name,),
            ),
            tags={"classification": c.classification},
        )
        for c in contract.columns
    ]
    lineage = {
        c.name: [
            dg.TableColumnDep(asset_key(".".join(s.split(".")[:2])), s.split(".", 2)[2]) for s in c.sources
        ]
        for c in contract.columns
        if c.sources and all(s.count(".") >= 2 for s in c.sources)
    }
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        **({"dagster/column_lineage": dg.TableColumnLineage(lineage)} if lineage else {}),
        "contract": f"{contract.id} {contract.version}",
        "contract file": dg.MetadataValue.text("/".join(contract.path.parts[-4:])),
    }


def _code_reference(node: Node) -> dg.CodeReferencesMetadataValue | None:
    found = [_reference(str(node.file), node.line, node.name)] if node.file else []
    if node.contract:
        found.append(_reference(str(node.contract.path), 1, "contract"))
    return dg.CodeReferencesMetadataValue(code_references=list(found)) if found else None


def _reference(file: str, line: int, label: str) -> dg.LocalFileCodeReference:
    return dg.LocalFileCodeReference(file_path=str(Path(file)), line_number=line, label=label)
