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


def produce(node: Node, domain: LoadedDomain) -> Produce:
    """The step of a node. Modules that only models need are imported by the first step that needs them."""
    match node:
        case SourceNode() if node.asset is None:
            return source_step(node)
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
