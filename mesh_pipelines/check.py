"""``mesh check``: is everything sound? Contracts, domains and the ports between them, all faults in one list."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from mesh_pipelines.errors import DomainError, Violation
from mesh_pipelines.lint import lint_mesh
from mesh_pipelines.mesh import load_mesh


def check_mesh(root: Path | None = None, *, definitions: bool = True) -> list[Violation]:
    """Hold every domain of the workspace against every rule of the federation.

    Args:
        root: folder of ``workspace.yaml``; by default the nearest one upwards.
        definitions: also build each code location's Dagster definitions.

    Returns:
        Every violation found, each with file, place and fix; empty where all is sound.
    """
    from mesh_pipelines.runs import project_root

    folder = root or project_root()
    try:
        mesh = load_mesh(folder)
    except DomainError as error:
        mesh = load_mesh(folder, strict=False)
        between = lint_mesh(tuple(mesh.domains.values()), datetime.now(UTC).date(), mesh.absent)
        return _unique([*error.violations, *between])
    found = list(lint_mesh(tuple(mesh.domains.values()), datetime.now(UTC).date()))
    if definitions and not found:
        found += [fault for name in mesh.domains for fault in _location(mesh.domains[name])]
    return _unique(found)


def _location(domain: object) -> list[Violation]:
    from mesh_pipelines.loading import LoadedDomain
    from mesh_pipelines.location import definitions

    assert isinstance(domain, LoadedDomain)
    try:
        definitions(domain).get_repository_def()
    except Exception as error:  # noqa: BLE001 (whatever Dagster or the domain raises is what is to be reported)
        return [
            Violation(
                "CodeLocationLoads",
                f"domains/{domain.name}",
                f"Dagster refuses its definitions: {type(error).__name__}: {error}",
                "mend what Dagster names; `dagster definitions validate -w workspace.yaml` shows all of it",
            )
        ]
    return []


def _unique(found: list[Violation]) -> list[Violation]:
    return list(dict.fromkeys(found))
