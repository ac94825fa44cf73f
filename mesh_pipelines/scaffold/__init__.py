"""``mesh new domain``: a small working domain, for its team to replace piece by piece."""

from __future__ import annotations

import math
import os
import random
import re
import shutil
from contextlib import ExitStack
from datetime import date, timedelta
from keyword import iskeyword
from pathlib import Path
from string import Template

from mesh_pipelines.errors import MeshError, SelectionError
from quality.yaml_text import YamlFault, parse_yaml

_TEMPLATE = Path(__file__).parent / "template"
_NAME = re.compile(r"[a-z](_?[a-z0-9])+")
_LONGEST = 41
_RESERVED = frozenset({"conftest", "definitions", "test", "tests"})
"""Names by which pytest and the loader of domains know files that are no domains."""


def new_domain(name: str, root: Path) -> list[Path]:
    """Write a small working domain, its sample data and its line in ``workspace.yaml``: all of it, or nothing.

    Args:
        name: the domain's name; :func:`_refuse_name` has the rule.

    Returns:
        The files written, ``workspace.yaml`` last. A file that has landed where the sample would lie stays as it is.

    Raises:
        SelectionError: the name cannot be a domain's.
        MeshError: the name is taken, or one of the places cannot be written to.
        LandingError: the landing zone is no folder.
    """
    from resources.settings import get_settings

    _refuse_name(name, root)
    folder, workspace = root / "domains" / name, root / "workspace.yaml"
    files = _filled(folder, name)
    package = folder.parent / "__init__.py"
    if not package.exists():  # without it, another checkout's package of that name would be imported
        files[package] = '"""The domains."""\n'
    landed = get_settings().landing_folder / name / "readings.csv"
    if not landed.exists():
        files[landed] = _sample()
    known = _entries(workspace.read_text(encoding="utf-8") if workspace.exists() else "")
    indent = re.search(r"^( *)- ", known, re.MULTILINE)
    dash = f"{indent.group(1) if indent else '  '}- python_module:\n"
    inner = " " * (dash.index("-") + 4)
    entry = f"{dash}{inner}module_name: domains.{name}.definitions\n{inner}location_name: {name}\n"
    unfinished = workspace.with_name(".workspace.yaml.tmp")
    try:
        with ExitStack() as undo:
            for path, text in {**files, unfinished: f"{known}\n{entry}"}.items():
                _write(path, text, undo)
            unfinished.replace(workspace)
            undo.pop_all()
    except OSError as error:
        raise MeshError(
            f"it cannot be written: {error.strerror}; nothing of the domain was",
            where=str(error.filename),
            remedy="see to that place, or name another one (MESH_HOME, MESH_LANDING), and type it again",
        ) from error
    return [*files, workspace]


def _refuse_name(name: str, root: Path) -> None:
    """Refuse what cannot be a domain's name: it is a Python package, the first part of a key, and of a Dagster op.

    Two underscores divide an op's name into domain and asset, so a name has none in a row and none at its end.
    """
    fault = ""
    if not _NAME.fullmatch(name):
        fault = "it is not lower case letters, digits and single underscores between them, a letter first"
    elif len(name) > _LONGEST:
        fault = f"it has {len(name)} letters, and at most {_LONGEST} are allowed"
    elif iskeyword(name):
        fault = "it is a word of Python's own, and the domain is a Python package"
    elif name in _RESERVED or name.startswith("test_"):
        fault = "pytest and the loader of domains keep this name for their own files"
    if fault:
        shown = name if len(name) <= 2 * _LONGEST else f"{name[:_LONGEST]}..."
        raise SelectionError(
            f"{shown!r} cannot be a domain's name: {fault}", remedy="choose a name such as customer_care"
        )
    for place in (Path("domains", name), Path("domains", f"{name}.py")):
        if os.path.lexists(root / place):
            raise MeshError("this name is taken: it exists", where=str(place), remedy="choose another name")


def _filled(folder: Path, name: str) -> dict[Path, str]:
    return {
        folder / template.relative_to(_TEMPLATE).with_suffix(""): Template(
            template.read_text(encoding="utf-8")
        ).substitute(name=name, Title=name.replace("_", " ").capitalize())
        for template in sorted(_TEMPLATE.rglob("*.tmpl"))
    }


def _write(path: Path, text: str, undo: ExitStack) -> None:
    made = next((place for place in reversed(path.parents) if not place.exists()), path)
    undo.callback(_remove, made)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _remove(made: Path) -> None:
    if made.is_dir():
        shutil.rmtree(made)
    elif made.exists():
        made.unlink()


def _entries(text: str) -> str:
    """The text of a workspace up to the place of the next entry; comments stay."""
    try:
        document = parse_yaml(text)
    except YamlFault as fault:
        raise MeshError(
            f"is not a workspace: {fault.problem}", where="workspace.yaml", remedy=fault.fix
        ) from None
    if not isinstance(document, dict) or not document.get("load_from"):
        text = re.sub(r"^load_from:.*$", "", text, flags=re.MULTILINE).rstrip() + "\nload_from:"
    return text.strip()


def _sample(machines: int = 12, days: int = 90, seed: int = 7) -> str:
    """Readings of made-up machines, as CSV: heat and vibration raise the probability of a repair the day after."""
    random_ = random.Random(seed)
    lines = ["machine,day,temperature,vibration,repaired"]
    start = date(2026, 1, 1)
    for number in range(machines):
        wear = random_.uniform(0, 2)
        for offset in range(days):
            temperature = 55 + 8 * wear + random_.gauss(0, 4)
            vibration = max(0.0, 1 + 1.2 * wear + random_.gauss(0, 0.5))
            chance = 1 / (1 + math.exp(-(0.25 * (temperature - 68) + 1.5 * (vibration - 3))))
            repaired = random_.random() < chance
            wear = 0.0 if repaired else wear + random_.uniform(0, 0.15)
            day = start + timedelta(days=offset)
            lines.append(f"m{number:02d},{day},{temperature:.2f},{vibration:.3f},{str(repaired).lower()}")
    return "\n".join(lines) + "\n"
