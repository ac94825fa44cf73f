"""Rules over responsibility and access."""

from __future__ import annotations

from typing import Any

import pytest

from quality.lint.governance import AgreementsAreTyped, Classified, Owned, Served
from tests.quality.lint.broken_contracts import GOVERNANCE, Rewrite, refused
from tests.quality.lint.drafts import ID, draft, places

RULES = {"Classified", "Owned", "Served", "AgreementsAreTyped"}
PURPOSE = {"property": "purpose", "value": "planning"}


@pytest.mark.parametrize("case", GOVERNANCE)
def test_a_fault_of_governance_is_refused_with_file_place_and_fix(rewrite: Rewrite, case: str) -> None:
    """By a rule of this module."""
    assert RULES & {violation.rule for violation in refused(rewrite, GOVERNANCE[case])}


@pytest.mark.parametrize("given", [None, "", "Public", " public", "secret", True])
def test_only_the_four_classes_are_classes(given: object) -> None:
    """A word that is almost one of them would else be a class of its own."""
    column = {"name": "x", "classification": given}
    assert places(Classified(), draft({"name": "a", "classification": "public"}, column)) == [
        "schema[0].properties[1].classification"
    ]


@pytest.mark.parametrize(
    ("team", "where"),
    [
        (None, ["team.name", "team.members"]),
        ({}, ["team.name", "team.members"]),
        ([{"username": "a@b.org"}], ["team"]),
        ({"name": "", "members": [{"username": "a@b.org"}]}, ["team.name"]),
        ({"name": "crew", "members": None}, ["team.members"]),
        ({"name": "crew", "members": [{"username": "a@b.org"}]}, []),
        (
            {
                "name": "crew",
                "members": [{"username": n} for n in ("a", "a b@c", "a@b\n", "@b", "a@b")]
                + [{"role": "owner"}],
            },
            [f"team.members[{n}].username" for n in (0, 1, 2, 3, 5)],
        ),
    ],
)
def test_a_team_answers_by_mail(team: Any, where: list[str]) -> None:
    """It has a name and a member; each member that has no address is named."""
    assert places(Owned(), draft(ID, team=team)) == where


@pytest.mark.parametrize("servers", [None, []])
def test_an_empty_list_of_servers_serves_nobody(servers: object) -> None:
    """The same as no list."""
    assert places(Served(), draft(ID, servers=servers)) == ["servers"]
    assert places(Served(), draft(ID, servers=[{"server": "lake"}])) == []


@pytest.mark.parametrize(
    ("role", "where"),
    [
        ({"access": "read", "customProperties": [PURPOSE]}, []),
        ({"customProperties": [PURPOSE]}, ["roles[1].access"]),
        ({"access": "write", "customProperties": [PURPOSE]}, ["roles[1].access"]),
        ({"access": "read"}, ["roles[1].customProperties"]),
        ({"access": "write"}, ["roles[1].access", "roles[1].customProperties"]),
        (
            {"access": "read", "customProperties": [{"property": "purpose", "value": ["a"]}]},
            ["roles[1].customProperties"],
        ),
    ],
)
def test_an_agreement_reads_for_a_purpose(role: dict[str, Any], where: list[str]) -> None:
    """Nothing but reading is agreed, and the purpose is one text."""
    sound = {"role": "weather", "access": "read", "customProperties": [PURPOSE]}
    assert places(AgreementsAreTyped(), draft(ID, roles=[sound, {"role": "fleet", **role}])) == where


@pytest.mark.parametrize(
    ("until", "sound"),
    [
        ("2027-12-31", True),
        ("2028-02-29", True),
        ("2027-02-29", False),
        ("", False),
        ("soon", False),
        (20271231, False),
        (None, False),
    ],
)
def test_an_agreement_ends_on_a_day_of_the_calendar(until: object, sound: bool) -> None:
    """Written as text; without the property it has no end."""
    properties = [PURPOSE, {"property": "until", "value": until}]
    role = {"role": "fleet", "access": "read", "customProperties": properties}
    assert places(AgreementsAreTyped(), draft(ID, roles=[role])) == (
        [] if sound else ["roles[0].customProperties"]
    )
