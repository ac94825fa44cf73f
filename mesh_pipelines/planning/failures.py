"""Failures of steps by the content that they failed for: the same content is not tried again without a person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mesh_pipelines.planning.shares import names_in, read_spans, spans_of, write_spans


@dataclass(frozen=True)
class FailedContent:
    """A try that failed for its content: the hash of inputs and code of all partitions that were tried together."""

    content: str
    partitions: tuple[str, ...] | None = None


def after_failures(known: Iterable[FailedContent], new: Sequence[FailedContent]) -> list[FailedContent]:
    """Known failures and new ones, which take the place of those of the same partitions, or of some of them."""
    if any(one.partitions is None for one in new):
        return list(new)
    failed = {name for one in new for name in one.partitions or ()}
    kept = [one for one in known if one.partitions is not None and not failed.issuperset(one.partitions)]
    return [*kept, *new]


def after_success(known: Iterable[FailedContent], partitions: Iterable[str] | None) -> list[FailedContent]:
    """Known failures without those of partitions that are made now; ``None`` for all of an asset."""
    made = None if partitions is None else set(partitions)
    return [
        one
        for one in known
        if made is not None and one.partitions is not None and made.isdisjoint(one.partitions)
    ]


def write_failures(failures: Iterable[FailedContent]) -> str:
    """Failures as JSON: each content, with the ranges of its partitions."""
    entries = [
        [one.content, None if one.partitions is None else write_spans(spans_of(one.partitions))]
        for one in failures
    ]
    return json.dumps(entries, separators=(",", ":"))


def read_failures(text: str) -> list[FailedContent]:
    """The failures of such a text; none of the empty text."""
    entries: list[tuple[str, str | None]] = json.loads(text or "[]")
    return [
        FailedContent(content, None if spans is None else names_in(read_spans(spans)))
        for content, spans in entries
    ]
