"""Writes domains of a few lines into a workspace of a test's own."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal

import yaml

from mesh_pipelines.declaring.load import load_domain
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import LoadedDomain, Node, ProductNode
from mesh_pipelines.governance.lint import lint_domain, lint_mesh
from mesh_pipelines.governance.load_mesh import load_mesh, load_sound_mesh
from quality.contract import Contract, load_contract

PHYSICAL = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
}
PROFILE: dict[str, Any] = {"owner": "a team", "contact": "team@mesh.example", "description": "A few rows."}
DEFINITIONS = '''\
"""A domain."""

from mesh_pipelines import domain

defs = domain(__package__)
'''
IMPORTS = """\
from typing import Annotated

import polars as pl

from mesh_pipelines import Gate, Port, data_product, feature_set, model, predictions, source
"""


def promise(
    domain: str,
    name: str,
    columns: Mapping[str, str | Mapping[str, Any]],
    *,
    key: Sequence[str] = (),
    tolerance: float = 0,
    partitions: str = "",
    until: str = "",
    agreements: Mapping[str, tuple[str, str]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A complete contract.

    Args:
        domain: the owner.
        name: the product.
        columns: logical type by column, or the column's fields in full.
        key: columns that identify a row; the first one by default.
        tolerance: percent of rows that may be quarantined.
        partitions: the first month, where it is cut by month; a column ``month`` is the partition column.
        until: the last month, where there is one.
        agreements: purpose and last day by consumer.
        more: further fields of the contract.
    """
    keyed = tuple(key) or (next(iter(columns)),)
    properties: list[dict[str, Any]] = []
    for column, given in columns.items():
        fields = {"logicalType": given} if isinstance(given, str) else dict(given)
        fields = {
            "name": column,
            "physicalType": PHYSICAL[fields["logicalType"]],
            "description": f"The {column}.",
            "classification": "public",
        } | fields
        if column in keyed:
            fields |= {"required": True, "primaryKey": True, "primaryKeyPosition": keyed.index(column) + 1}
        if partitions and column == "month":
            fields |= {"partitioned": True, "required": True}
        properties.append(fields)
    custom: list[dict[str, Any]] = [{"property": "tolerance", "value": tolerance}]
    if partitions:
        cut = {"every": "month", "since": partitions, **({"until": until} if until else {})}
        custom.append({"property": "partitions", "value": cut})
    roles = [
        {
            "role": consumer,
            "access": "read",
            "customProperties": [
                {"property": "purpose", "value": purpose},
                {"property": "until", "value": until},
            ],
        }
        for consumer, (purpose, until) in (agreements or {}).items()
    ]
    times = {"freshness": (7, "d"), "frequency": (1, "d"), "retention": (3, "y"), "latency": (1, "d")}
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": f"{domain}-{name}",
        "name": name,
        "version": "1.0.0",
        "status": "active",
        "domain": domain,
        "dataProduct": name,
        "description": {"purpose": f"To try {name}.", "usage": "In tests.", "limitations": "Made up."},
        "schema": [
            {
                "name": name,
                "physicalType": "table",
                "logicalType": "object",
                "description": f"Rows of {name}.",
                "dataGranularityDescription": "one row a key",
                "properties": properties,
                "quality": [
                    {
                        "name": "has_rows",
                        "metric": "rowCount",
                        "mustBeGreaterThan": 0,
                        "dimension": "coverage",
                        "description": "There is a row.",
                    }
                ],
            }
        ],
        "slaProperties": [{"property": p, "value": v, "unit": u} for p, (v, u) in times.items()],
        "team": {"name": "a team", "members": [{"username": "team@mesh.example", "role": "owner"}]},
        "support": [{"channel": "team@mesh.example", "tool": "email", "scope": "issues"}],
        "servers": [{"server": "lake", "type": "custom", "description": "The lake."}],
        "customProperties": custom,
        **({"roles": roles} if roles else {}),
        **more,
    }


def read_promise(
    folder: Path, document: Mapping[str, Any], stage: Literal["source", "product"] = "product"
) -> Contract:
    """A contract as the platform reads it, by way of a file."""
    return load_contract(write_promise(folder, document), stage=stage)


def write_promise(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write a contract where a domain has it."""
    file = folder / f"{document['schema'][0]['name']}.odcs.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(dict(document), sort_keys=False), encoding="utf-8")
    return file


@dataclass(frozen=True)
class World:
    """A workspace to write domains into.

    Args:
        root: its folder.
        landing: where files land.
    """

    root: Path
    landing: Path

    def write(
        self,
        name: str,
        *promises: Mapping[str, Any],
        profile: Mapping[str, Any] | None = PROFILE,
        package: str = "",
        **modules: str,
    ) -> str:
        """Write a domain and its line in ``workspace.yaml``.

        Args:
            name: its folder.
            promises: its contracts.
            profile: its ``domain.yaml``, none where it is missing.
            package: the package that holds it, by default ``domains``.
            modules: text of each module by its name; what a domain imports usually is there already.

        Returns:
            The domain's package.
        """
        package = package or "domains"
        folder = self.root / package / name
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "contracts").mkdir(parents=True)
        (self.root / package / "__init__.py").touch()
        if profile is not None:
            (folder / "domain.yaml").write_text(yaml.safe_dump(dict(profile)), encoding="utf-8")
        for module, text in {"__init__": "", "definitions": DEFINITIONS, **modules}.items():
            head = "" if module in ("__init__", "definitions") else IMPORTS
            (folder / f"{module}.py").write_text(head + dedent(text), encoding="utf-8")
        (folder / "README.md").write_text(f"# {name}\n", encoding="utf-8")
        for document in promises:
            write_promise(folder / "contracts", document)
        file = self.root / "workspace.yaml"
        entries = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("load_from") or []
        entry = {"module_name": f"{package}.{name}.definitions", "location_name": f"{name}"}
        if not any(known["python_module"] == entry for known in entries):
            entries.append({"python_module": entry})
        file.write_text(yaml.safe_dump({"load_from": entries}), encoding="utf-8")
        return f"{package}.{name}"

    def land(self, domain: str, file: str, text: str) -> Path:
        """Let a file land."""
        path = self.landing / domain / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, package: str) -> LoadedDomain:
        """Load a domain that was written."""
        return load_domain(package)

    def mesh(self) -> Mesh:
        """Load the workspace."""
        return load_mesh(self.root)

    def sound_names(self) -> tuple[str, ...]:
        """Names of the sound domains of the workspace."""
        self.forget()
        return tuple(load_sound_mesh(self.root).domains)

    def forget(self) -> None:
        """Forget what Python has loaded of the domains, as a process that starts does."""
        for name in [name for name in sys.modules if name.startswith("domains.")]:
            del sys.modules[name]
        importlib.invalidate_caches()

    def sound(self, domain: str) -> LoadedDomain:
        """A domain of the sound part of the workspace."""
        return load_sound_mesh(self.root).domains[domain]

    def faults(self, package: str) -> dict[str, list[str]]:
        """Problem and fix of every violation of one domain, by rule."""
        return by_rule(lint_domain(self.load(package)))

    def faults_between(self, *packages: str) -> dict[str, list[str]]:
        """Problem and fix of every violation between domains, by rule."""
        from datetime import UTC, datetime

        return by_rule(lint_mesh([self.load(package) for package in packages], datetime.now(UTC).date()))


def by_rule(violations: Sequence[Any]) -> dict[str, list[str]]:
    """Problem and fix of violations, by rule."""
    found: dict[str, list[str]] = {}
    for violation in violations:
        assert violation.where
        assert violation.fix
        found.setdefault(violation.rule, []).append(f"{violation.problem} -> {violation.fix}")
    return found


def product(contract: Contract, **more: Any) -> Node:
    """A product's node, as if a domain had declared it."""
    return ProductNode(contract.domain, contract.name, contract=contract, code_version="code", **more)
