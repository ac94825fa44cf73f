"""``workspace.yaml``: its entries, each a code location, and the entries that are none, each with its line and fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from mesh_pipelines.errors import MeshError, Violation
from quality.yaml_text import YamlFault, read_yaml

FILE = "workspace.yaml"
_ENTRY = "python_module"
_KEYS = ("module_name", "location_name", "attribute", "working_directory", "executable_path")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_EXAMPLE = (
    "write it as `- python_module:`, and two spaces further in than `python_module`, each on a line of its own, "
    "`module_name: domains.weather.definitions` and `location_name: weather`"
)
_SHOWN = 80


@dataclass(frozen=True)
class Location:
    """One entry of ``workspace.yaml``: a code location, which is a domain.

    ``attribute`` is the variable of the module that holds the definitions; empty for the only one there is.
    """

    name: str
    module: str
    attribute: str = ""
    working_directory: str = ""
    executable_path: str = ""

    @property
    def package(self) -> str:
        return self.module.rpartition(".")[0]

    @property
    def domain(self) -> str:
        return self.package.rpartition(".")[2]


@dataclass(frozen=True)
class Workspace:
    """The entries of a workspace; the violations of refused ones are about the domain, or ``entry 2``."""

    locations: tuple[Location, ...]
    refused: tuple[Violation, ...] = ()


class _EntryFault(Exception):
    """An entry is no code location."""

    def __init__(self, problem: str, fix: str = _EXAMPLE) -> None:
        super().__init__(problem)
        self.problem, self.fix = problem, fix


def read_entries(root: Path) -> Workspace:
    """Read the entries of ``workspace.yaml`` in a folder.

    Raises MeshError: the file is missing, or is as a whole no list of entries.
    """
    entries = _listed(root)
    locations: list[Location] = []
    faults: dict[int, _EntryFault] = {}
    for number, entry in enumerate(entries, 1):
        try:
            location = _location_of(entry)
            _require_other(location, locations)
            locations.append(location)
        except _EntryFault as fault:
            faults[number] = fault
    if not faults:
        return Workspace(tuple(locations))
    lines, known = _lines_of_entries(root), {location.domain for location in locations}
    refused: list[Violation] = []
    for number, fault in faults.items():
        name = _name_in(entries[number - 1])
        unnamed = not name or name in known or any(name in other.about for other in refused)
        refused.append(
            Violation(
                "EntryNamesADomain",
                f"{FILE}, line {lines[number - 1]}",
                f"entry {number}{f' ({name})' if name else ''} {fault.problem}",
                fault.fix,
                (f"entry {number}" if unnamed else name,),
            )
        )
    return Workspace(tuple(locations), tuple(refused))


def _listed(root: Path) -> list[Any]:
    from resources.settings import get_settings

    try:
        document: Any = read_yaml(root / FILE, aliased=get_settings().yaml_aliases)[0]
    except FileNotFoundError:
        raise MeshError(
            "there is no workspace.yaml",
            where=str(root),
            remedy="run from the folder that holds it, or below",
        ) from None
    except YamlFault as fault:
        raise MeshError(f"is not a workspace: {fault.problem}", where=FILE, remedy=fault.fix) from None
    except OSError as error:
        raise MeshError(
            f"cannot be read: {error.strerror or error}",
            where=str(root / FILE),
            remedy="give this account the right to read it",
        ) from None
    if document is None:
        return []
    remedy = "begin it with `load_from:`, and list the code locations below, each as `- python_module:`"
    if not isinstance(document, dict):
        raise MeshError(f"is not a workspace: it is {_kind(document)}", where=FILE, remedy=remedy)
    if unknown := [key for key in document if key != "load_from"]:
        shown = ", ".join(f"`{_short(key)}`" for key in unknown)
        raise MeshError(f"is not a workspace: unknown is {shown}", where=FILE, remedy=remedy)
    entries: Any = document.get("load_from") or []
    if not isinstance(entries, list):
        raise MeshError(
            f"is not a workspace: load_from is {_kind(entries)}, and no list", where=FILE, remedy=remedy
        )
    return entries


def _location_of(entry: Any) -> Location:
    if not isinstance(entry, dict):
        raise _EntryFault(f"is {_kind(entry)}, and no code location")
    given: Mapping[Any, Any] = entry
    if moved := [key for key in given if key in _KEYS]:
        raise _EntryFault(
            f"has `{moved[0]}` beside `python_module`, and it belongs below it",
            f"indent {_and(moved)} two spaces further than `python_module`",
        )
    if unknown := [key for key in given if key != _ENTRY]:
        raise _unknown_key_error(unknown[0], (_ENTRY,))
    module = given.get(_ENTRY)
    if isinstance(module, str):
        module = {"module_name": module}
    if not isinstance(module, dict):
        raise _EntryFault("has no `module_name`" if module is None else f"has {_kind(module)} as its module")
    if unknown := [key for key in module if key not in _KEYS]:
        raise _unknown_key_error(unknown[0], _KEYS)
    if "module_name" not in module:
        raise _EntryFault("has no `module_name`")
    texts = {key: value for key, value in module.items() if value is not None}
    for key, value in texts.items():
        if not isinstance(value, str) or not value.strip():
            raise _EntryFault(f"has {_kind(value)} as its `{key}`", f"write `{key}` as text, in quotes")
    name = texts.get("module_name", "")
    if not _MODULE.fullmatch(name):
        raise _EntryFault(
            f"has the module `{_short(name)}`, which is no dotted name of Python's",
            "name the definitions of the domain's folder, as `module_name: domains.weather.definitions`",
        )
    return Location(
        texts.get("location_name") or name.split(".")[-2],
        name,
        texts.get("attribute", ""),
        texts.get("working_directory", ""),
        texts.get("executable_path", ""),
    )


def _require_other(location: Location, known: Sequence[Location]) -> None:
    """Refuse a second entry of a module, or of another domain's location name: Dagster would start none of the mesh."""
    if any(other.module == location.module for other in known):
        raise _EntryFault(f"names {location.module} again", "take one of the two entries away")
    first = next((other for other in known if other.name == location.name), None)
    if first is not None and first.domain != location.domain:
        raise _EntryFault(
            f"has the location_name `{_short(location.name)}` of another entry, {first.module}",
            f"give it a name of its own, as `location_name: {location.domain}`",
        )


def _unknown_key_error(key: Any, known: tuple[str, ...]) -> _EntryFault:
    near = get_close_matches(str(key), known, n=1)
    return _EntryFault(
        f"has the unknown key `{_short(key)}`", f"did you mean `{near[0]}`?" if near else _EXAMPLE
    )


def _lines_of_entries(root: Path) -> list[int]:
    """The line that each entry begins in, from 1. The file has been read within its limits before."""
    node: Any = yaml.compose((root / FILE).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    [(_, entries)] = node.value
    return [entry.start_mark.line + 1 for entry in entries.value]


def _name_in(entry: Any) -> str:
    """The domain that an entry is likely to mean; empty where nothing in it is a name."""
    texts = list(_texts_in(entry))
    modules = [text for text in texts if _MODULE.fullmatch(text) and text.count(".") > 1]
    names = [text for text in texts if text.isidentifier()]
    return modules[0].split(".")[-2] if modules else names[0] if names else ""


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts_in(one)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"the number {_short(value)}"
        case str():
            return f"the text `{_short(value)}`" if value.strip() else "empty text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _and(keys: list[Any]) -> str:
    return " and ".join(f"`{key}`" for key in keys)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
