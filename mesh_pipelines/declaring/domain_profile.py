"""A domain's profile, ``domain.yaml``: owner, contact, priority and time zone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mesh_pipelines.errors import Violation
from quality.values import is_time_zone
from quality.yaml_text import ALIASED, YamlFault, read_yaml

_FIELDS = {"owner", "contact", "priority", "timezone", "description"}
_REQUIRED = ("owner", "contact")


@dataclass(frozen=True)
class DomainProfile:
    """Facts about a whole domain; its priority, 1 (lowest) to 10, decides the order of work where compute is scarce."""

    name: str
    owner: str
    contact: str
    priority: int = 5
    timezone: str = "UTC"
    description: str = ""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def read_profile(folder: Path, *, aliased: int = ALIASED) -> tuple[DomainProfile, tuple[Violation, ...]]:
    """Read ``domain.yaml``: the profile, with defaults in place of faulty fields, and the faults."""
    file, name = folder / "domain.yaml", folder.name
    found: list[Violation] = []

    def violation(place: str, problem: str, fix: str) -> None:
        found.append(Violation("DomainHasAProfile", f"{_short(file)}: {place}", problem, fix))

    given: dict[str, Any] = {}
    try:
        loaded, _ = read_yaml(file, aliased=aliased)
        if isinstance(loaded, dict):
            given = {str(name): value for name, value in loaded.items()}
        elif loaded is not None:
            violation("$", "is not a mapping of fields", "write `field: value`, one a line")
    except FileNotFoundError:
        violation("$", "the file is missing", "write one with at least `owner` and `contact`")
    except YamlFault as fault:
        violation("$", fault.problem, fault.fix)
    except OSError as error:
        violation("$", f"cannot be read ({error.strerror})", "write a file of this name")
    if given or not found:
        for unknown in sorted(set(given) - _FIELDS):
            violation(
                unknown, "is not a field of a domain's profile", f"use one of {', '.join(sorted(_FIELDS))}"
            )
        for wanted in _REQUIRED:
            if not isinstance(given.get(wanted), str) or not given[wanted].strip():
                violation(wanted, "is missing or empty", f"say who: `{wanted}: ...`")
        if "@" not in str(given.get("contact", "@")):
            violation("contact", "is not an e-mail address", "give the address of the team")
        priority = given.get("priority", 5)
        if type(priority) is not int or not 1 <= priority <= 10:  # True is an int to isinstance
            violation(
                "priority",
                f"{priority!r} is not a whole number from 1 to 10",
                "write for example `priority: 5`",
            )
            given["priority"] = 5
        if not is_time_zone(str(given.get("timezone", "UTC"))):
            violation(
                "timezone",
                f"{given['timezone']!r} is not an IANA time zone",
                "write for example `America/New_York`",
            )
            given["timezone"] = "UTC"
    profile = DomainProfile(
        name=name,
        owner=str(given.get("owner", "")),
        contact=str(given.get("contact", "")),
        priority=given.get("priority", 5),
        timezone=given.get("timezone", "UTC"),
        description=str(given.get("description", "")).strip(),
    )
    return profile, tuple(found)


def _short(file: Path) -> str:
    return "/".join(file.parts[-3:])
