"""Rows of MLflow's model registry: read from its SQLite database, or asked of MLflow's client.

Importing MLflow takes a second of processor time, reading the rows a few milliseconds. The queries fit one revision of
MLflow's tables; a database of another revision, a server, and a database that cannot be read are the client's.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from resources.addresses import sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

REVISION = "dc11669786a5"
"""Alembic revision of the tables that the queries fit: that of the installed MLflow."""
_WAIT_SECONDS = 5.0
_REVISION = "SELECT version_num FROM alembic_version"
_MODELS = """
SELECT name FROM registered_models
WHERE workspace = 'default' AND name = coalesce(:name, name) ORDER BY name
"""
_MODEL_TAGS = """
SELECT name, key, value FROM registered_model_tags
WHERE workspace = 'default' AND name = coalesce(:name, name)
"""
_ALIASES = """
SELECT name, alias, version FROM registered_model_aliases
WHERE workspace = 'default' AND name = coalesce(:name, name)
"""
# A deleted version stays as a row of this stage (mlflow.entities.model_registry.model_version_stages).
_NEWEST = """
SELECT name, max(version), run_id FROM model_versions
WHERE workspace = 'default' AND name = coalesce(:name, name) AND current_stage != 'Deleted_Internal'
GROUP BY name
"""
_NEWEST_TAGS = """
SELECT name, version, key, value FROM model_version_tags
WHERE workspace = 'default' AND (name, version) IN (
    SELECT name, max(version) FROM model_versions
    WHERE workspace = 'default' AND name = coalesce(:name, name) AND current_stage != 'Deleted_Internal'
    GROUP BY name
)
"""
_VERSIONS = """
SELECT name, version, run_id FROM model_versions
WHERE workspace = 'default' AND name = :name AND current_stage != 'Deleted_Internal' ORDER BY version
"""
_VERSION_TAGS = """
SELECT name, version, key, value FROM model_version_tags WHERE workspace = 'default' AND name = :name
"""


@dataclass(frozen=True)
class VersionRow:
    """One version of a model."""

    name: str
    version: int
    run_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class ModelRow:
    """One registered model; ``aliases`` by the version that each stands for, ``newest`` ``None`` without a version."""

    name: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    newest: VersionRow | None


def read_models(uri: str, name: str | None = None) -> list[ModelRow] | None:
    """Models by name, all or one, read from MLflow's own database; ``None`` where the client has to be asked."""
    found = _read(uri, name, _MODELS, _MODEL_TAGS, _ALIASES, _NEWEST, _NEWEST_TAGS)
    if found is None:
        return None
    models, tags, aliases, newest, newest_tags = found
    versions = {row.name: row for row in _version_rows(newest, newest_tags)}
    tags_of, aliases_of = _by_model(tags), _by_model(aliases)
    return [ModelRow(key, tags_of[key], aliases_of[key], versions.get(key)) for (key,) in models]


def read_versions(uri: str, name: str) -> list[VersionRow] | None:
    """Versions of one model, the oldest first, off MLflow's own database; ``None`` where the client has to be asked."""
    found = _read(uri, name, _VERSIONS, _VERSION_TAGS)
    return None if found is None else _version_rows(*found)


def read_rows(uri: str, query: str) -> list[Any] | None:
    """Rows of another query off MLflow's own database; ``None`` where the client has to be asked."""
    found = _read(uri, None, query)
    return None if found is None else found[0]


def ask_models(client: MlflowClient, name: str | None = None) -> list[ModelRow]:
    """All models by name, or the one of a name, by MLflow's client."""
    from mlflow.exceptions import MlflowException

    if name is not None:
        try:
            return [_model_row(client.get_registered_model(name))]
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return []
            raise
    found: list[ModelRow] = []
    page: str | None = None
    while page is None or page:
        models = client.search_registered_models(max_results=1000, page_token=page)
        found += map(_model_row, models)
        page = models.token or ""
    return found


def ask_versions(client: MlflowClient, name: str) -> list[VersionRow]:
    """Versions of one model, the oldest first, by MLflow's client."""
    found = map(_version_row, client.search_model_versions(f"name = '{name}'", max_results=10_000))
    return sorted(found, key=lambda row: row.version)


def _read(uri: str, name: str | None, *queries: str) -> list[list[Any]] | None:
    path = sqlite_file(uri)
    if path is None or not path.is_file():
        return None
    try:
        with closing(_connect(path)) as database:
            database.execute("BEGIN")
            if database.execute(_REVISION).fetchall() != [(REVISION,)]:
                return None
            return [database.execute(query, {"name": name}).fetchall() for query in queries]
    except sqlite3.Error:
        return None  # the client meets it too, and its error is the one that has a remedy


def _connect(path: Path) -> sqlite3.Connection:
    place = f"file:{quote(str(path.absolute()))}?mode=ro"
    return sqlite3.connect(place, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)


def _by_model(rows: Iterable[Any]) -> defaultdict[str, dict[str, Any]]:
    found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for model, key, value in rows:
        found[model][key] = value
    return found


def _version_rows(versions: Iterable[Any], tags: Iterable[Any]) -> list[VersionRow]:
    tags_of: defaultdict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for name, version, key, value in tags:
        tags_of[name, version][key] = value
    return [
        VersionRow(name, version, run_id or "", tags_of[name, version]) for name, version, run_id in versions
    ]


def _model_row(model: Any) -> ModelRow:
    newest = max(map(_version_row, model.latest_versions or ()), key=lambda row: row.version, default=None)
    aliases = {alias: int(version) for alias, version in model.aliases.items()}
    return ModelRow(model.name, dict(model.tags), aliases, newest)


def _version_row(entry: Any) -> VersionRow:
    return VersionRow(entry.name, int(entry.version), entry.run_id or "", dict(entry.tags))
