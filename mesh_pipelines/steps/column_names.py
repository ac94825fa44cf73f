"""Refuses a feature set with columns that are named by classified data: names of columns are kept in clear."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from mesh_pipelines.declaring.declarations import FeatureSetDeclaration
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import TransformError
from mesh_pipelines.features.without_rows import call_without_rows
from mesh_pipelines.publishing.candidate import as_rows
from mesh_pipelines.publishing.read import Read
from mesh_pipelines.publishing.recorded import hush, quotes
from resources.lake.lake import Lake


def refuse_names_of_data(node: Node, rows: pl.LazyFrame, lake: Lake, reads: Mapping[str, Read]) -> None:
    """Refuse columns that the function makes only where there are rows, as a pivot or dummies do.

    A function that cannot be called without rows is not judged. Products have the columns of their contract.

    Raises:
        TransformError: with the number of such columns.
    """
    declared = node.declaration
    if not isinstance(declared, FeatureSetDeclaration) or declared.fn is None or quotes(node):
        return
    inputs = {i.argument: (i.key, lake.record(i.key, reads[i.key].version).schema) for i in node.inputs}
    with hush(False):
        called = call_without_rows(declared.fn, inputs)
    if called.error is not None or not called.collected:
        return
    planned = set(as_rows(called.value, node.key).collect_schema())
    named = [name for name in rows.collect_schema() if name not in planned]
    if named:
        raise TransformError(
            f"{len(named)} of its columns are named by the rows, and names are kept in clear",
            where=node.key,
            remedy="list the values in the function, and make a column of each: "
            '`[(pl.col("kind") == one).alias(f"is_{one}") for one in KINDS]`',
        )
