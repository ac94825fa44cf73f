"""Rules over service levels, partitions and the custom properties that the mesh reads."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from quality import values
from quality.lint.draft import Draft
from quality.lint.rule import Finding, Lint

OURS = ("tolerance", "partitions", "missingValues")  # contract-level customProperties that the mesh reads


TIMES = ("freshness", "latency", "frequency", "retention")


OTHER_SLA = (
    "availability", "throughput", "errorRate", "generalAvailability", "endOfSupport", "endOfLife", "timeToDetect",
    "timeToNotify", "timeToRepair", "timeOfAvailability",
)  # fmt: skip


class PromisesInTime(Lint):
    """Every service level can be read: known property, number and unit, cron with a real time zone."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for i, p in enumerate(draft.document.get("slaProperties", ())):
            name = p["property"]
            if name not in (*TIMES, *OTHER_SLA):
                problem = f"service level `{name}` is not known"
                yield (
                    ("slaProperties", i, "property"),
                    problem,
                    f"write one of {', '.join((*TIMES, *OTHER_SLA))}",
                )
            if name in TIMES:
                try:
                    values.duration(p["value"], p.get("unit"))
                except ValueError as error:
                    yield (
                        ("slaProperties", i),
                        f"{name}: {error}",
                        f"e.g. `value: 1, unit: d` (of {', '.join(values.UNITS)})",
                    )
            schedule = p.get("schedule")
            if schedule and (p.get("scheduler", "cron") != "cron" or len(schedule.split()) != 5):
                yield (
                    ("slaProperties", i, "schedule"),
                    f"`{schedule}` is no cron schedule",
                    "write five fields, e.g. `0 6 * * *`",
                )
            for j, c in enumerate(p.get("customProperties", ())):
                if c["property"] == "timezone":
                    try:
                        ZoneInfo(c["value"])
                    except (ValueError, TypeError, ZoneInfoNotFoundError, IsADirectoryError):
                        place = ("slaProperties", i, "customProperties", j, "value")
                        yield (
                            place,
                            f"`{c['value']}` is no time zone",
                            "write an IANA name, e.g. `America/New_York`",
                        )


class OurPropertiesAreTyped(Lint):
    """The custom properties that the mesh reads are well typed, and not misspelt."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for i, p in enumerate(draft.document.get("customProperties", ())):
            near = difflib.get_close_matches(p["property"], OURS, n=1)
            if near and p["property"] not in OURS:
                problem = f"custom property `{p['property']}` is not read by the mesh"
                yield ("customProperties", i, "property"), problem, f"did you mean `{near[0]}`?"
        if found := draft.custom("tolerance"):
            place, value = found
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
                yield (
                    place,
                    f"tolerance `{value}` is no percentage",
                    "write a number from 0 to 100 (percent of rows)",
                )
        if found := draft.custom("missingValues"):
            place, value = found
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                yield (
                    place,
                    f"missingValues `{value}` is no list of words",
                    "write e.g. `[NA, null]`, quoted where YAML asks",
                )


class Partitioned(Lint):
    """A partitioned product says by which column, in which steps and since when, and until when if that is known."""

    SINCE: ClassVar[dict[str, str]] = {
        "day": r"\d{4}-\d\d-\d\d\Z",
        "month": r"\d{4}-\d\d\Z",
        "year": r"\d{4}\Z",
    }

    def check(self, draft: Draft) -> Iterable[Finding]:
        columns = [(at, p) for at, p in draft.properties if p.get("partitioned")]
        found = draft.custom("partitions")
        if len(columns) > 1:
            place = ("schema", 0, "properties", columns[1][0], "partitioned")
            yield place, "a product has one partition column at most", "keep one `partitioned: true`"
        if columns and columns[0][1].get("logicalType") != "string":
            place = ("schema", 0, "properties", columns[0][0], "logicalType")
            yield place, "the partition column is not a string", "make it a string such as 2013-03"
        # Files of a source carry their partition in their name, so it needs no column.
        if bool(columns) != bool(found) and not (found and draft.stage == "source"):
            fix = 'write both `partitioned: true` at the column and `partitions: {every: month, since: "2013-01"}`'
            yield found[0] if found else ("customProperties",), "only half of a partitioning is given", fix
        if found:
            place, value = found
            every = value.get("every") if isinstance(value, dict) else None
            if every not in self.SINCE or set(value) - {"until"} != {"every", "since"}:
                yield (
                    place,
                    f"partitions `{value}` cannot be read",
                    'write `{every: day|month|year, since: "2013-01"}`, and `until` where there is a last one',
                )
                return
            given = {word: value[word] for word in ("since", "until") if word in value}
            form = re.compile(self.SINCE[every])
            wrong = [word for word, name in given.items() if not (isinstance(name, str) and form.match(name))]
            for word in wrong:
                yield (
                    (*place, word),
                    f"`{value[word]}` is no {every}",
                    'quote it, e.g. "2013-01" for a month',
                )
            if not wrong and value.get("until", value["since"]) < value["since"]:
                yield (
                    (*place, "until"),
                    f"the last {every} `{value['until']}` is before the first",
                    f"write `{value['since']}` or a later one, or leave it out",
                )
