"""Write, then publish or forget: files lie at their final place, and one commit makes them visible."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from mesh_pipelines.errors import CommitConflict, DefinitionError, NotPublished, TransformError, Violation
from resources.lake import delta_log as delta
from resources.lake.delta_log import Head, NewFile
from resources.lake.digest import ContentDigest, data_version
from resources.lake.file_threads import Filing, copied, cut
from resources.lake.layout import PUBLIC, LakeFile, Layout, encode, file_name, scan_files
from resources.lake.publication import Publication
from resources.processes import machine, start_of
from resources.storage_faults import translate_storage_faults

if TYPE_CHECKING:
    from resources.lake.lake import Lake

Replace = Literal["all", "partitions", "append"]
Facts = Callable[[Publication | None], Mapping[str, Any]]

VOLATILE = frozenset({"run_id"})
"""Facts of a publish that differ each time, and so are no reason for a version of their own."""

ABANDONED_AFTER = timedelta(hours=24)
_TARGET_ROWS = 1_000_000
_SMALL_ROWS = 250_000
_BUFFERED_ROWS = 2_000_000
_ATTEMPTS = 10
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class Commit:
    """What a publish came to; ``unchanged``: it was published already, and nothing was written."""

    version: int
    data_version: str
    rows: int
    unchanged: bool
    publication: Publication


class Stage:
    """A candidate: rows are written, and then committed as one version, or discarded.

    Leaving the `with` block without a commit discards what was staged. Made by
    :meth:`resources.lake.lake.Lake.stage`.
    """

    def __init__(
        self,
        lake: Lake,
        key: str,
        dtypes: Mapping[str, pl.DataType],
        classification: Mapping[str, str],
        partition_by: str | None,
        publish_id: str | None,
        checkpoint: Callable[[str], None],
        *,
        gathered: bool,
    ) -> None:
        self.key, self.dtypes, self.classification, self.partition_by = (
            key,
            dtypes,
            classification,
            partition_by,
        )
        _check(key, dtypes, classification, partition_by, gathered)
        self._gathered = gathered and partition_by is not None
        self._lake, self._checkpoint = lake, checkpoint
        # Sorts by time, so that files of one partition keep the order in which they were appended.
        self.token = f"{time.time_ns() // 1000:x}{secrets.token_hex(4)}"
        self.publish_id = publish_id or self.token
        self._layout = Layout.current(lake.keyring, key, classification)
        self._encryption = self._layout.encryption(lake.keyring, key, dtypes)
        self._root = lake.root(key)
        self._marker = f"{self._root}/_staging/{self.token}.json"
        self._buffers: dict[str, list[pl.DataFrame]] = {}
        self._views: set[str] = set()
        self._filing = Filing(self._file)
        self._names: list[str] = []
        self._files: list[NewFile] = []
        self._rests: dict[str, NewFile] = {}
        self._parts: dict[str, ContentDigest] = {}
        self._state: Literal["open", "committing", "done"] = "open"

    @property
    def rows(self) -> int:
        """Rows written so far."""
        self._take()
        buffered = sum(frame.height for frames in self._buffers.values() for frame in frames)
        return buffered + sum(part.rows for part in self._parts.values())

    @property
    def partitions(self) -> tuple[str, ...]:
        """Partitions written so far, as text ("" if the table has no partition column)."""
        self._take()
        if self._gathered:
            self._flush_all()
        return tuple(sorted({*self._parts, *self._buffers}))

    def __enter__(self) -> Stage:
        try:
            head = self._lake.head(self.key)
        except NotPublished:
            self._base = None
        else:
            self._base = head.version
            # A table whose partitions have files of their own keeps to that.
            self._gathered &= head.publication.gathered or head.publication.partition_by is None
        self._lake.store.replace(self._marker, json.dumps({**_whoami(), "base": self._base}).encode())
        self._checkpoint("staging")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._filing.close()
        # In the midst of a commit nobody knows whether it landed: heal() finds out, and loses nothing.
        if self._state == "open":
            self.discard()

    def write(self, frame: pl.DataFrame) -> None:
        """Stage rows: any number, columns and types as the stage was made for.

        One call's rows become about one file per partition; small ones are gathered first, within bounded
        memory.

        Raises:
            TransformError: other columns or types than promised, or rows without a partition.
            StorageFull: no space left.
        """
        self._require_open()
        frame = self._conformed(frame)
        # What earlier calls left to the threads is done before more is begun, which bounds memory: all but one file,
        # with which they are busy until the next rows are here.
        self._take(leaving=1)
        shared = False
        pieces = {"": frame} if frame.height else {}
        if self.partition_by is not None and frame.height and not self._gathered:
            cuts = cut(frame, self.partition_by)
            pieces, shared = (
                {self._partition(value): piece for value, piece in cuts.pieces.items()},
                cuts.shared,
            )
        for partition in list(self._buffers):
            if partition not in pieces and frame.height >= _SMALL_ROWS:
                # Rows come in order of partition, as it seems, and this one is over.
                self._flush(partition)
            elif partition in self._views:
                self._buffers[partition][-1] = copied(self._buffers[partition][-1])
        self._views = set(pieces) if shared else set()
        for partition, piece in pieces.items():
            self._buffers.setdefault(partition, []).append(piece)
            if sum(part.height for part in self._buffers[partition]) >= _SMALL_ROWS:
                self._flush(partition)
        while sum(part.height for parts in self._buffers.values() for part in parts) > _BUFFERED_ROWS:
            self._flush(max(self._buffers, key=lambda p: sum(part.height for part in self._buffers[p])))

    def scan(self, columns: list[str] | None = None) -> pl.LazyFrame:
        """What is staged so far, as a consumer would read it."""
        self._flush_all()
        return scan_files(
            sorted(new.file for new in self._files),
            key=self.key,
            dtypes=self.dtypes,
            layouts={self._layout.id: self._layout},
            keyring=self._lake.keyring,
            uri=self._lake.store.uri,
            storage_options=self._lake.storage_options,
            columns=columns,
        )

    @property
    def data_version(self) -> str:
        """The content version of what is staged so far."""
        self._flush_all()
        return data_version(self.dtypes, self._parts.values())

    def commit(
        self,
        record: Mapping[str, Any] | Facts,
        replace: Replace = "all",
        partitions: Collection[object] | None = None,
    ) -> Commit:
        """Publish what is staged, as one atomic version.

        Args:
            record: JSON-able facts of the publish, or a function of the version before (None: there is none)
                that gives them. With the content they decide whether anything changed at all, except those in
                ``VOLATILE``; if only they changed, the new version has the old one's files.
            replace: "all" replaces the table, "partitions" only partitions that were staged, "append"
                nothing.
            partitions: with "partitions", the partitions that are replaced even if no row of them was staged.

        Raises:
            CommitConflict: other writers published again and again meanwhile.
            DefinitionError: other columns or partitioning than the table has, without replacing all of it.
            StorageFull: no space left; the published version is untouched.
        """
        self._require_open()
        if replace == "partitions" and self.partition_by is None:
            raise ValueError("replace='partitions' needs a table with partition_by")
        facts: Facts = record if callable(record) else lambda _: record
        self._flush_all()
        self._checkpoint("written")
        scope = {*self._parts, *(_text(value) for value in partitions or ())}
        for attempt in range(_ATTEMPTS):
            try:
                head = self._lake.head(self.key)
            except NotPublished:
                head = None
            plan = self._plan(head, dict(facts(head.publication if head else None)), replace, scope)
            if isinstance(plan, Commit):
                self.discard()
                return plan
            if not self._lake.store.exists(self._marker):
                raise CommitConflict(
                    "this publish took so long that another one took it for dead and removed its files",
                    where=self.key,
                    remedy="run it again",
                )
            done = self._try(head, plan)
            if done is not None:
                return done
            time.sleep(random.uniform(0.3, 1) * min(0.5, 0.02 * 2**attempt))
        raise CommitConflict(
            f"other writers published first, {_ATTEMPTS} times in a row",
            where=self.key,
            remedy="run it again when they are done",
        )

    def discard(self) -> None:
        """Forget what was staged."""
        self._buffers.clear()
        self._filing.close()
        for name in self._names:
            self._lake.store.delete(name)
        self._names.clear()
        self._lake.store.delete(self._marker)
        self._files.clear()
        self._state = "done"

    def _try(self, head: Head | None, plan: _Plan) -> Commit | None:
        log = self._lake.log(self.key)
        self._checkpoint("committing")
        self._state = "committing"
        with translate_storage_faults(log.uri):
            try:
                version = log.commit(
                    head, plan.publication, add=plan.add, remove=plan.remove, whole=plan.whole
                )
            except Exception:
                # An error may come after the commit itself (writing a checkpoint, say): the log knows.
                found = log.landed(self.token, self._base)
                if found is None:
                    self._state = "open"
                    if self._moved(head):
                        return None
                    raise
                version = found.version
        self._checkpoint("committed")
        if not plan.add:
            self.discard()
        self._lake.store.delete(self._marker)
        self._state = "done"
        self._checkpoint("done")
        done = plan.publication.at(version)
        return Commit(version, done.data_version, done.rows, False, done)

    def _moved(self, head: Head | None) -> bool:
        try:
            now = self._lake.head(self.key).version
        except NotPublished:
            return False
        return head is None or now != head.version

    def _plan(
        self, head: Head | None, info: dict[str, Any], replace: Replace, scope: set[str]
    ) -> _Plan | Commit:
        before = head.publication if head else None
        parts = dict(self._parts)
        kept: list[LakeFile] = []
        shared: list[LakeFile] = []
        if head and before and replace != "all":
            self._same_shape(before)
            kept, shared = _outside(head, scope) if replace == "partitions" else (list(head.files), [])
            for partition, part in before.partitions.items():
                if replace == "append" or partition not in scope:
                    parts[partition] = part + parts.get(partition, ContentDigest())
        kept_names = {file.name for file in kept}
        removed = [file for file in head.files if file.name not in kept_names] if head else []
        parts = {name: part for name, part in parts.items() if part.rows}
        publication = Publication(
            key=self.key,
            version=-1,
            data_version=data_version(self.dtypes, parts.values()),
            rows=sum(part.rows for part in parts.values()),
            published_at=datetime.now(UTC),
            schema=self.dtypes,
            classification=self.classification,
            partition_by=self.partition_by,
            gathered=self._gathered,
            partitions=parts,
            layouts={self._layout.id: self._layout},
            publish_id=self.publish_id,
            token=self.token,
            info=info,
        )
        add, whole = self._files, replace == "all"
        if head and before:
            if self._is_same(before, publication, removed):
                if _lasting(info) == _lasting(before.info):
                    return Commit(before.version, before.data_version, before.rows, True, before)
                kept, removed, add, whole = list(head.files), [], [], False
            else:
                add = [*add, *self._rest_of(head, shared, scope)]
            known = {**before.layouts, self._layout.id: self._layout}
            used = {file.layout for file in kept} | {self._layout.id}
            publication = _with_layouts(publication, {name: known[name] for name in sorted(used)})
        return _Plan(publication, add, removed, whole)

    def _rest_of(self, head: Head, shared: list[LakeFile], scope: set[str]) -> list[NewFile]:
        """What stays of files in which replaced partitions lie together with others, as files of their own."""
        # Those of an attempt that another writer overtook are of files that are shared no more.
        for name in self._rests.keys() - {file.name for file in shared}:
            self._lake.store.delete(self._rests.pop(name).file.name)
        for file in shared:
            if file.name in self._rests:
                continue
            with self._lake.reading(self.key, head.version):
                rows = self._lake.rows_of(head.publication, [file])
                rest = rows.filter(~pl.col(str(self.partition_by)).is_in(scope)).collect()
            if rest.height:  # its bounds may promise more than it holds
                self._rests[file.name] = self._file("", len(self._names), rest)[0]
                self._checkpoint("shared")
        return list(self._rests.values())

    def _is_same(self, before: Publication, now: Publication, removed: list[LakeFile]) -> bool:
        # The same rows under new keys, or classified otherwise, are other files: then they are written.
        return (
            before.data_version == now.data_version
            and before.partition_by == now.partition_by
            and before.gathered == now.gathered
            and dict(before.classification) == dict(now.classification)
            and all(file.layout == self._layout.id for file in removed)
            and self._lake.intact(self.key, removed)  # else the same rows are what mends it
        )

    def _same_shape(self, before: Publication) -> None:
        violations: list[Violation] = []
        fix = "publish the whole table once with the new columns (replace='all')"
        for name in {**before.schema, **self.dtypes}:
            old, new = before.schema.get(name), self.dtypes.get(name)
            if old != new:
                violations.append(
                    Violation("PartitionsShareOneSchema", name, f"published as {old}, now {new}", fix)
                )
        if not violations and list(before.schema) != list(self.dtypes):
            violations.append(
                Violation("PartitionsShareOneSchema", self.key, "columns are in another order", fix)
            )
        if before.partition_by != self.partition_by:
            problem = f"published with partition column {before.partition_by}, now {self.partition_by}"
            violations.append(Violation("PartitionsShareOneSchema", self.key, problem, fix))
        if violations:
            raise DefinitionError(self.key, violations)

    def _conformed(self, frame: pl.DataFrame) -> pl.DataFrame:
        if dict(frame.schema) != dict(self.dtypes):
            got = frame.schema
            wrong = [
                f"{n}: expected {t}, got {got.get(n, 'nothing')}"
                for n, t in self.dtypes.items()
                if got.get(n) != t
            ]
            wrong += [f"{n}: not expected" for n in got if n not in self.dtypes]
            if wrong:
                raise TransformError(
                    "; ".join(wrong),
                    where=self.key,
                    remedy="return exactly the columns and types of the contract",
                )
        return frame.select(list(self.dtypes))

    def _partition(self, value: object) -> str:
        text = "" if value is None else _text(value)
        if not text:
            raise TransformError(
                f"rows without a value in the partition column {self.partition_by}",
                where=self.key,
                remedy="mark the column as required in the contract, so that such rows are quarantined",
            )
        return text

    def flush(self) -> None:
        """Have files made of all that was written, without waiting for them: nothing more is to come, as it seems."""
        self._require_open()
        for partition in sorted(self._buffers):
            self._flush(partition)

    def _flush_all(self) -> None:
        for partition in sorted(self._buffers):
            self._flush(partition)
        self._take()

    def _flush(self, partition: str) -> None:
        frames = self._buffers.pop(partition)
        whole = frames[0] if len(frames) == 1 else pl.concat(frames)
        # Whole files of equal size rather than a large one and a crumb.
        count = max(1, round(whole.height / _TARGET_ROWS))
        for frame in whole.iter_slices(-(-whole.height // count)):
            self._filing.add(partition, frame)

    def _file(
        self, partition: str, number: int, frame: pl.DataFrame
    ) -> tuple[NewFile, dict[str, ContentDigest]]:
        """One data file, written, and the content of each partition in it; in a thread of its own."""
        data = encode(frame, self._encryption)
        folder = (
            f"{self._root}/{self.partition_by}={_UNSAFE.sub('_', partition)}" if partition else self._root
        )
        name = f"{folder}/{file_name(self.token, number, self._layout, data)}"
        self._names.append(name)
        self._lake.store.write(name, data)
        file = LakeFile(partition, name, frame.height, len(data))
        told = [name for name in self.dtypes if self.classification[name] == PUBLIC]
        if self._gathered:
            return NewFile(file, delta.stats(frame, told)), self._parts_of(frame)
        # All rows of the file have the same partition, and the log says which.
        told = [name for name in told if name != self.partition_by]
        return NewFile(file, delta.stats(frame, told)), {partition: ContentDigest.of(frame)}

    def _parts_of(self, frame: pl.DataFrame) -> dict[str, ContentDigest]:
        assert self.partition_by is not None
        digests = ContentDigest.by(frame, self.partition_by)
        return {self._partition(value): digest for value, digest in digests.items()}

    def _take(self, leaving: int = 0) -> None:
        """Take over what the threads have written."""
        for new, parts in self._filing.take(leaving):
            self._files.append(new)
            for partition, part in parts.items():
                self._parts[partition] = self._parts.get(partition, ContentDigest()) + part
            self._checkpoint("file")

    def _require_open(self) -> None:
        if self._state != "open":
            raise ValueError("this stage was committed or discarded already")


@dataclass(frozen=True)
class _Plan:
    publication: Publication
    add: list[NewFile]
    remove: list[LakeFile]
    whole: bool


def _outside(head: Head, partitions: set[str]) -> tuple[list[LakeFile], list[LakeFile]]:
    """Files without a row of these partitions, and files that have such rows and may have others."""
    record = head.publication
    if not record.gathered or record.partition_by is None:
        return [file for file in head.files if file.partition not in partitions], []
    known = delta.bounds(head, record.partition_by)
    kept: list[LakeFile] = []
    shared: list[LakeFile] = []
    for file in head.files:
        may_hold = set(record.partitions)
        if found := known.get(file.name.rpartition("/")[2]):
            may_hold = {name for name in may_hold if found[0] <= name <= found[1]}
        if not may_hold & partitions:
            kept.append(file)
        elif not may_hold <= partitions:
            shared.append(file)
    return kept, shared


def _lasting(info: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in json.loads(json.dumps(dict(info))).items() if name not in VOLATILE}


def _with_layouts(publication: Publication, layouts: dict[str, Layout]) -> Publication:
    from dataclasses import replace

    return replace(publication, layouts=layouts)


def heal(lake: Lake, key: str, abandoned_after: timedelta = ABANDONED_AFTER) -> int:
    """Remove what killed writers left behind and return how many files; living writers are left alone.

    A writer on this machine is dead if its process is; one elsewhere, if it began longer ago than
    ``abandoned_after``.
    """
    root, removed = lake.root(key), 0
    for marker in lake.store.list(f"{root}/_staging"):
        token = marker.rpartition("/")[2].removesuffix(".json")
        try:
            writer = json.loads(lake.store.read(marker))
        except FileNotFoundError:
            continue
        if _is_alive(writer, abandoned_after):
            continue
        if lake.log(key).landed(token, writer["base"]) is None:
            leftovers = [
                n for n in lake.store.list(root) if n.rpartition("/")[2].startswith(f"part-{token}-")
            ]
        else:
            leftovers = []
        for name in leftovers:
            lake.store.delete(name)
        lake.store.delete(marker)
        removed += len(leftovers)
    return removed


def _whoami() -> dict[str, Any]:
    return {
        "host": machine(),
        "pid": os.getpid(),
        "started": start_of(os.getpid()),
        "at": datetime.now(UTC).isoformat(),
    }


def _is_alive(writer: Mapping[str, Any], abandoned_after: timedelta) -> bool:
    if writer["host"] == machine():
        return writer["started"] is not None and start_of(writer["pid"]) == writer["started"]
    return datetime.now(UTC) - datetime.fromisoformat(writer["at"]) < abandoned_after


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check(
    key: str,
    dtypes: Mapping[str, pl.DataType],
    classification: Mapping[str, str],
    by: str | None,
    gathered: bool,
) -> None:
    violations = [
        Violation(
            "ColumnIsClassified", name, "has no classification", "classify it, for example as 'internal'"
        )
        for name in dtypes
        if name not in classification
    ]
    if by is not None:
        if by not in dtypes:
            violations.append(
                Violation("PartitionIsColumn", by, "is no column", "partition by a column of the table")
            )
        elif not isinstance(dtypes[by], (pl.String, pl.Date, pl.Boolean)) and not dtypes[by].is_integer():
            fix = "use a string, date, boolean or integer"
            violations.append(
                Violation("PartitionIsColumn", by, f"{dtypes[by]} cannot name a partition", fix)
            )
        elif gathered and dtypes[by] != pl.String():
            fix = "make it a string, or give each partition files of its own"
            violations.append(
                Violation(
                    "PartitionIsColumn", by, f"{dtypes[by]} cannot name partitions that share files", fix
                )
            )
        if classification.get(by, PUBLIC) != PUBLIC:
            fix = "classify it as public, or partition by another column"
            violations.append(
                Violation("PartitionIsPublic", by, "its values are readable in paths and log", fix)
            )
    if not dtypes:
        violations.append(Violation("TableHasColumns", key, "has no columns", "give it at least one column"))
    if violations:
        raise DefinitionError(key, violations)
