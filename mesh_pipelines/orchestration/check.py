"""``mesh check``: all violations of contracts, domains and the ports between them, in one list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.errors import Violation
from mesh_pipelines.governance.lint import lint_domain, lint_functions, lint_mesh
from mesh_pipelines.governance.load_mesh import load_and_lint
from mesh_pipelines.governance.plan_trial import plan_in_child


@dataclass(frozen=True)
class Checked:
    """Result of a check.

    Args:
        notes: functions that could not be planned without rows, each with the reason: no violations.
    """

    violations: tuple[Violation, ...]
    notes: tuple[str, ...] = ()


def check_mesh(root: Path | None = None, *, definitions: bool = True) -> list[Violation]:
    """The violations that :func:`examine_mesh` finds."""
    return list(examine_mesh(root, definitions=definitions).violations)


def examine_mesh(root: Path | None = None, *, definitions: bool = True) -> Checked:
    """Hold every domain of the workspace against every rule of the federation.

    Args:
        definitions: also build the Dagster definitions of each domain that is sound by itself.
    """
    from mesh_pipelines.governance.load_mesh import project_root

    mesh, within = load_and_lint(root or project_root(), anew=True)
    domains, today = tuple(mesh.domains.values()), datetime.now(UTC).date()
    between = lint_mesh(domains, today, mesh.absent)
    packages = [location.package for location in mesh.locations if location.domain in mesh.domains]
    planned = plan_in_child(mesh.root, packages)
    made, notes = lint_functions(domains, today, mesh.absent, planned)
    refused = [
        fault for domain in domains if definitions and not lint_domain(domain) for fault in _location(domain)
    ]
    return Checked(tuple(dict.fromkeys((*within, *between, *made, *refused))), notes)


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
