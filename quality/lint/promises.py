"""Rules over service levels, partitions and the custom properties that the mesh reads."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mesh_pipelines.errors import Violation
from quality import values
from quality.lint.draft import Draft
from quality.lint.rule import Rule

CUSTOM_PROPERTIES = ("tolerance", "partitions", "missingValues")
"""Contract-level ``customProperties`` that the mesh reads."""

TIMES = ("freshness", "latency", "frequency", "retention")
"""Service levels that are a length of time."""

OTHER_SLA = (
    "availability", "throughput", "errorRate", "generalAvailability", "endOfSupport", "endOfLife", "timeToDetect",
    "timeToNotify", "timeToRepair", "timeOfAvailability",
)  # fmt: skip

_PARTITION_NAMES = {
    "day": re.compile(r"\d{4}-\d\d-\d\d\Z"),
    "month": re.compile(r"\d{4}-\d\d\Z"),
    "year": re.compile(r"\d{4}\Z"),
}


class PromisesInTime(Rule[Draft]):
    """Every service level can be read: known property, number and unit, cron with a real time zone."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        seen: set[str] = set()
        for i, p in enumerate(draft.document.get("slaProperties", ())):
            name = p["property"]
            if name in seen and name in TIMES:
                yield self.violation(
                    draft.place("slaProperties", i, "property"),
                    f"service level `{name}` is promised twice",
                    "keep the one that holds",
                )
            seen.add(name)
            if name not in (*TIMES, *OTHER_SLA):
                yield self.violation(
                    draft.place("slaProperties", i, "property"),
                    f"service level `{name}` is not known",
                    f"write one of {', '.join((*TIMES, *OTHER_SLA))}",
                )
            if name in TIMES:
                try:
                    values.duration(p["value"], p.get("unit"))
                except ValueError as error:
                    yield self.violation(
                        draft.place("slaProperties", i),
                        f"{name}: {error}",
                        f"e.g. `value: 1, unit: d` (of {', '.join(values.UNITS)})",
                    )
            yield from self._schedule(draft, i, p)

    def _schedule(self, draft: Draft, i: int, p: Mapping[str, Any]) -> Iterator[Violation]:
        schedule = p.get("schedule")
        if schedule and (p.get("scheduler", "cron") != "cron" or not values.is_cron(schedule)):
            yield self.violation(
                draft.place("slaProperties", i, "schedule"),
                f"`{schedule}` is no cron schedule",
                "write five fields, e.g. `0 6 * * *`",
            )
        for j, c in enumerate(p.get("customProperties", ())):
            if c["property"] == "timezone" and not values.is_time_zone(c["value"]):
                yield self.violation(
                    draft.place("slaProperties", i, "customProperties", j, "value"),
                    f"`{c['value']}` is no time zone",
                    "write an IANA name, e.g. `America/New_York`",
                )


class OurPropertiesAreTyped(Rule[Draft]):
    """The custom properties that the mesh reads are well typed, and not misspelt."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        names = [p["property"] for p in draft.document.get("customProperties", ())]
        for i, name in enumerate(names):
            if name in CUSTOM_PROPERTIES and name in names[:i]:
                yield self.violation(
                    draft.place("customProperties", i, "property"),
                    f"custom property `{name}` is written twice",
                    "keep the one that holds",
                )
        for i, p in enumerate(draft.document.get("customProperties", ())):
            near = difflib.get_close_matches(p["property"], CUSTOM_PROPERTIES, n=1)
            if near and p["property"] not in CUSTOM_PROPERTIES:
                yield self.violation(
                    draft.place("customProperties", i, "property"),
                    f"custom property `{p['property']}` is not read by the mesh",
                    f"did you mean `{near[0]}`?",
                )
        if found := draft.custom("tolerance"):
            steps, value = found
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
                yield self.violation(
                    draft.place(*steps),
                    f"tolerance `{value}` is no percentage",
                    "write a number from 0 to 100 (percent of rows)",
                )
        if found := draft.custom("missingValues"):
            steps, value = found
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                yield self.violation(
                    draft.place(*steps),
                    f"missingValues `{value}` is no list of words",
                    'write e.g. `[NA, "no", "null", "9"]`: unquoted, YAML reads no, null and 9 as no text',
                )


class Partitioned(Rule[Draft]):
    """A partitioned product names its partition column, the steps, the first partition, and a last one if there is."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        columns = [(at, p) for at, p in draft.properties if p.get("partitioned")]
        found = draft.custom("partitions")
        if len(columns) > 1:
            yield self.violation(
                draft.place("schema", 0, "properties", columns[1][0], "partitioned"),
                "a product has one partition column at most",
                "keep one `partitioned: true`",
            )
        if columns and columns[0][1].get("logicalType") != "string":
            yield self.violation(
                draft.place("schema", 0, "properties", columns[0][0], "logicalType"),
                "the partition column is not a string",
                "make it a string such as 2013-03",
            )
        # Files of a source carry their partition in their name, so it needs no column.
        if bool(columns) != bool(found) and not (found and draft.is_source):
            yield self.violation(
                draft.place(*(found[0] if found else ("customProperties",))),
                "only half of a partitioning is given",
                'write both `partitioned: true` at the column and `partitions: {every: month, since: "2013-01"}`',
            )
        if found:
            yield from self._partitions(draft, *found)

    def _partitions(self, draft: Draft, steps: tuple[object, ...], value: Any) -> Iterator[Violation]:
        every = value.get("every") if isinstance(value, dict) else None
        if every not in _PARTITION_NAMES or set(value) - {"until"} != {"every", "since"}:
            yield self.violation(
                draft.place(*steps),
                f"partitions `{value}` cannot be read",
                'write `{every: day|month|year, since: "2013-01"}`, and `until` where there is a last one',
            )
            return
        name = _PARTITION_NAMES[every]
        given = {word: value[word] for word in ("since", "until") if word in value}
        wrong = [
            word
            for word, written in given.items()
            if not (isinstance(written, str) and name.match(written) and values.is_on_the_calendar(written))
        ]
        for word in wrong:
            yield self.violation(
                draft.place(*steps, word),
                f"`{value[word]}` is no {every} of the calendar",
                'quote it, e.g. "2013-01" for a month',
            )
        if not wrong and value.get("until", value["since"]) < value["since"]:
            yield self.violation(
                draft.place(*steps, "until"),
                f"the last {every} `{value['until']}` is before the first",
                f"write `{value['since']}` or a later one, or leave it out",
            )
