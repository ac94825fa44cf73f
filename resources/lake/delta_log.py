"""The Delta log of one table: the content of a version, and the commit of the next one on top of it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from mesh_pipelines.errors import IntegrityError, NotPublished
from resources.lake import dtypes as types
from resources.lake.layout import LakeFile
from resources.lake.publication import Publication
from resources.store import Store

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

# Old versions are what models are rebuilt from: only an explicit vacuum may forget them.
_CONFIGURATION = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
}


@dataclass(frozen=True)
class Head:
    """One version of a table: its log, its publish record, and its files in stable order."""

    table: DeltaTable
    publication: Publication
    files: tuple[LakeFile, ...]

    @property
    def version(self) -> int:
        """The Delta version; newer than the publication's if another tool committed since."""
        return self.table.version()


@dataclass(frozen=True)
class NewFile:
    """A staged file; ``stats`` are the Delta log's statistics of its public columns, as JSON."""

    file: LakeFile
    stats: str


@dataclass(frozen=True)
class Log:
    """Log of the table in folder ``root`` of the store; ``options`` are those of the object store."""

    store: Store
    root: str
    key: str
    options: Mapping[str, str]

    @property
    def uri(self) -> str:
        return self.store.uri(self.root)

    def commit_file(self, version: int) -> str:
        return f"{self.root}/_delta_log/{version:020d}.json"

    def exists(self) -> bool:
        """True if anything has been committed."""
        from deltalake import DeltaTable

        return DeltaTable.is_deltatable(self.uri, dict(self.options))

    def load(self, version: int | None = None) -> Head:
        """Load a version of the table (default: the newest).

        Raises:
            NotPublished: there is no table, or no such version.
            IntegrityError: nothing in its log was published by the mesh.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        options = dict(self.options)
        try:
            # Delta looks for every number up to the one that it is asked for, a minute for the highest.
            if version is not None and not self.store.exists(self.commit_file(version)):
                newest = DeltaTable(self.uri, storage_options=options).version()
                if version > newest:
                    raise DeltaError(f"the newest version is {newest}")
            table = DeltaTable(self.uri, version=version, storage_options=options)
        except TableNotFoundError:
            raise NotPublished(
                "nothing is published yet", where=self.key, remedy=f"run: mesh run {self.key}"
            ) from None
        except DeltaError as error:
            if version is None:
                raise
            raise NotPublished(
                f"there is no version {version}",
                where=self.key,
                remedy=f"see what there is with: mesh show {self.key}",
            ) from error
        publication = next(self.publications(table.version()), None)
        if publication is None:
            raise IntegrityError(
                "no version of this table was published by the mesh",
                where=self.uri,
                remedy="move that folder away and publish the product again",
            )
        return Head(table, publication, _files(table, self.root, publication.folders_by))

    def publications(self, newest: int, oldest: int = 0) -> Iterator[Publication]:
        """Publish records between two versions, newest first; commits of other tools are passed over.

        The log's own files are read, one a version: Delta's ``history()`` begins with the newest commit
        whichever version was loaded, and then numbers it wrongly (deltalake 1.6).
        """
        for version in range(newest, oldest - 1, -1):
            try:
                text = self.store.read(self.commit_file(version))
            except FileNotFoundError:
                return
            line = next((line for line in text.splitlines() if line.startswith(b'{"commitInfo"')), b"{}")
            publication = Publication.from_commit(json.loads(line).get("commitInfo", {}), version)
            if publication is not None:
                yield publication

    def publication_of(self, token: str, base: int | None) -> Publication | None:
        """The publication with this token, if it was committed after version ``base`` (None: at any time)."""
        from deltalake import DeltaTable

        if not self.exists():
            return None
        newest = DeltaTable(self.uri, storage_options=dict(self.options)).version()
        later = self.publications(newest, 0 if base is None else base + 1)
        return next((publication for publication in later if publication.token == token), None)

    def commit(
        self,
        head: Head | None,
        publication: Publication,
        *,
        add: Sequence[NewFile],
        remove: Sequence[LakeFile],
        whole: bool,
    ) -> int:
        """Commit on top of exactly ``head`` and return the new version; any commit since makes it fail.

        Delta's own conflict rules would let two first publishes of one partition both land. So there is no
        retry here: the caller reads the new head, and plans again.
        """
        from deltalake import CommitProperties, PostCommitHookProperties, Schema
        from deltalake.transaction import create_table_with_add_actions

        schema = Schema.from_arrow(pl.Schema({n: types.in_delta(t) for n, t in publication.schema.items()}))
        folders_by = publication.folders_by
        partition_by = [folders_by] if folders_by else []
        properties = CommitProperties(custom_metadata=publication.to_metadata(), max_commit_retries=0)
        hooks = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
        now = int(time.time() * 1000)
        adds = [_add(new, self.root, folders_by, now) for new in add]
        if head is None or (whole and head.publication.folders_by != folders_by):
            # Other partitioning is another table in Delta's eyes; this replaces it, history stays.
            create_table_with_add_actions(
                self.uri,
                schema,
                adds,
                mode="error" if head is None else "overwrite",
                partition_by=partition_by,
                name=publication.key,
                configuration=_CONFIGURATION,
                storage_options=dict(self.options),
                commit_properties=properties,
                post_commithook_properties=hooks,
            )
            if head is None:
                return 0
            found = self.publication_of(publication.token, head.version)
            return found.version if found else head.version + 1
        actions: list[AddAction | RemoveAction] = list(adds)
        if not whole:
            actions += [_remove(file, self.root, folders_by, now) for file in remove]
        head.table.create_write_transaction(
            actions,
            "overwrite" if whole else "append",
            schema,
            partition_by=partition_by,
            commit_properties=properties,
            post_commithook_properties=hooks,
        )
        return head.version + 1


def _add(new: NewFile, root: str, partition_by: str | None, now: int) -> AddAction:
    from deltalake.transaction import AddAction

    values: dict[str, str | None] = {partition_by: new.file.partition} if partition_by else {}
    return AddAction(new.file.name.removeprefix(f"{root}/"), new.file.size, values, now, True, new.stats)


def _remove(file: LakeFile, root: str, partition_by: str | None, now: int) -> RemoveAction:
    from deltalake.transaction import RemoveAction

    values: dict[str, str | None] = {partition_by: file.partition} if partition_by else {}
    return RemoveAction(file.name.removeprefix(f"{root}/"), True, now, file.size, values)


def bounds(head: Head, column: str) -> dict[str, tuple[str, str]]:
    """Least and greatest value of a text column in each file, by the file's path, as far as the log has them."""
    actions = pl.DataFrame(head.table.get_add_actions(flatten=True))
    low, high = f"min.{column}", f"max.{column}"
    if not {low, high} <= set(actions.columns):
        return {}
    known = actions.select("path", low, high).drop_nulls()
    return {path: (least, greatest) for path, least, greatest in known.iter_rows()}


def _files(table: DeltaTable, root: str, partition_by: str | None) -> tuple[LakeFile, ...]:
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    partition = pl.col(f"partition.{partition_by}").cast(pl.String) if partition_by else pl.lit("")
    found = actions.select("path", partition.alias("partition"), "num_records", "size_bytes").rows()
    return tuple(
        sorted(LakeFile(part or "", f"{root}/{path}", rows or 0, size) for path, part, rows, size in found)
    )


_NUMBERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.Float32, pl.Float64)
_STRING_LIMIT = 64


def stats(frame: pl.DataFrame, public: Sequence[str]) -> str:
    """Delta's per-file statistics (protocol, "Per-file Statistics"), of public columns only."""
    nulls: dict[str, int] = {}
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    schema = frame.schema
    # Column by column in this thread: files are made in threads, and a query each would have them wait for each other.
    for column in (frame.get_column(name) for name in public if _has_stats(schema[name])):
        nulls[column.name] = column.null_count()
        first: Any = column.min()
        last: Any = column.max()
        # A bound that JSON cannot hold, or that NaN makes false, is left out: then no reader prunes by it.
        if first is None or (column.dtype.is_float() and not _has_bounds(column, first, last)):
            continue
        if isinstance(first, str) and max(len(first), len(last)) > _STRING_LIMIT:
            continue
        low[column.name], high[column.name] = (
            (first, last) if isinstance(first, str | int | float) else (str(first), str(last))
        )
    return json.dumps(
        {
            "numRecords": frame.height,
            "minValues": low,
            "maxValues": high,
            "nullCount": nulls,
        }
    )


def _has_bounds(column: pl.Series, first: float, last: float) -> bool:
    return math.isfinite(first) and math.isfinite(last) and not column.is_nan().any()


def _has_stats(dtype: pl.DataType) -> bool:
    # Instants are left out: Delta keeps milliseconds of them, and a bound cut off below is a wrong bound.
    return isinstance(dtype, (*_NUMBERS, pl.String, pl.Date))
