"""``mesh check``: all violations of contracts, domains and the ports between them, in one list."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.errors import Violation
from mesh_pipelines.governance.lint import lint_domain, lint_mesh
from mesh_pipelines.governance.load_mesh import load_and_lint


def check_mesh(root: Path | None = None, *, definitions: bool = True) -> list[Violation]:
    """Hold every domain of the workspace against every rule of the federation.

    Args:
        root: folder of ``workspace.yaml``; by default the nearest one upwards.
        definitions: also build the Dagster definitions of each domain that is sound by itself.
    """
    from mesh_pipelines.governance.load_mesh import project_root

    mesh, within = load_and_lint(root or project_root())
    domains = tuple(mesh.domains.values())
    between = lint_mesh(domains, datetime.now(UTC).date(), mesh.absent)
    refused = [
        fault for domain in domains if definitions and not lint_domain(domain) for fault in _location(domain)
    ]
    return list(dict.fromkeys((*within, *between, *refused)))


def _location(domain: LoadedDomain) -> list[Violation]:
    from mesh_pipelines.orchestration.location import definitions

    try:
        definitions(domain).get_repository_def()
    except Exception as error:  # noqa: BLE001 (whatever Dagster or the domain raises is what is to be reported)
        return [
            Violation(
                "CodeLocationLoads",
                domain.place,
                f"Dagster refuses its definitions: {type(error).__name__}: {error}",
                "mend what Dagster names; `dagster definitions validate -w workspace.yaml` shows all of it",
            )
        ]
    return []
