"""Rules over responsibility and access: classification, owner, server, agreements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date

from quality.lint.draft import Draft
from quality.lint.rule import Finding, Lint

CLASSIFICATIONS = ("public", "internal", "confidential", "restricted")


class Classified(Lint):
    """Every column is classified, for only `public` ones are stored in clear."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for at, p in draft.properties:
            given = p.get("classification")
            if given not in CLASSIFICATIONS:
                problem = f"column `{p['name']}` is " + (
                    f"classified `{given}`" if given else "not classified"
                )
                place = ("schema", 0, "properties", at, "classification")
                yield place, problem, f"write one of {', '.join(CLASSIFICATIONS)}"


class Owned(Lint):
    """Somebody answers for it: a team with a name and at least one member, by mail address."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        team = draft.document.get("team") or {}
        if not isinstance(team, Mapping):
            yield ("team",), "the team is a bare list", "write `team: {name: ..., members: [...]}`"
            return
        if not team.get("name"):
            yield (
                ("team", "name"),
                "the contract has no owning team",
                "add `team: {name: ..., members: [...]}`",
            )
        if not team.get("members"):
            yield ("team", "members"), "the team has no member", "add at least one member: `username: <mail>`"
        for i, member in enumerate(team.get("members", ())):
            if not re.match(r"[^@\s]+@[^@\s]+\Z", member.get("username", "")):
                problem = f"`{member.get('username', '')}` is no mail address"
                yield ("team", "members", i, "username"), problem, "write the member's mail address"


class Served(Lint):
    """Consumers are told where the product is."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        if not draft.document.get("servers"):
            fix = "add `servers: [{server: lake, type: local, path: ..., format: delta}]`"
            yield ("servers",), "the contract names no server", fix


class AgreementsAreTyped(Lint):
    """A role is an agreement: which domain reads, for which purpose, until when."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for i, role in enumerate(draft.document.get("roles", ())):
            custom = {c["property"]: c["value"] for c in role.get("customProperties", ())}
            if role.get("access") != "read":
                yield (
                    ("roles", i, "access"),
                    f"access `{role.get('access')}` is not granted by the mesh",
                    "write `access: read`",
                )
            if not isinstance(custom.get("purpose"), str):
                fix = "add `customProperties: [{property: purpose, value: ...}]`"
                yield ("roles", i, "customProperties"), f"role `{role['role']}` has no purpose", fix
            if "until" in custom:
                try:
                    date.fromisoformat(custom["until"])
                except (TypeError, ValueError):
                    place = ("roles", i, "customProperties")
                    yield place, f"until `{custom['until']}` is no day", "write an ISO date, e.g. 2027-12-31"
