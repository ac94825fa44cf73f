"""Nodes and domains as loaded, written by hand for functions that need no workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mesh_pipelines.declaring.declarations import Input
from mesh_pipelines.declaring.domain_profile import DomainProfile
from mesh_pipelines.declaring.node import LoadedDomain, Node


def loaded_domain(*nodes: Node, name: str = "shop", **more: Any) -> LoadedDomain:
    """A domain of these nodes, in their order."""
    profile = DomainProfile(name, "a team", "team@mesh.example")
    return LoadedDomain(profile, Path("/work/domains", name), {node.name: node for node in nodes}, **more)


def inputs(*keys: str) -> tuple[Input, ...]:
    """Inputs by key, each with the name of what it reads as its argument."""
    return tuple(Input(key.partition(".")[2], key) for key in keys)
