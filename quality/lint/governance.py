"""Rules over responsibility and access: classification, owner, server, agreements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from mesh_pipelines.errors import Violation
from quality.lint.draft import Draft
from quality.lint.rule import Rule

CLASSIFICATIONS = ("public", "internal", "confidential", "restricted")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")
_TEAM = "add `team: {name: ..., members: [...]}`"


class Classified(Rule[Draft]):
    """Every column is classified, for only `public` ones are stored in clear."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        for at, p in draft.properties:
            given = p.get("classification")
            if given not in CLASSIFICATIONS:
                state = f"classified `{given}`" if given else "not classified"
                yield self.violation(
                    draft.place("schema", 0, "properties", at, "classification"),
                    f"column `{p['name']}` is {state}",
                    f"write one of {', '.join(CLASSIFICATIONS)}",
                )


class Owned(Rule[Draft]):
    """A team answers for the product: it has a name and at least one member, by mail address."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        team = draft.document.get("team") or {}
        if not isinstance(team, Mapping):
            yield self.violation(
                draft.place("team"), "the team is a bare list", "write `team: {name: ..., members: [...]}`"
            )
            return
        if not team.get("name"):
            yield self.violation(draft.place("team", "name"), "the contract has no owning team", _TEAM)
        members: list[Mapping[str, Any]] = team.get("members") or []
        if not members:
            yield self.violation(
                draft.place("team", "members"),
                "the team has no member",
                "add at least one member: `username: <mail>`",
            )
        for i, member in enumerate(members):
            if not _MAIL.match(member.get("username", "")):
                yield self.violation(
                    draft.place("team", "members", i, "username"),
                    f"`{member.get('username', '')}` is no mail address",
                    "write the member's mail address",
                )


class Served(Rule[Draft]):
    """Consumers find the product at a server that the contract names."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        if not draft.document.get("servers"):
            yield self.violation(
                draft.place("servers"),
                "the contract names no server",
                "add `servers: [{server: lake, type: local, path: ..., format: delta}]`",
            )


class AgreementsAreTyped(Rule[Draft]):
    """A role is an agreement: which domain reads, for which purpose, until when."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        for i, role in enumerate(draft.document.get("roles", ())):
            custom = {c["property"]: c["value"] for c in role.get("customProperties", ())}
            where = draft.place("roles", i, "customProperties")
            if role.get("access") != "read":
                yield self.violation(
                    draft.place("roles", i, "access"),
                    f"access `{role.get('access')}` is not granted by the mesh",
                    "write `access: read`",
                )
            if not isinstance(custom.get("purpose"), str):
                yield self.violation(
                    where,
                    f"role `{role['role']}` has no purpose",
                    "add `customProperties: [{property: purpose, value: ...}]`",
                )
            if "until" in custom and not _is_day(custom["until"]):
                yield self.violation(
                    where, f"until `{custom['until']}` is no day", "write an ISO date, e.g. 2027-12-31"
                )


def _is_day(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
