"""Looks at the tables that sources read, without reading a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mesh_pipelines.declaring.declarations import TableDeclaration
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import LandingError, MeshError, SourceUnavailable
from resources.database import Database
from resources.settings import get_settings


def look_at_tables(nodes: Iterable[Node]) -> Mapping[str, MeshError]:
    """The error of each table that its source cannot read, by key; a database that does not answer is asked once.

    A table is left out where its contract is not sound, or its database has no URL that can be used.
    """
    settings, found = get_settings(), dict[str, MeshError]()
    silent: dict[str, MeshError] = {}
    for node in nodes:
        declared = node.declaration
        if not isinstance(declared, TableDeclaration) or node.contract is None:
            continue
        url = settings.databases.get(declared.database)
        if url is None or not _is_usable(declared.database, url.get_secret_value()):
            continue
        fault = silent.get(declared.database) or _fault_of(declared, node)
        if fault is not None:
            found[node.key] = fault
        if isinstance(fault, SourceUnavailable):
            silent[declared.database] = fault
    return found


def _is_usable(name: str, url: str) -> bool:
    try:
        Database(name, url).checked_url()
    except LandingError:
        return False  # DatabasesAreSet reports it
    return True


def _fault_of(declared: TableDeclaration, node: Node) -> MeshError | None:
    from mesh_pipelines.landing.tables import TableLanding

    try:
        with TableLanding(declared, node, get_settings()) as landing:
            landing.look_at_shape()
    except MeshError as fault:
        return fault
    return None
