"""Read an ODCS file and check it against the JSON schema of the standard, which finds a typo at any depth.

Source: Open Data Contract Standard 3.2.0 (Bitol, LF AI & Data), JSON schema as packaged by open-data-contract-standard.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_pipelines.errors import ContractError, Violation
from quality.yaml_text import ALIASED, YamlFault, parse_yaml, read_yaml

if TYPE_CHECKING:
    import jsonschema_rs

Document = dict[str, Any]
RULE = "ContractIsValid"
NO_FIX = "write what the standard asks for"
"""Fix of what only the standard knows."""


def read(path: Path, *, aliased: int = ALIASED) -> tuple[Document, bytes]:
    """Read one ``.odcs.yaml`` file.

    Returns:
        The document, and the bytes it was read from (for its digest).

    Raises:
        ContractError: the file is missing, is not UTF-8, not YAML within its limits, or not a mapping.
    """
    try:
        document, content = read_yaml(path, aliased=aliased)
    except OSError as error:
        raise _unreadable(
            path, f"the contract cannot be read ({error.strerror})", "write the file"
        ) from error
    except YamlFault as fault:
        raise _unreadable(path, fault.problem, fault.fix) from fault
    if not isinstance(document, dict):
        raise _unreadable(path, "the file holds no contract", "start it with `apiVersion: v3.2.0`")
    return document, content


def _unreadable(path: Path, problem: str, fix: str) -> ContractError:
    return ContractError(str(path), [Violation(RULE, str(path), problem, fix)])


def violations_of_standard(document: Document, path: Path) -> list[Violation]:
    """Every entry of the document that the standard does not allow, each with its JSON path."""
    errors = [leaf for error in _validator().iter_errors(document) for leaf in _leaves(error)]
    places = [tuple(e.instance_path) for e in errors if not _is_unevaluated(e)]
    found: dict[tuple[str, str], Violation] = {}
    for error in errors:
        for violation in _violations_of(error, path, places):
            found.setdefault((violation.where, violation.problem), violation)
    return list(found.values())


def _schema() -> Document:
    # Found, not imported: the package imports pydantic models that are not needed here.
    spec = find_spec("open_data_contract_standard")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("open_data_contract_standard")
    return json.loads(Path(spec.origin).with_name("schema.json").read_bytes())


@functools.cache
def _validator() -> jsonschema_rs.Draft201909Validator:
    import jsonschema_rs

    schema = _schema()
    # The one object that the standard leaves open: a typo there would pass unseen.
    schema["properties"]["description"]["additionalProperties"] = False
    return jsonschema_rs.Draft201909Validator(schema)


@functools.cache
def _vocabulary() -> frozenset[str]:
    def names(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            properties = node.get("properties")
            if isinstance(properties, dict):
                yield from properties
            for child in node.values():
                yield from names(child)
        elif isinstance(node, list):
            for child in node:
                yield from names(child)

    return frozenset(names(_schema()))


def _is_unevaluated(error: Any) -> bool:
    return error.kind.name in ("unevaluatedProperties", "additionalProperties")


def _leaves(error: Any) -> Iterable[Any]:
    """Of alternatives (``oneOf``), the complaints of the branch that came nearest: those name the true place."""
    branches: Sequence[Sequence[Any]] = getattr(error.kind, "context", None) or ()
    if not branches:
        return [error]
    alike = [
        b
        for b in branches
        if not any(e.kind.name == "type" and e.instance_path == error.instance_path for e in b)
    ]
    if "DataQualityOperators" in error.schema_path:
        return [error]
    return [leaf for e in alike[0] for leaf in _leaves(e)] if alike else [error]


def _violations_of(error: Any, path: Path, places: Sequence[tuple[object, ...]]) -> Iterator[Violation]:
    place = tuple(error.instance_path)
    if "DataQualityOperators" in error.schema_path and error.kind.name.startswith("oneOf"):
        return  # the lint rule OneOperator says it in words
    if not _is_unevaluated(error):
        fix = NO_FIX
        if error.kind.name == "required":
            fix = f"add `{error.kind.property}`"
        elif error.kind.name == "type" and isinstance(error.instance, bool):
            fix = quoting(error.instance)
        yield Violation(RULE, f"{path}: {json_path(place)}", error.message, fix)
        return
    # When a neighbour is invalid, JSON schema no longer knows its properties and reports sound ones too.
    disturbed = any(other[: len(place)] == place for other in places)
    for name in error.kind.unexpected:
        if disturbed and name in _vocabulary():
            continue
        near = [n for n in difflib.get_close_matches(name, _vocabulary(), n=2) if n != name]
        fix = f"did you mean `{near[0]}`?" if near else "remove it, or move it into `customProperties`"
        yield Violation(
            RULE, f"{path}: {json_path((*place, name))}", f"`{name}` is not a field of ODCS here", fix
        )


def quoting(value: object) -> str:
    """Fix of a value that was meant as text, and that YAML 1.1 reads as something else."""
    if isinstance(value, bool):
        return "write text in quotes: YAML reads no and off as false, yes and on as true"
    if value is None:
        return "write text in quotes: YAML reads null and ~ as nothing"
    return "write text in quotes: YAML reads digits as a number"


def json_path(parts: Iterable[object]) -> str:
    """``("schema", 0, "name")`` as people write it: ``schema[0].name``."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(whole file)"


def parse(text: str) -> Document:
    """A ``custom`` rule's implementation written as text (YAML or JSON); empty if it is neither."""
    try:
        parsed = parse_yaml(text)
    except YamlFault:
        return {}
    return parsed if isinstance(parsed, dict) else {}
