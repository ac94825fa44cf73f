"""A domain's profile: read where it is sound, and every fault of it named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mesh_pipelines.declaring.domain_profile import DomainProfile, read_profile
from mesh_pipelines.errors import Violation

SOUND: dict[str, Any] = {
    "owner": "flight-operations",
    "contact": "ops@mesh.example",
    "priority": 9,
    "timezone": "America/New_York",
    "description": "Departures.",
}


def read(tmp_path: Path, content: Any) -> tuple[DomainProfile, tuple[Violation, ...]]:
    """Write a profile and read it."""
    folder = tmp_path / "domains" / "operations"
    folder.mkdir(parents=True)
    if content is not None:
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (folder / "domain.yaml").write_text(text, encoding="utf-8")
    return read_profile(folder)


def test_a_sound_profile_is_read_whole(tmp_path: Path) -> None:
    """Name of the folder, and every field as written; the zone can be computed with."""
    profile, violations = read(tmp_path, SOUND)
    assert not violations
    assert profile == DomainProfile(
        "operations", "flight-operations", "ops@mesh.example", 9, "America/New_York", "Departures."
    )
    assert str(profile.zone) == "America/New_York"


def test_owner_and_contact_are_enough(tmp_path: Path) -> None:
    """The other fields have defaults."""
    profile, violations = read(tmp_path, {"owner": "a", "contact": "a@b.example"})
    assert not violations
    assert (profile.priority, profile.timezone, profile.description) == (5, "UTC", "")


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        ({"owner": ""}, "owner", "is missing or empty"),
        ({"owner": None}, "owner", "is missing or empty"),
        ({"contact": "   "}, "contact", "is missing or empty"),
        ({"contact": "the hallway"}, "contact", "is not an e-mail address"),
        ({"priority": 11}, "priority", "11 is not a whole number from 1 to 10"),
        ({"priority": 0}, "priority", "0 is not a whole number"),
        ({"priority": "high"}, "priority", "'high' is not a whole number"),
        ({"priority": True}, "priority", "True is not a whole number"),
        ({"priority": 2.5}, "priority", "2.5 is not a whole number"),
        ({"timezone": "New York"}, "timezone", "'New York' is not an IANA time zone"),
        ({"timezone": 5}, "timezone", "5 is not an IANA time zone"),
        ({"timezone": ["UTC"]}, "timezone", "is not an IANA time zone"),
        ({"ownr": "x"}, "ownr", "is not a field"),
        ({7: "x"}, "7", "is not a field"),
    ],
    ids=str,
)
def test_each_fault_is_named_with_place_and_fix(
    tmp_path: Path, change: dict[str, Any], place: str, problem: str
) -> None:
    """A fault names file, field and what to write; what was sound is read all the same."""
    profile, violations = read(tmp_path, {**SOUND, **change})
    [fault] = [v for v in violations if problem in v.problem]
    assert fault.where == f"domains/operations/domain.yaml: {place}"
    assert fault.rule == "DomainHasAProfile"
    assert fault.fix
    assert profile.description == "Departures."
    assert profile.zone
    assert 1 <= profile.priority <= 10


def test_all_faults_are_found_at_once(tmp_path: Path) -> None:
    """One look shows everything that is to be mended."""
    _, violations = read(tmp_path, {"priority": 99, "timezone": "Mars", "colour": "red"})
    assert [v.where.rpartition(": ")[2] for v in violations] == [
        "colour", "owner", "contact", "priority", "timezone",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "the file is missing"),
        ("owner: [", "is not YAML"),
        ("", "is missing or empty"),
        ("- a\n- b\n", "is not a mapping"),
    ],
    ids=["missing", "broken", "empty", "a list"],
)
def test_a_file_that_says_nothing_is_a_violation(tmp_path: Path, content: str | None, problem: str) -> None:
    """A missing, broken, empty or misshapen file is a violation, never a traceback."""
    profile, violations = read(tmp_path, content)
    assert any(problem in v.problem for v in violations)
    assert profile.name == "operations"


def test_a_file_in_another_encoding_is_a_violation(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are a violation, never a traceback."""
    folder = tmp_path / "operations"
    folder.mkdir()
    (folder / "domain.yaml").write_bytes("owner: Müller\n".encode("latin-1"))
    _, [fault] = read_profile(folder)
    assert "not UTF-8" in fault.problem
