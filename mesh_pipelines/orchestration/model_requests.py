"""Requests of people about models: promote, roll back, pin and unpin, each with its reason on record."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from mesh_pipelines.dagster_names import asset_key
from mesh_pipelines.declaring.node import CHAMPION, ModelNode
from mesh_pipelines.declaring.reader import Reader
from mesh_pipelines.errors import SelectionError
from mesh_pipelines.governance.load_mesh import load_sound_mesh, project_root
from mesh_pipelines.modeling.rebuild import RebuildReport
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import SharedResources, shared_resources

if TYPE_CHECKING:
    from mesh_pipelines.modeling.champion_moves import AliasMove

LONGEST_REASON: Final = 2000
"""Letters; the whole of it goes into one tag of MLflow's."""


def promote(key: str, version: int, because: str, *, by: Reader) -> AliasMove:
    """Make a version the champion on a person's request.

    Raises:
        GateRefused: the champion is pinned.
        NotPublished: there is no such version.
        SelectionError: there is no such model, or the reason is blank.
    """
    shared = _model(key, because)
    move = registry_of(shared).promote(
        registry_of(shared).version(key, version), who=by.name, because=because
    )
    _record(shared, key, move)
    return move


def rollback(key: str, because: str, to: int | None = None, *, by: Reader) -> AliasMove:
    """Make the champion before, or a named version, the champion again.

    Raises:
        GateRefused: the champion is pinned.
        NotPublished: there is no such version, or was no champion before.
    """
    shared = _model(key, because)
    move = registry_of(shared).rollback(key, who=by.name, because=because, to=to)
    _record(shared, key, move)
    return move


def pin(key: str, because: str, *, by: Reader) -> AliasMove:
    """Keep today's champion whatever the gate decides, until it is unpinned.

    Raises NotPublished: there is no champion to keep.
    """
    shared = _model(key, because)
    move = registry_of(shared).pin(key, who=by.name, because=because)
    _record(shared, key, move)
    return move


def unpin(key: str, because: str, *, by: Reader) -> AliasMove:
    """Let the gate move the champion again."""
    shared = _model(key, because)
    move = registry_of(shared).unpin(key, who=by.name, because=because)
    _record(shared, key, move)
    return move


def _model(key: str, because: str) -> SharedResources:
    _refuse_reason(because)
    node = load_sound_mesh(project_root()).node(key)
    if not isinstance(node, ModelNode):
        raise SelectionError(f"{key} is a {node.stage}, no model", remedy="name a model, as domain.name")
    return shared_resources()


def _refuse_reason(because: str) -> None:
    """Refuse a reason that is blank, that databases cannot keep, or that is too long to be kept whole."""
    kinds = [unicodedata.category(letter) for letter in because if letter not in "\t\r\n"]
    fault = ""
    if not any(kind[0] in "LNPS" for kind in kinds):
        fault = "is blank, and it stays on record"
    elif "Cc" in kinds or "Cs" in kinds:
        fault = "has control characters, or bytes that are no text"
    elif len(because) > LONGEST_REASON:
        fault = f"has {len(because):,} letters, and at most {LONGEST_REASON:,} are kept"
    if fault:
        raise SelectionError(
            f"the reason {fault}", where="--because", remedy='say why, as --because "agreed with its owner"'
        )


def _record(shared: SharedResources, key: str, move: AliasMove) -> None:
    """Show the decision on the champion's page in Dagster; sensors see the new champion in the registry."""
    import dagster as dg

    champion = registry_of(shared).champion(key)
    metadata = {
        "action": move.action,
        "champion": champion.label if champion else "none",
        "before": str(move.before),
        "who": move.who,
        "because": move.because,
    }
    tags = {"dagster/data_version": f"{champion.version}-{champion.sha256[:16]}"} if champion else {}
    dagster_instance(shared).report_runless_asset_event(
        dg.AssetMaterialization(asset_key(key + CHAMPION), metadata=metadata, tags=tags)
    )


def rebuild(key: str, version: int) -> RebuildReport:
    """Train a version of a model again from its record, and show the result on the model's page in Dagster."""
    from mesh_pipelines.steps.rebuild import rebuild_version, report_rebuild

    whole = load_sound_mesh(project_root())
    node = whole.node(key)
    if not isinstance(node, ModelNode):
        raise SelectionError(f"{key} is a {node.stage}, and only models are rebuilt", remedy="name a model")
    shared = shared_resources()
    report = rebuild_version(shared, key, version)
    report_rebuild(dagster_instance(shared), report)
    return report
