"""The step of each node, by its kind."""

from __future__ import annotations

from mesh_pipelines.declaring.node import (
    ChampionNode,
    LoadedDomain,
    ModelNode,
    Node,
    PredictionsNode,
    SourceNode,
)
from mesh_pipelines.steps.context import Produce
from mesh_pipelines.steps.source import source_step
from mesh_pipelines.steps.transform import handwritten_step, transform_step
from mesh_pipelines.steps.tries import note_failures


def produce(node: Node, domain: LoadedDomain) -> Produce:
    """The step of a node, which notes the content that it fails for."""
    if isinstance(node, SourceNode) and node.asset is None:
        return source_step(node)  # it notes each of its partitions
    return note_failures(node, domain, _step_of(node, domain))


def _step_of(node: Node, domain: LoadedDomain) -> Produce:
    """Modules that only models need are imported by the first step that needs them."""
    match node:
        case ModelNode():
            from mesh_pipelines.steps.model import training_step

            return training_step(node, domain)
        case ChampionNode():
            from mesh_pipelines.steps.champion import gate_step

            return gate_step(node, domain)
        case PredictionsNode():
            from mesh_pipelines.steps.predictions import prediction_step

            return prediction_step(node, domain)
        case _:
            return handwritten_step(node) if node.asset else transform_step(node)
