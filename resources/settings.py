"""Settings of a mesh: each has a default for one machine and a variable of its own for production."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mesh_pipelines.errors import LandingError
from resources.addresses import (
    LONGEST,
    LONGEST_OF_DATABASE,
    POSSIBLE,
    impossible_part,
    local_path,
    sqlite_file,
    sqlite_url,
)

WORKSPACE = "workspace.yaml"
_WITH_DATABASES = ("home", "dagster_home", "tracking_uri")
_STORES = ("file", "s3", "s3a", "gs", "az", "abfs", "abfss")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_EXAMPLES = {
    "storage_options": '{"aws_region": "eu-central-1"}',
    "databases": '{"shop": "postgresql://user:password@host/name"}',
    "notify_domains": '{"shop": "mailto://user:password@host?to={contact}"}',
}
_TRACKING = ("sqlite", "postgresql", "mysql", "mssql", "http", "https")


def find_root() -> Path:
    """The folder of workspace.yaml, searched upwards from here; else the package's parent."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / WORKSPACE).is_file():
            return folder
    return Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Settings of one mesh, from ``MESH_*`` environment variables; unset ones derive from ``home``.

    Secrets (``master_key``, ``databases``, credentials in ``storage_options``) come from the environment only and are
    never printed.
    """

    model_config = SettingsConfigDict(
        env_prefix="MESH_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    home: Path = Field(
        default_factory=lambda: find_root() / ".mesh",
        validate_default=True,
        description="Holds landing, lake, keys, MLflow and Dagster.",
    )
    landing: str = Field(
        default="",
        validate_default=True,
        description="Folder or object store (s3://, gs://, az://) where raw files land.",
    )
    lake_uri: str = Field(
        default="",
        validate_default=True,
        description="Folder or object store (s3://, gs://, az://) of the lake.",
    )
    storage_options: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, repr=False, description="Options of the object store, as a JSON object."
    )
    databases: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict,
        repr=False,
        description="URLs of the databases that sources read, by name, as a JSON object.",
    )
    keys: Path = Field(default=None, validate_default=True, description="Folder of the keyring.")
    master_key: SecretStr | None = Field(
        default=None, description="Base64 of 32 bytes; without it one is generated below the keys folder."
    )
    tracking_uri: str = Field(
        default="", validate_default=True, description="MLflow tracking and registry server."
    )
    artifacts: str = Field(
        default="", validate_default=True, description="Where MLflow keeps models and plots."
    )
    docs: Path = Field(default=None, validate_default=True, description="Where data docs are written.")
    dagster_home: Path = Field(default=None, validate_default=True, description="DAGSTER_HOME of `mesh ui`.")
    dagster_storage: SecretStr | None = Field(
        default=None,
        description="PostgreSQL address of Dagster's runs and events, as "
        "postgresql+psycopg2://user:password@host/database; SQLite without it.",
    )
    scratch: Path = Field(
        default=None,
        validate_default=True,
        description="Temporary files of each process; those of a killed one are removed by the next.",
    )
    memory_limit: str = Field(
        default="2GB",
        description="Memory that one DuckDB connection may use, and a function in `mesh check`.",
    )
    rule_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Longest that judging all dataset rules of one candidate may take together.",
    )
    load_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Longest that importing one domain may take, or it is left out; and a function in `mesh check`.",
    )
    expansion: int = Field(
        default=1_000,
        ge=1,
        description="Times its own size that a landed Parquet file of more than 100 MB unpacked may unpack to.",
    )
    yaml_aliases: int = Field(
        default=10_000,
        ge=0,
        description="Nodes that the aliases of one YAML file may stand for; ten times as many may be written out.",
    )
    sensor_seconds: int = Field(
        default=30, ge=1, description="Seconds between two ticks of a domain's sensor."
    )
    settle_seconds: float = Field(
        default=3.0, ge=0, description="Seconds that a new file must rest before a sensor takes it for whole."
    )
    notify: SecretStr | None = Field(
        default=None,
        description="Where notices of failures go, as Apprise URLs with spaces between; `{contact}` is the domain's.",
    )
    notify_domains: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict, description="The same for single domains instead, as a JSON object by name."
    )
    ui_url: str = Field(
        default="",
        description="Address under which people reach `mesh ui`, for links in notices and the origin of its pages; "
        "without it, where it listens.",
    )
    ui_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Further host names under which `mesh ui` is reached, with spaces between; all others are refused.",
    )
    ui_bytes: int = Field(
        default=10_000_000,
        ge=1,
        description="Bytes that one request to `mesh ui`, or one message of a WebSocket, may have.",
    )
    threads: int | None = Field(
        default=None, ge=1, description="Threads of one DuckDB connection; default all."
    )

    @field_validator("home", "keys", "docs", "dagster_home", "scratch", mode="before")
    @classmethod
    def _below_home(cls, value: object, info: object) -> object:
        name: str = info.field_name  # type: ignore[attr-defined]
        if value in (None, "") and name != "home":
            return _home(info) / {"dagster_home": "dagster"}.get(name, name)
        folder = local_path(str(value or find_root() / ".mesh"))
        if folder is None:
            raise ValueError(f"{str(value).partition('://')[0]}:// is no folder of this machine")
        _require_possible(str(folder), name)
        there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        if not there.is_dir():
            raise ValueError(f"{there} is a file, and a folder is needed")
        return folder

    @field_validator("landing", "lake_uri", "tracking_uri")
    @classmethod
    def _is_known(cls, value: str, info: object) -> str:
        known = _TRACKING if info.field_name == "tracking_uri" else _STORES  # type: ignore[attr-defined]
        scheme, there, _ = value.partition("://")
        if there and scheme.partition("+")[0] not in known:
            raise ValueError(f"{scheme}:// is unknown; known are {', '.join(f'{name}://' for name in known)}")
        return value

    @field_validator("landing", "lake_uri", "tracking_uri", "artifacts", mode="before")
    @classmethod
    def _uri_below_home(cls, value: object, info: object) -> str:
        name: str = info.field_name  # type: ignore[attr-defined]
        if value:
            # Absolute, for the processes of the mesh are started in other folders than the command.
            file = sqlite_file(str(value)) if name == "tracking_uri" else None
            folder = file or (local_path(str(value)) if name != "tracking_uri" else None)
            if folder is None:
                return str(value)
            _require_possible(str(folder), name)
            return sqlite_url(folder) if file else str(folder)
        home = _home(info)
        if name == "tracking_uri":
            return sqlite_url(home / "mlflow" / "mlflow.db")
        return str(home / {"lake_uri": "lake", "artifacts": "mlflow/artifacts"}.get(name, name))

    @field_validator("storage_options", "databases", "notify_domains", mode="before")
    @classmethod
    def _json(cls, value: object, info: object) -> object:
        given = value
        if value == "":
            return {}
        if isinstance(value, str):
            with suppress(ValueError, RecursionError):  # the error would quote it
                given = json.loads(value)
        if not isinstance(given, dict) or not all(isinstance(one, str | SecretStr) for one in given.values()):
            example = _EXAMPLES[info.field_name]  # type: ignore[attr-defined]
            raise ValueError(f"is no JSON object of texts; write '{example}'")
        return given

    @field_validator("ui_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/")):
            raise ValueError("an address such as https://mesh.example.com is needed, without a path")
        return value.rstrip("/")

    @field_validator("ui_hosts", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        names = value.replace(",", " ").lower().split() if isinstance(value, str) else value
        for name in names if isinstance(names, (list, tuple)) else ():
            if not _HOST.fullmatch(str(name)):
                raise ValueError(f"{name} is no host name; write names alone, such as mesh.example.com")
        return names

    @field_validator("dagster_storage")
    @classmethod
    def _names_its_driver(cls, value: SecretStr | None) -> SecretStr | None:
        # SQLAlchemy 2.1 takes plain postgresql:// for psycopg 3, and dagster-postgres speaks psycopg2.
        if value is not None and not value.get_secret_value().startswith("postgresql+psycopg2://"):
            raise ValueError("an address of PostgreSQL that begins with postgresql+psycopg2:// is needed")
        return value

    @field_validator("master_key", "dagster_storage", mode="before")
    @classmethod
    def _blank_is_absent(cls, value: object) -> object:
        return value or None

    @property
    def landing_folder(self) -> Path:
        """The landing zone as a folder of this machine, to write into. Raises LandingError: it is an object store."""
        folder = local_path(self.landing)
        if folder is None:
            raise LandingError(
                "samples are only written into a folder",
                where=f"MESH_LANDING ({self.landing})",
                remedy="put the files there with the store's own tools, or unset MESH_LANDING",
            )
        return folder

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders of this machine that the mesh writes to, the home first."""
        places = (self.landing, self.lake_uri, self.artifacts)
        local = (path for path in map(local_path, places) if path is not None)
        return (self.home, self.keys, self.docs, self.dagster_home, self.scratch, *local)

    @property
    def given_places(self) -> dict[str, str]:
        """The folders and addresses that were set, as variables that name the same ones in every working folder."""
        names = (
            "home",
            "landing",
            "lake_uri",
            "keys",
            "tracking_uri",
            "artifacts",
            "docs",
            "dagster_home",
            "scratch",
        )
        return {
            f"MESH_{name.upper()}": str(getattr(self, name))
            for name in names
            if name in self.model_fields_set
        }

    @property
    def workspace(self) -> Path:
        return find_root() / WORKSPACE


def _require_possible(folder: str, name: str) -> None:
    odd = impossible_part(folder)
    if odd:
        raise ValueError(f"the path {folder!a} has {odd}: {POSSIBLE}; name another folder")
    longest = LONGEST_OF_DATABASE if name in _WITH_DATABASES else LONGEST
    if len(os.fsencode(folder)) > longest:
        raise ValueError(f"the path has {len(os.fsencode(folder)):,} bytes, and {longest:,} are possible")


def _home(info: object) -> Path:
    # `home` is validated first; when it failed, its own error is the one worth reading.
    return info.data.get("home", find_root() / ".mesh")  # type: ignore[attr-defined]


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once. ``get_settings.cache_clear()`` reads them again."""
    return Settings()
