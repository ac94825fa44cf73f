"""Staging of a publish: files are written to their final place, and one commit makes them visible."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

import polars as pl

from mesh_pipelines.errors import CommitConflict
from resources.lake.buffer import Buffer, cut
from resources.lake.commit import Base, Commit, CommitPlan, Replace, Scope, StagedContent, plan_commit
from resources.lake.data_files import DataFiles, WrittenFile
from resources.lake.delta_log import Head, NewFile, bounds
from resources.lake.digest import ContentDigest, data_version
from resources.lake.file_threads import FileThreads
from resources.lake.layout import LakeFile, partition_name
from resources.lake.publication import Publication
from resources.lake.shape import Shape
from resources.lake.table import Table
from resources.lake.writers import marker_name, write_marker
from resources.storage_faults import translate_storage_faults

Info = Mapping[str, Any] | Callable[[Publication | None], Mapping[str, Any]]
"""JSON-able entries of a record, or a function that makes them from the record before (None: there is none)."""

_ATTEMPTS = 10


class Staging:
    """A candidate: rows are written, then committed as one version, or discarded.

    Leaving the `with` block without a commit discards it. Made by :meth:`resources.lake.lake.Lake.stage`.
    """

    def __init__(
        self,
        table: Table,
        shape: Shape,
        base: int | None,
        publish_id: str | None,
        checkpoint: Callable[[str], None],
    ) -> None:
        self.key = table.key
        # Sorts by time, so that files of one partition keep the order in which they were appended.
        self.token = f"{time.time_ns() // 1000:x}{secrets.token_hex(4)}"
        self.publish_id = publish_id or self.token
        self._table, self._shape, self._base, self._checkpoint = table, shape, base, checkpoint
        self._marker = marker_name(table, self.token)
        self._data = DataFiles(table, shape, self.token)
        self._threads: FileThreads[WrittenFile] = FileThreads(self._data.write)
        self._buffer = Buffer(self._threads.add)
        self._files: list[NewFile] = []
        self._parts: dict[str, ContentDigest] = {}
        self._rests: dict[str, NewFile] = {}
        self._state: Literal["open", "committing", "done"] = "open"

    @property
    def rows(self) -> int:
        self._take()
        return self._buffer.rows + sum(part.rows for part in self._parts.values())

    @property
    def partitions(self) -> tuple[str, ...]:
        """Partitions written so far, as text ("" if the table has no partition column)."""
        self._take()
        if self._shape.gathered:
            self._finish_files()
        return tuple(sorted({*self._parts, *self._buffer.partitions}))

    @property
    def data_version(self) -> str:
        self._finish_files()
        return data_version(self._shape.dtypes, self._parts.values())

    def __enter__(self) -> Staging:
        write_marker(self._table, self.token, self._base)
        self._checkpoint("staging")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.close()
        # In the midst of a commit nobody knows whether it landed: heal() finds out, and loses nothing.
        if self._state == "open":
            self.discard()

    def write(self, frame: pl.DataFrame) -> None:
        """Stage any number of rows.

        One call's rows become about one file per partition; small ones are gathered first, within bounded memory.

        Raises:
            TransformError: columns or types differ from the stage's, or a row has no partition.
            StorageFull: no space left.
        """
        self._require_open()
        frame = self._shape.conform(frame)
        # What earlier calls left to the threads is done before more is begun, which bounds memory: all but half as many
        # rows as are here, with which they are busy until the next rows come.
        self._take(leaving=frame.height // 2)
        by = self._shape.partition_by
        if not frame.height:
            self._buffer.add({}, shared=False)
        elif by is None or self._shape.gathered:
            self._buffer.add({"": frame}, shared=False)
        else:
            cuts = cut(frame, by)
            pieces = {self._shape.partition_of(value): piece for value, piece in cuts.pieces.items()}
            self._buffer.add(pieces, shared=cuts.shared)

    def flush(self) -> None:
        """Begin to write all files, without waiting for them, as no more rows are expected."""
        self._require_open()
        self._buffer.flush()

    def scan(self, columns: list[str] | None = None) -> pl.LazyFrame:
        self._finish_files()
        return self._data.scan(sorted(new.file for new in self._files), columns)

    def commit(
        self, info: Info, replace: Replace = "all", partitions: Collection[object] | None = None
    ) -> Commit:
        """Publish the staged rows as one atomic version.

        Args:
            info: JSON-able entries of the record, or a function that makes them from the record before (None:
                there is none). With the content they decide whether anything changed, except those in
                ``VOLATILE``; if only they changed, the new version has the old one's files.
            replace: "all" replaces the table, "partitions" only staged partitions, "append" nothing.
            partitions: with "partitions", the partitions that are replaced even without a staged row.

        Raises:
            CommitConflict: other writers published again and again meanwhile.
            DefinitionError: columns or partitioning differ from the table's, without replacing all of it.
            StorageFull: no space left; the published version is untouched.
        """
        self._require_open()
        if replace == "partitions" and self._shape.partition_by is None:
            raise ValueError("replace='partitions' needs a table with partition_by")
        self._finish_files()
        self._checkpoint("written")
        replaced = {partition_name(value) for value in partitions or ()}
        scope = Scope(replace, {*self._parts, *replaced})
        for attempt in range(_ATTEMPTS):
            done = self._attempt(info, scope)
            if done is not None:
                return done
            time.sleep(random.uniform(0.3, 1) * min(0.5, 0.02 * 2**attempt))
        raise CommitConflict(
            f"other writers published first, {_ATTEMPTS} times in a row",
            where=self.key,
            remedy="run it again when they are done",
        )

    def discard(self) -> None:
        self._buffer.clear()
        self._threads.close()
        self._data.remove()
        self._table.store.delete(self._marker)
        self._files.clear()
        self._state = "done"

    def _attempt(self, info: Info, scope: Scope) -> Commit | None:
        """Plan the next version on the newest one, and commit it; None if another writer was first."""
        head = self._table.newest()
        plan = self._plan(head, info, scope)
        if plan.unchanged:
            self.discard()
            found = plan.publication
            return Commit(found.version, found.data_version, found.rows, True, found)
        add = [*plan.add, *self._write_rests(head, plan.shared, scope.partitions)]
        if not self._table.store.exists(self._marker):
            raise CommitConflict(
                "this publish took so long that another one took it for dead and removed its files",
                where=self.key,
                remedy="run it again",
            )
        version = self._append_to_log(head, plan, add)
        if version is None:
            return None
        self._checkpoint("committed")
        if not add:
            self.discard()
        self._table.store.delete(self._marker)
        self._state = "done"
        self._checkpoint("done")
        done = plan.publication.at(version)
        return Commit(version, done.data_version, done.rows, False, done)

    def _plan(self, head: Head | None, info: Info, scope: Scope) -> CommitPlan:
        candidate = StagedContent(
            self._shape, self._data.layout, self._parts, self._files, self.publish_id, self.token
        )
        base = None
        if head is not None:
            by = head.publication.partition_by if head.publication.gathered else None
            base = Base(head.publication, head.files, bounds(head, by) if by else {})
        entries = dict(info(base.publication if base else None) if callable(info) else info)
        now = datetime.now(UTC)
        plan = plan_commit(candidate, base, scope, entries, now)
        if plan.reused and not self._table.intact(plan.reused):
            plan = plan_commit(candidate, base, scope, entries, now, reuse=False)
        return plan

    def _write_rests(
        self, head: Head | None, shared: Sequence[LakeFile], replaced: AbstractSet[str]
    ) -> list[NewFile]:
        """Rows of shared files that are in no replaced partition, as files of their own."""
        # Files of an attempt that another writer overtook belong to files that are no longer shared.
        for name in self._rests.keys() - {file.name for file in shared}:
            self._table.store.delete(self._rests.pop(name).file.name)
        for file in shared:
            if head is None or file.name in self._rests:
                continue
            with self._table.reading(head.version):
                rows = self._table.rows(head.publication, [file])
                rest = rows.filter(~pl.col(str(self._shape.partition_by)).is_in(replaced)).collect()
            if rest.height:  # its bounds may promise more than it holds
                self._rests[file.name] = self._data.write_rest(rest)
                self._checkpoint("shared")
        return list(self._rests.values())

    def _append_to_log(self, head: Head | None, plan: CommitPlan, add: Sequence[NewFile]) -> int | None:
        """Commit the plan; returns its version, None if another writer was first."""
        log = self._table.log
        self._checkpoint("committing")
        self._state = "committing"
        with translate_storage_faults(log.uri):
            try:
                return log.commit(head, plan.publication, add=add, remove=plan.remove, whole=plan.whole)
            except Exception:
                # An error may come after the commit itself (writing a checkpoint, say), so the log is asked.
                found = log.publication_of(self.token, self._base)
                if found is not None:
                    return found.version
                self._state = "open"
                now = self._table.newest()
                if now is not None and (head is None or now.version != head.version):
                    return None
                raise

    def _finish_files(self) -> None:
        self._buffer.flush()
        self._take()

    def _take(self, leaving: int = 0) -> None:
        for written in self._threads.take(leaving):
            self._files.append(written.new)
            for partition, part in written.parts.items():
                self._parts[partition] = self._parts.get(partition, ContentDigest()) + part
            self._checkpoint("file")

    def _require_open(self) -> None:
        if self._state != "open":
            raise ValueError("this stage was committed or discarded already")
