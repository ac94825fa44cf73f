"""Plan of a commit: record and files of a table's next version, as a pure function."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from resources.lake.delta_log import NewFile
from resources.lake.digest import ContentDigest, data_version
from resources.lake.layout import LakeFile, Layout
from resources.lake.publication import Publication
from resources.lake.shape import Shape

Replace = Literal["all", "partitions", "append"]

VOLATILE = frozenset({"run_id"})
"""Entries of a record's ``info`` that differ at each publish, and alone are no reason for a version."""


@dataclass(frozen=True)
class Commit:
    """Outcome of a publish; if ``unchanged``, it was published already and nothing was written."""

    version: int
    data_version: str
    rows: int
    unchanged: bool
    publication: Publication


@dataclass(frozen=True)
class Base:
    """The version that a commit builds on.

    ``bounds`` has least and greatest partition of a file that partitions share, by its bare name, as far as the log
    has them.
    """

    publication: Publication
    files: Sequence[LakeFile]
    bounds: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class StagedContent:
    """Staged content; ``token`` is the lake's own name for it, unique in the table."""

    shape: Shape
    layout: Layout
    parts: Mapping[str, ContentDigest]
    files: Sequence[NewFile]
    publish_id: str
    token: str


@dataclass(frozen=True)
class Scope:
    """The part of a table that a candidate replaces: "all", ``partitions`` (staged or not), or nothing ("append")."""

    replace: Replace
    partitions: AbstractSet[str]


@dataclass(frozen=True)
class CommitPlan:
    """The next version.

    Args:
        shared: removed files that also hold partitions that stay; those rows must be written to new files.
        reused: files of the base that hold the staged rows already, which are not written again.
        whole: all files of the base are removed.
        unchanged: the base is this very publish: nothing to commit.
    """

    publication: Publication
    add: Sequence[NewFile] = ()
    remove: Sequence[LakeFile] = ()
    shared: Sequence[LakeFile] = ()
    reused: Sequence[LakeFile] = ()
    whole: bool = False
    unchanged: bool = False


def plan_commit(
    candidate: StagedContent,
    base: Base | None,
    scope: Scope,
    info: Mapping[str, Any],
    now: datetime,
    *,
    reuse: bool = True,
) -> CommitPlan:
    """Plan the version that a candidate makes on top of the newest one.

    Args:
        reuse: keep files of the base with equal rows; false if they are damaged, for then the new files repair them.

    Raises:
        DefinitionError: the candidate has another shape than the rows that are kept.
    """
    if base is None:
        return CommitPlan(
            _record(candidate, candidate.parts, info, now), candidate.files, whole=scope.replace == "all"
        )
    kept, shared = _kept_files(candidate, base, scope)
    names = {file.name for file in kept}
    removed = [file for file in base.files if file.name not in names]
    publication = _record(candidate, _parts(candidate, base, scope), info, now)
    before = base.publication
    if reuse and _is_same(before, publication, removed, candidate.layout.id):
        if _lasting(info) == _lasting(before.info):
            return CommitPlan(before, reused=removed, unchanged=True)
        return CommitPlan(_with_layouts(publication, before, base.files), reused=removed)
    publication = _with_layouts(publication, before, kept)
    return CommitPlan(publication, candidate.files, removed, shared, whole=scope.replace == "all")


def _record(
    candidate: StagedContent, parts: Mapping[str, ContentDigest], info: Mapping[str, Any], now: datetime
) -> Publication:
    shape, filled = candidate.shape, {name: part for name, part in parts.items() if part.rows}
    return Publication(
        key=shape.key,
        version=-1,
        data_version=data_version(shape.dtypes, filled.values()),
        rows=sum(part.rows for part in filled.values()),
        published_at=now,
        schema=shape.dtypes,
        classification=shape.classification,
        partition_by=shape.partition_by,
        gathered=shape.gathered,
        partitions=filled,
        layouts={candidate.layout.id: candidate.layout},
        publish_id=candidate.publish_id,
        token=candidate.token,
        info=dict(info),
    )


def _parts(candidate: StagedContent, base: Base, scope: Scope) -> dict[str, ContentDigest]:
    """Content of each partition of the next version."""
    parts = dict(candidate.parts)
    if scope.replace != "all":
        for partition, part in base.publication.partitions.items():
            if scope.replace == "append" or partition not in scope.partitions:
                parts[partition] = part + parts.get(partition, ContentDigest())
    return parts


def _kept_files(
    candidate: StagedContent, base: Base, scope: Scope
) -> tuple[Sequence[LakeFile], Sequence[LakeFile]]:
    """Files of the base that stay, and files with rows both of replaced and of other partitions."""
    if scope.replace == "all":
        return (), ()
    candidate.shape.check_against(base.publication)
    if scope.replace == "append":
        return base.files, ()
    record = base.publication
    if not record.gathered or record.partition_by is None:
        return [file for file in base.files if file.partition not in scope.partitions], ()
    kept: list[LakeFile] = []
    shared: list[LakeFile] = []
    for file in base.files:
        may_hold = set(record.partitions)
        if found := base.bounds.get(file.name.rpartition("/")[2]):
            may_hold = {name for name in may_hold if found[0] <= name <= found[1]}
        if not may_hold & scope.partitions:
            kept.append(file)
        elif not may_hold <= scope.partitions:
            shared.append(file)
    return kept, shared


def _is_same(before: Publication, now: Publication, replaced: Sequence[LakeFile], layout: str) -> bool:
    # The same rows under new keys, or with another classification, need files of their own.
    return (
        before.data_version == now.data_version
        and before.partition_by == now.partition_by
        and before.gathered == now.gathered
        and dict(before.classification) == dict(now.classification)
        and all(file.layout == layout for file in replaced)
    )


def _lasting(info: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in json.loads(json.dumps(dict(info))).items() if name not in VOLATILE}


def _with_layouts(now: Publication, before: Publication, kept: Sequence[LakeFile]) -> Publication:
    """The record with the layouts of kept files added."""
    known = {**before.layouts, **now.layouts}
    used = {file.layout for file in kept} | set(now.layouts)
    return now.using({name: known[name] for name in sorted(used)})
