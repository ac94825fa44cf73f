"""Loads every domain of the workspace and holds it to the federation's rules."""

from __future__ import annotations

import sys
from pathlib import Path
from traceback import extract_tb

from mesh_pipelines.declaring.load import load_domain
from mesh_pipelines.declaring.mesh import Location, Mesh, read_workspace
from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.errors import DomainError, Violation
from mesh_pipelines.governance.lint import lint_domain
from mesh_pipelines.governance.rules.federation import Federation
from mesh_pipelines.governance.rules.inputs import KeysAreUnique


def load_mesh(root: Path, *, strict: bool = True) -> Mesh:
    """Load every domain of the workspace.

    Args:
        root: the folder of ``workspace.yaml``.
        strict: raise where a domain breaks a rule.

    Raises:
        DomainError: with the violations of all domains together.
    """
    mesh, found = load_and_lint(root)
    if strict and found:
        raise DomainError("the mesh", found)
    return mesh


def load_and_lint(root: Path) -> tuple[Mesh, tuple[Violation, ...]]:
    """Load every domain that can be loaded, with the violations of each by itself."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    locations = read_workspace(root)
    every: list[LoadedDomain] = []
    domains: dict[str, LoadedDomain] = {}
    found: list[Violation] = []
    for location in locations:
        try:
            loaded = load_domain(location.package)
        except Exception as error:  # noqa: BLE001 (a domain's module may raise anything at all)
            found.append(
                Violation(
                    "DomainLoads",
                    _place_of(error, root, location),
                    f"cannot be imported: {type(error).__name__}: {error}".replace(f"{root}/", ""),
                    "mend the Python error; `python -m " + location.module + "` shows all of it",
                )
            )
            continue
        every.append(loaded)
        found += lint_domain(loaded)
        domains.setdefault(loaded.name, loaded)
    found += KeysAreUnique().check(Federation(tuple(every)))
    return Mesh(root, locations, domains), tuple(found)


def _place_of(error: Exception, root: Path, location: Location) -> str:
    """The last line of the domain's own code in the traceback; the domain's folder where there is none."""
    folder = root.joinpath(*location.package.split("."))
    lines = [(Path(f.filename), f.lineno) for f in extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((Path(error.filename), error.lineno))
    own = [(file, line) for file, line in lines if file.is_relative_to(folder)]
    if not own:
        return location.package.replace(".", "/")
    file, line = own[-1]
    return f"{file.relative_to(root).as_posix()}:{line}"


def project_root() -> Path:
    """The folder of the nearest ``workspace.yaml``, from here upwards."""
    from resources.settings import find_root

    return find_root()
