"""Rules over sources in databases: a URL that the driver takes, and a table with the columns of the contract."""

from __future__ import annotations

from collections.abc import Iterator

from mesh_pipelines.declaring.declarations import TableDeclaration
from mesh_pipelines.errors import LandingError, SourceUnavailable, Violation
from mesh_pipelines.governance.rules.federation import Federation
from mesh_pipelines.governance.rules.nearest import nearest_or
from quality.lint.rule import Rule
from resources.database import Database
from resources.settings import get_settings


class DatabasesAreSet(Rule[Federation]):
    """A table is read from a database whose URL the settings hold, in a form that its driver takes."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        known = get_settings().databases
        for node in federation.nodes.values():
            declared = node.declaration
            if not isinstance(declared, TableDeclaration):
                continue
            if declared.database in known:
                try:
                    Database(declared.database, known[declared.database].get_secret_value()).checked_url()
                except LandingError as fault:
                    yield self.violation(node.place, f"{fault.where}: {fault.what}", fault.remedy)
            else:
                otherwise = (
                    f'export MESH_DATABASES=\'{{"{declared.database or "name"}": "postgresql://..."}}\''
                )
                yield self.violation(
                    node.place,
                    f"reads the database {declared.database!r}, whose URL is not in MESH_DATABASES",
                    nearest_or(declared.database, known, otherwise),
                )


class TablesAreThere(Rule[Federation]):
    """A table that was dropped or renamed, or whose columns are others, cannot be read; no row is read to see it."""

    def check(self, federation: Federation) -> Iterator[Violation]:
        for key, fault in federation.tables.items():
            if not isinstance(fault, SourceUnavailable):
                place = (
                    f"{federation.nodes[key].place}: {fault.where}"
                    if fault.where
                    else federation.nodes[key].place
                )
                yield self.violation(place, fault.what, fault.remedy or "mend sql_source(...)")


def notes_of_databases(federation: Federation) -> Iterator[str]:
    """Tables that nobody looked at, because their database does not answer."""
    for key, fault in federation.tables.items():
        if isinstance(fault, SourceUnavailable):
            yield f"{federation.nodes[key].place}: its table was not looked at: {fault.where} {fault.what}"
