"""Columns of a feature set on its page: published types and origins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from mesh_pipelines.dagster_names import asset_key
from mesh_pipelines.declaring.declarations import FeatureSetDeclaration
from mesh_pipelines.declaring.node import PARTITION, Node
from mesh_pipelines.features.column_lineage import lineage_of
from mesh_pipelines.publishing.read import Read

if TYPE_CHECKING:
    from resources.lake.lake import Lake


def column_schema(node: Node, lake: Lake, reads: Mapping[str, Read], version: int) -> dict[str, Any]:
    """Dagster metadata of a feature set's columns; other assets have theirs from the contract."""
    declared = node.declaration
    if not isinstance(declared, FeatureSetDeclaration) or declared.fn is None:
        return {}
    made = lake.record(node.key, version)
    names = [name for name in made.schema if name != PARTITION]
    columns = [
        dg.TableColumn(
            name, type=_type_name(made.schema[name]), tags={"classification": made.classification[name]}
        )
        for name in names
    ]
    lineage = lineage_of(
        declared.fn,
        {i.argument: (i.key, lake.record(i.key, reads[i.key].version).schema) for i in node.inputs},
    )
    if lineage.unknown:
        lineage_metadata = {"column lineage": f"not known: {lineage.unknown}"}
    else:
        deps = {
            name: [dg.TableColumnDep(asset_key(key), column) for key, column in sorted(made_of)]
            for name, made_of in lineage.columns.items()
        }
        lineage_metadata = {"dagster/column_lineage": dg.TableColumnLineage(deps)}
    return {"dagster/column_schema": dg.TableSchema(columns=columns), **lineage_metadata}


def _type_name(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Datetime):
        return f"timestamp ({dtype.time_zone or 'no time zone'})"
    return "Enum" if isinstance(dtype, pl.Enum) else str(dtype)
