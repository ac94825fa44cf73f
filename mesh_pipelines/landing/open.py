"""The landing of a source, by its kind: files or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_pipelines.landing.landed import Landing

if TYPE_CHECKING:
    from mesh_pipelines.declaring.node import Node
    from resources.settings import Settings


def landing_of(node: Node, settings: Settings) -> Landing:
    """The landing of a source, with the settings of the landing zone and the databases."""
    from mesh_pipelines.declaring.declarations import SourceDeclaration, TableDeclaration

    declared = node.declaration
    assert isinstance(declared, SourceDeclaration)
    if isinstance(declared, TableDeclaration):
        from mesh_pipelines.landing.tables import TableLanding

        return TableLanding(declared, node, settings)
    from mesh_pipelines.landing.expansion import limit_of
    from mesh_pipelines.landing.files import FileLanding
    from mesh_pipelines.landing.strict_csv import DIALECTS
    from resources.store import open_store

    store = open_store(settings.landing, settings.storage_options)
    dialect = DIALECTS[declared.dialect]
    return FileLanding(store, node.domain, declared.pattern, dialect, limit_of(settings))
