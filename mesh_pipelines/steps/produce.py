"""The step of each node, by its stage."""

from __future__ import annotations

from mesh_pipelines.declaring.node import LoadedDomain, Node
from mesh_pipelines.steps.champion import gate_step
from mesh_pipelines.steps.context import Produce
from mesh_pipelines.steps.model import training_step
from mesh_pipelines.steps.predictions import prediction_step
from mesh_pipelines.steps.source import source_step
from mesh_pipelines.steps.transform import handwritten_step, transform_step


def produce(node: Node, domain: LoadedDomain) -> Produce:
    """The step of a node.

    Args:
        node: what is to be made.
        domain: the domain that owns it.
    """
    match node.stage:
        case "source":
            return source_step(node)
        case "model" | "champion" | "predictions":
            return model_step(node, domain)
        case _:
            return handwritten_step(node) if node.asset else transform_step(node)


def model_step(node: Node, domain: LoadedDomain) -> Produce:
    """The step of a model, a champion or predictions.

    Args:
        node: what is to be made.
        domain: the domain that owns it.
    """
    match node.stage:
        case "model":
            return training_step(node, domain)
        case "champion":
            return gate_step(node, domain)
        case _:
            return prediction_step(node, domain)
