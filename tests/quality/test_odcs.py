"""A contract's file is read, and held against the schema of the standard."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from mesh_pipelines.errors import ContractError
from quality.contract import load_contract
from quality.odcs import json_path, parse, quoting, read, violations_of_standard
from tests.quality.lint.broken_contracts import BROKEN, STANDARD, Rewrite, refused

FLIGHTS = Path(__file__).parent / "contracts" / "flights.odcs.yaml"


@pytest.mark.parametrize("case", STANDARD)
def test_a_break_of_the_standard_is_refused_with_file_place_and_fix(rewrite: Rewrite, case: str) -> None:
    """By the rule of the standard, which finds a typo at any depth."""
    assert "ContractIsValid" in {violation.rule for violation in refused(rewrite, STANDARD[case])}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: [", "YAML"),
        (b"- 1", "no contract"),
        (b"id: a\nid: b\n", "twice"),
        (b"", "no contract"),
    ],
)
def test_a_file_that_is_no_contract_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Binary, broken YAML, a list, an empty file, a key written twice."""
    path = tmp_path / "x.odcs.yaml"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=words):
        load_contract(path)


def test_a_missing_file_is_a_contract_error(tmp_path: Path) -> None:
    """Not a traceback about files."""
    with pytest.raises(ContractError, match="cannot be read"):
        load_contract(tmp_path / "none.odcs.yaml")


def test_the_contract_is_what_other_odcs_tools_read() -> None:
    """The packaged models of the standard read the fixture and keep all of it."""
    from open_data_contract_standard.model import OpenDataContractStandard

    read = OpenDataContractStandard.from_file(str(FLIGHTS))
    assert read.schema_ is not None
    assert read.schema_[0].properties is not None
    assert len(read.schema_[0].properties) == 8


def test_one_fault_is_reported_once(rewrite: Rewrite) -> None:
    """A typo brings no avalanche of complaints about its sound neighbours."""
    for case in (
        "typo in a property",
        "typo in a rule",
        "typo in the team",
        "no operator",
        "typo in type options",
    ):
        with pytest.raises(ContractError) as error:
            load_contract(rewrite(BROKEN[case][0]))
        assert len(error.value.violations) == 1, str(error.value)


def test_what_is_read_is_the_document_and_its_bytes() -> None:
    """The digest of a contract is taken of the file itself."""
    document, content = read(FLIGHTS)
    assert (document["id"], content) == (yaml.safe_load(content)["id"], FLIGHTS.read_bytes())


def test_an_empty_document_lacks_every_field_that_the_standard_requires() -> None:
    """All of them at once, each with the fix."""
    found = violations_of_standard({}, FLIGHTS)
    assert {violation.fix for violation in found} >= {"add `apiVersion`", "add `id`", "add `version`"}
    assert {violation.where for violation in found} == {f"{FLIGHTS}: (whole file)"}


def test_a_sound_document_has_no_violation_and_stays_as_it_is() -> None:
    """The check changes nothing of it."""
    document, _ = read(FLIGHTS)
    before = copy.deepcopy(document)
    assert violations_of_standard(document, FLIGHTS) == []
    assert document == before


@pytest.mark.parametrize(
    ("field", "fix"),
    [
        ("descripton", "did you mean `description`?"),
        ("zzz", "remove it, or move it into `customProperties`"),
        ("", "remove it, or move it into `customProperties`"),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest_known(field: str, fix: str) -> None:
    """Where there is none near, it belongs to the team's own properties."""
    document, _ = read(FLIGHTS)
    [found] = violations_of_standard({**document, field: {}}, FLIGHTS)
    assert (found.problem, found.fix) == (f"`{field}` is not a field of ODCS here", fix)


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ((), "(whole file)"),
        (("schema",), "schema"),
        (("schema", 0, "properties", 12, "name"), "schema[0].properties[12].name"),
        ((0,), "[0]"),
        (("a.b", "c"), "a.b.c"),
    ],
)
def test_a_path_is_written_as_people_write_it(parts: Sequence[object], path: str) -> None:
    """A number is an index."""
    assert json_path(parts) == path


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("{type: x}", {"type": "x"}),
        ('{"type": "x"}', {"type": "x"}),
        ("", {}),
        ("- 1", {}),
        ("x", {}),
        ("{", {}),
    ],
)
def test_an_implementation_as_text_is_yaml_or_json(text: str, document: dict[str, Any]) -> None:
    """Anything that is no mapping is empty."""
    assert parse(text) == document


@pytest.mark.parametrize(
    ("value", "word"), [(True, "yes and on"), (False, "no and off"), (None, "null"), (7, "digits")]
)
def test_the_fix_names_what_yaml_made_of_the_word(value: object, word: str) -> None:
    """The author wrote text."""
    assert word in quoting(value)
    assert "in quotes" in quoting(value)
