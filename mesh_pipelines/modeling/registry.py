"""The model registry of a mesh: MLflow's, with every move of an alias on record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_pipelines.errors import IntegrityError, NotPublished
from mesh_pipelines.modeling.champion_moves import AliasMove, is_refused_for_pin, refuse_while_pinned
from mesh_pipelines.modeling.gate_decision import GateDecision
from mesh_pipelines.modeling.sealed_record import open_record
from mesh_pipelines.modeling.version import (
    CHALLENGER,
    CHAMPION,
    SHADOW,
    LoadedModel,
    ModelVersion,
    Standing,
)
from resources.lake.table_version import TableVersion
from resources.registry_rows import ModelRow, VersionRow, ask_models, ask_versions, read_models, read_versions
from resources.scratch import temporary_files
from resources.settings import get_settings
from resources.tracking import Tracking, import_mlflow, unavailable

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from mesh_pipelines.shared import SharedResources
    from resources.keys.keyring import Keyring


DECISION = "gate_decision"
"""Tag of a version that holds the gate's decision on it, as JSON."""
MODEL_FILE = "model.ubj"
RECORD_FILE = "extra_files/record.json"
_MOVE = "mesh.move."
_PIN = "mesh.pin"
# A plus sign is not allowed in the name of a tag.
_UTC = "+00:00"


@dataclass(frozen=True)
class Registry:
    """Registered models of one store; the champion alias moves only through ``promote`` and ``rollback``.

    Args:
        keyring: opens the categories in their records.
    """

    tracking: Tracking
    keyring: Keyring

    @cached_property
    def client(self) -> MlflowClient:
        return self.tracking.client()

    def versions(self, key: str) -> tuple[ModelVersion, ...]:
        """All versions, the oldest first; empty if there is no such model."""
        registered = self._registered(key)
        if registered is None:
            return ()
        rows = read_versions(self.tracking.uri, key)
        if rows is None:
            with unavailable(self.tracking):
                rows = ask_versions(self.client, key)
        return tuple(_version_of(row, registered.aliases) for row in rows)

    def standing(self) -> dict[str, Standing]:
        """Standing of every model by key, in one query, independent of the number of versions."""
        models = self._models()
        return {model.name: self._standing(model, model.newest) for model in models if model.newest}

    def _standing(self, model: ModelRow, newest: VersionRow) -> Standing:
        latest = _version_of(newest, model.aliases)
        hidden = latest if latest.gate == SHADOW else None
        if hidden is None and model.aliases.get(SHADOW, latest.version) != latest.version:
            older = self.version(model.name, model.aliases[SHADOW])
            hidden = older if older.gate == SHADOW else None
        return Standing(latest, model.aliases.get(CHAMPION, 0), hidden)

    def version(self, key: str, number: int) -> ModelVersion:
        """One version of a model. Raises NotPublished: it has no version of that number."""
        for version in self.versions(key):
            if version.version == number:
                return version
        raise NotPublished(
            f"there is no version {number}",
            where=f"model {key}",
            remedy=f"`mesh show {key}` lists its versions; `mesh run {key}` trains it.",
        )

    def champion(self, key: str) -> ModelVersion | None:
        return self._aliased(key, CHAMPION)

    def challenger(self, key: str) -> ModelVersion | None:
        """The latest version that was not promoted, if it is newer than the champion."""
        return self._aliased(key, CHALLENGER)

    def in_shadow(self, key: str) -> ModelVersion | None:
        """The version that is scored beside the champion, if any."""
        return next((v for v in reversed(self.versions(key)) if v.gate == SHADOW), None)

    def read(self, version: ModelVersion) -> LoadedModel:
        """Read the bytes and the record of a version.

        Raises:
            IntegrityError: the stored bytes are not those that were trained.
            NotPublished: the files are gone.
            KeyUnavailable: the key of its feature set is gone.
        """
        mlflow = import_mlflow()
        from mlflow.exceptions import MlflowException

        where = f"model {version.key}@{version.version}"
        with unavailable(self.tracking), temporary_files(get_settings().scratch):
            try:
                place = self.client.get_model_version_download_uri(version.key, str(version.version))
                folder = mlflow.artifacts.download_artifacts(place, tracking_uri=self.tracking.uri)
                model = (Path(folder) / MODEL_FILE).read_bytes()
                record = open_record((Path(folder) / RECORD_FILE).read_text(encoding="utf-8"), self.keyring)
            except (MlflowException, FileNotFoundError) as error:
                gone = (
                    isinstance(error, FileNotFoundError)
                    or "does not exist" in str(error)
                    or "No such" in str(error)
                )
                if not gone:
                    raise
                raise NotPublished("its files are gone", where=where, remedy="Train it again.") from error
        actual = hashlib.sha256(model).hexdigest()
        if actual != version.sha256 or actual != record.model_sha256:
            raise IntegrityError(
                f"model.ubj has SHA-256 {actual}, not {version.sha256} as trained",
                where=where,
                remedy=f"Do not use it; `mesh rebuild {version.key}@{version.version}` makes it again.",
            )
        return LoadedModel(version, model, record)

    def promote(self, version: ModelVersion, *, who: str, because: str, action: str = "promote") -> AliasMove:
        """Make a version the champion, and record by whom and why. Raises GateRefused: the champion is pinned."""
        refuse_while_pinned(version.key, self.pinned(version.key))
        return self._move(version, action, who, because)

    def rollback(self, key: str, *, who: str, because: str, to: int | None = None) -> AliasMove:
        """Make the previous champion (or version ``to``) the champion again, without a pin.

        Raises:
            NotPublished: there is no such version, or no champion before.
            GateRefused: the champion is pinned.
        """
        refuse_while_pinned(key, self.pinned(key))
        if to is None:
            to = self._before(key)
        return self.promote(self.version(key, to), who=who, because=because, action="rollback")

    def pin(self, key: str, *, who: str, because: str) -> AliasMove:
        """Keep today's champion until ``unpin``: the gate promotes nothing. NotPublished if there is no champion."""
        champion = self.champion(key)
        if champion is None:
            raise NotPublished(
                "there is no champion to pin", where=f"model {key}", remedy=f"Run `mesh run {key}`."
            )
        move = AliasMove(_now(), "pin", champion.version, champion.version, who, because)
        with unavailable(self.tracking):
            self.client.set_registered_model_tag(key, _PIN, json.dumps(asdict(move)))
            self._write(key, move)
        return move

    def unpin(self, key: str, *, who: str, because: str) -> AliasMove:
        """Let the gate move the champion again; without a pin nothing happens.

        A newest version that passed the gate and was refused only for the pin is judged by the gate again.
        """
        champion = self.champion(key)
        number = champion.version if champion else None
        move = AliasMove(_now(), "unpin", number, number, who, because)
        if self.pinned(key) is not None:
            with unavailable(self.tracking):
                self.client.delete_registered_model_tag(key, _PIN)
                self._write(key, move)
            for version in self.versions(key)[-1:]:
                if is_refused_for_pin(version.gate, version.reason):
                    self.tag(version, {"gate": ""})
        return move

    def pinned(self, key: str) -> AliasMove | None:
        registered = self._registered(key)
        text = registered.tags.get(_PIN) if registered is not None else None
        return AliasMove(**json.loads(text)) if text else None

    def history(self, key: str) -> tuple[AliasMove, ...]:
        """Every move of the champion, the oldest first."""
        registered = self._registered(key)
        tags = registered.tags if registered is not None else {}
        return tuple(AliasMove(**json.loads(tags[name])) for name in sorted(tags) if name.startswith(_MOVE))

    def refuse(self, version: ModelVersion) -> None:
        """Keep a version as the challenger: visible, and not in use."""
        with unavailable(self.tracking):
            self.client.set_registered_model_alias(version.key, CHALLENGER, str(version.version))
        self.leave_shadow(version)

    def shadow(self, version: ModelVersion, tags: Mapping[str, str]) -> ModelVersion:
        """Put a version in shadow with these tags; an earlier one in shadow is refused."""
        other = self.in_shadow(version.key)
        if other is not None and other.version != version.version:
            self.tag(other, {"gate": "refused", "reason": f"FAILED shadow: {version.label} is in its place"})
        self.tag(version, {"gate": SHADOW, **tags})
        with unavailable(self.tracking):
            self.client.set_registered_model_alias(version.key, SHADOW, str(version.version))
        return self.version(version.key, version.version)

    def tag(self, version: ModelVersion, tags: Mapping[str, str]) -> None:
        with unavailable(self.tracking):
            for name, value in tags.items():
                self.client.set_model_version_tag(version.key, str(version.version), name, value)

    def _move(self, version: ModelVersion, action: str, who: str, because: str) -> AliasMove:
        before = self.champion(version.key)
        move = AliasMove(_now(), action, version.version, before.version if before else None, who, because)
        challenger = self.challenger(version.key)
        with unavailable(self.tracking):
            # The reason is written first: an alias never stands without one.
            self._write(version.key, move)
            self.client.set_registered_model_alias(version.key, CHAMPION, str(version.version))
            if challenger is not None and challenger.version <= version.version:
                self.client.delete_registered_model_alias(version.key, CHALLENGER)
        if version.gate == SHADOW:
            self.tag(version, {"gate": "promoted", "reason": f"passed by {who}: {because}"})
        self.leave_shadow(version)
        return move

    def leave_shadow(self, version: ModelVersion) -> None:
        """Remove the shadow alias from a version that has been decided on."""
        if SHADOW in version.aliases:
            with unavailable(self.tracking):
                self.client.delete_registered_model_alias(version.key, SHADOW)

    def _write(self, key: str, move: AliasMove) -> None:
        content = asdict(move) | {"because": move.because[:3000]}
        self.client.set_registered_model_tag(key, f"{_MOVE}{move.at.removesuffix(_UTC)}", json.dumps(content))

    def _before(self, key: str) -> int:
        champion = self.champion(key)
        moves = [move for move in self.history(key) if move.action in ("promote", "rollback")]
        for move in reversed(moves):
            if (
                champion is not None
                and move.to == champion.version
                and move.before not in (None, champion.version)
            ):
                assert move.before is not None
                return move.before
        raise NotPublished(
            "there was no champion before this one", where=f"model {key}", remedy="Name a version."
        )

    def _aliased(self, key: str, alias: str) -> ModelVersion | None:
        registered = self._registered(key)
        number = registered.aliases.get(alias) if registered is not None else None
        return self.version(key, number) if number is not None else None

    def _registered(self, key: str) -> ModelRow | None:
        return next(iter(self._models(key)), None)

    def _models(self, key: str | None = None) -> list[ModelRow]:
        rows = read_models(self.tracking.uri, key)
        if rows is None:
            with unavailable(self.tracking):
                rows = ask_models(self.client, key)
        return rows


def registry_of(shared: SharedResources) -> Registry:
    """The registry of this mesh, opened once a process."""
    return _registry(shared.tracking, shared.lake.keyring)


@lru_cache(maxsize=4)
def _registry(tracking: Tracking, keyring: Keyring) -> Registry:
    return Registry(tracking, keyring)


def _version_of(row: VersionRow, aliases: Mapping[str, int]) -> ModelVersion:
    tags = row.tags
    return ModelVersion(
        key=row.name,
        version=row.version,
        sha256=tags.get("sha256", ""),
        run_id=row.run_id,
        trained_at=tags.get("trained_at", ""),
        metrics=json.loads(tags.get("metrics", "{}")),
        baseline=json.loads(tags.get("baseline", "{}")),
        inputs={
            key: TableVersion(key, given.get("version"), str(given.get("data_version", "")))
            for key, given in json.loads(tags.get("inputs", "{}")).items()
        },
        gate=tags.get("gate", ""),
        reason=tags.get("reason", ""),
        aliases=tuple(sorted(alias for alias, number in aliases.items() if number == row.version)),
        dagster_run_id=tags.get("dagster_run_id", ""),
        spec_digest=tags.get("spec_digest", ""),
        data_until=tags.get("data_until", ""),
        shadow_until=tags.get("shadow_until", ""),
        shadow_seen=tags.get("shadow_seen", ""),
        decision=GateDecision.from_json(tags[DECISION]) if tags.get(DECISION) else None,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
