"""The slices of a model that are called by their value: those of public columns."""

from __future__ import annotations

from collections.abc import Mapping

from mesh_pipelines.declaring.declarations import FeatureSetDeclaration
from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.declaring.slice_labels import SliceLabels
from mesh_pipelines.features.column_lineage import lineage_of
from mesh_pipelines.publishing.recorded import hush, is_public
from mesh_pipelines.shared import SharedResources


def with_slice_labels(spec: ModelSpec, nodes: Mapping[str, Node], shared: SharedResources) -> ModelSpec:
    """The spec of a model that calls a slice by its value only where its column is made of public ones alone."""
    published = shared.record(spec.features)
    if not spec.slices or published is None:
        return spec
    public = frozenset(spec.slices)
    if not is_public(shared, published):
        public = _made_of_public_columns(nodes[spec.features], shared)
    domain, _, name = spec.features.partition(".")
    key = shared.lake.keyring.data_key(domain, name, "internal").secret
    return spec.labelled(SliceLabels(public, key))


def _made_of_public_columns(features: Node, shared: SharedResources) -> frozenset[str]:
    """Columns of a feature set whose every origin is public, as far as its plan says."""
    declared = features.declaration
    read = {given.argument: (given.key, shared.record(given.key)) for given in features.inputs}
    if not isinstance(declared, FeatureSetDeclaration) or declared.fn is None:
        return frozenset()
    known = {argument: (key, record) for argument, (key, record) in read.items() if record is not None}
    if len(known) < len(read):
        return frozenset()
    with hush(False):  # it runs the domain's function, on frames without rows
        lineage = lineage_of(
            declared.fn, {argument: (key, record.schema) for argument, (key, record) in known.items()}
        )
    classes = {key: record.classification for key, record in known.values()}
    return frozenset(
        name
        for name, origins in lineage.columns.items()
        if origins and all(classes[key].get(column) == "public" for key, column in origins)
    )
