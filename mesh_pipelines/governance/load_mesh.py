"""Loads every domain of the workspace and holds it to the federation's rules.

A mesh to work with leaves out what breaks a rule: the asset at fault, or its whole domain. Everything else stays,
and reads of what was left out the version that was published last.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb

from mesh_pipelines.declaring.load import load_domain
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.declaring.sever import sever
from mesh_pipelines.declaring.streams import keep_streams
from mesh_pipelines.declaring.workspace import FILE, Location, read_entries
from mesh_pipelines.errors import DomainError, Violation
from mesh_pipelines.governance.import_trial import ImportTrial, hazards_of
from mesh_pipelines.governance.lint import lint_domain, lint_mesh
from mesh_pipelines.governance.rules.federation import Federation
from mesh_pipelines.governance.rules.inputs import KeysAreUnique, circle_of


def load_mesh(root: Path) -> Mesh:
    """Load every domain of the workspace, each of which has to be sound by itself.

    Raises:
        DomainError: with the violations of all domains together.
    """
    mesh, found = load_and_lint(root)
    if found:
        raise DomainError("the mesh", found)
    return mesh


def load_sound_mesh(root: Path) -> Mesh:
    """Load the sound part of the workspace; ``refused`` of the mesh has the rest, with its violations.

    Raises:
        MeshError: there is no workspace.
    """
    mesh, found = load_and_lint(root)
    between = lint_mesh(tuple(mesh.domains.values()), datetime.now(UTC).date(), mesh.absent)
    found = tuple(dict.fromkeys((*found, *between)))
    while found:
        mesh = _without(mesh, found)
        # A rule names one circle; without it there may be another.
        rest = circle_of(node for domain in mesh.domains.values() for node in domain.nodes.values())
        found = (_of_circle(rest),) if rest else ()
    return mesh


def load_and_lint(root: Path, *, anew: bool = False) -> tuple[Mesh, tuple[Violation, ...]]:
    """Load every domain that can be loaded, with the violations of each by itself."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    workspace = read_entries(root)
    hazards = hazards_of(root, [location.package for location in workspace.locations], anew=anew)
    every: list[LoadedDomain] = []
    domains: dict[str, LoadedDomain] = {}
    found: list[Violation] = [*workspace.refused]
    for location in workspace.locations:
        if hazard := hazards.get(location.package):
            found.append(hazard_violation(location.package, hazard))
            continue
        try:
            with keep_streams():
                loaded = load_domain(location.package)
                own = lint_domain(loaded)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 (a domain's module may raise anything at all)
            found.append(_import_violation(error, root, location))
            continue
        if foreign := _foreign_violation(root, location, loaded.folder):
            found.append(foreign)
            continue
        every.append(loaded)
        found += [fault if fault.about else replace(fault, about=(loaded.name,)) for fault in own]
        domains.setdefault(loaded.name, loaded)
    found += KeysAreUnique().check(Federation(tuple(every)))
    unread = frozenset(name for fault in workspace.refused for name in fault.about)
    return Mesh(root, workspace.locations, domains, unread=unread), tuple(found)


def hazard_violation(package: str, hazard: ImportTrial) -> Violation:
    """The violation of a domain whose import would end or hang the process, and which is not imported therefore."""
    folder = package.replace(".", "/")
    return Violation(
        "DomainLoads",
        hazard.place or folder,
        f"cannot be imported: {hazard.hazard}",
        "let its modules declare and run nothing when they are imported; `mesh check` tries it again",
        (package.rpartition(".")[2],),
    )


def _import_violation(error: BaseException, root: Path, location: Location) -> Violation:
    folder = location.package.replace(".", "/")
    if isinstance(error, ModuleNotFoundError) and f"{location.package}.".startswith(f"{error.name}."):
        above = sys.modules.get(location.package.partition(".")[0])
        if foreign := _foreign_violation(root, location, *getattr(above, "__path__", ())):
            return foreign
        return Violation(
            "DomainLoads",
            FILE,
            f"there is no folder {folder}, which the entry of {location.domain} names",
            f"mend `module_name: {location.module}`, take the entry away, or make the domain: "
            f"`mesh new domain {location.domain}`",
            (location.domain,),
        )
    return Violation(
        "DomainLoads",
        _place_of(error, root, location),
        f"cannot be imported: {type(error).__name__}: {error}".replace(f"{root}/", ""),
        "mend the Python error; `python -m " + location.module + "` shows all of it",
        (location.domain,),
    )


def _foreign_violation(root: Path, location: Location, *found: Path | str) -> Violation | None:
    """The violation of a domain whose name Python finds in another checkout; None where it finds the workspace's own.

    Args:
        found: the folder of the domain or of the package above it, as it was imported.
    """
    own = root.joinpath(*location.package.split("."))
    if not own.is_dir() or any(
        Path(folder).resolve() in (own.resolve(), own.parent.resolve()) for folder in found
    ):
        return None
    folder = own.relative_to(root).as_posix()
    missing = [file for file in (own.parent / "__init__.py", own / "__init__.py") if not file.is_file()]
    places = [str(place) for place in found if Path(place).is_absolute()]
    where = f": Python finds that in {', '.join(places)}" if places else ""
    return Violation(
        "DomainLoads",
        folder,
        f"is not imported by its name {location.package}{where}",
        f"write an empty {missing[0].relative_to(root).as_posix()}: a folder without one is no package of its own"
        if missing
        else "run it in an environment where no other package has this name",
        (location.domain,),
    )


def _without(mesh: Mesh, found: Iterable[Violation]) -> Mesh:
    """The mesh without the domains and assets that some violations are about."""
    refused = {key: list(faults) for key, faults in mesh.refused.items()}
    for fault in found:
        for key in fault.about:
            refused.setdefault(key, []).append(fault)
    domains: dict[str, LoadedDomain] = {}
    for name, domain in mesh.domains.items():
        if name not in refused:
            domains[name], out = sever(domain, refused)
            refused |= {key: refused[cause] for key, cause in out.items()}
    return replace(mesh, domains=domains, refused={key: tuple(faults) for key, faults in refused.items()})


def _of_circle(keys: Iterable[str]) -> Violation:
    keys = tuple(keys)
    return Violation(
        "LineageHasNoCircle",
        keys[0],
        f"is made of itself: {' -> '.join(keys)}",
        "take one of these inputs away",
        keys,
    )


def _place_of(error: BaseException, root: Path, location: Location) -> str:
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
