"""Files that land in a folder or an object store, found by the pattern of their names.

A look is one listing: size and time of change in a folder, the ETag in an object store. A file is hashed only
where these changed; an object with an ETag never is, for the ETag names its content already.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import polars as pl

from mesh_pipelines.declaring.node import PARTITION
from mesh_pipelines.errors import LandingError, MeshError, SourceUnavailable
from mesh_pipelines.landing.expansion import DEFAULT, ExpansionLimit
from mesh_pipelines.landing.formats import RawFile, fault_of_file, mixed_columns, odd_ones
from mesh_pipelines.landing.landed import (
    FILE,
    Known,
    Landed,
    LandedInput,
    LandedRows,
    RefusedInput,
    refused_error,
)
from mesh_pipelines.landing.pattern import fault_of_pattern, folded, matcher
from mesh_pipelines.landing.strict_csv import RFC_4180, Dialect
from quality.contract import Contract
from quality.values import is_on_the_calendar
from resources.store import Entry, FolderStore, Store

_TOGETHER = 100
_BATCH = 100_000
_SKEW = 3_600 * 10**9
"""Nanoseconds by which the clock of a file server may be ahead of this machine's."""
_UNFINISHED = (".tmp", ".part", ".crdownload", ".filepart")


class FileLanding:
    """The files of one source.

    Args:
        pattern: file name below that folder; ``{month}`` marks the partition, ``*`` matches any text.

    Raises:
        LandingError: the pattern names no known kind of partition.
    """

    def __init__(
        self,
        store: Store,
        domain: str,
        pattern: str,
        dialect: Dialect = RFC_4180,
        limit: ExpansionLimit = DEFAULT,
    ) -> None:
        self._store, self._domain, self._pattern, self._dialect = store, domain, pattern, dialect
        self._limit = limit
        if fault := fault_of_pattern(pattern):
            raise LandingError(
                f"the pattern {pattern!r} {fault}",
                where=f"a source of {domain}",
                remedy="mend its declaration",
            )
        self._below, _, last = pattern.rpartition("/")
        self._matcher, self._alike = matcher(last), matcher(folded(last))
        self.where = f"{store.root}/{domain}"

    def __enter__(self) -> FileLanding:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def look(self, known: Known, *, settle: float = 0.0) -> Landed:
        before = {
            (partition, name): seen for partition, files in known.items() for name, seen in files.items()
        }
        now = time.time_ns()
        inputs: list[LandedInput] = []
        unfinished: list[str] = []
        refused: list[RefusedInput] = []
        for entry, name, partition in self._entries():
            stamp = _stamp(entry)
            seen = before.get((partition or "", name))
            why = _refusal(entry, name, partition)
            if why or partition is None:
                # A line feed in a name would begin a line of its own where names are listed.
                shown = name if name.isprintable() or not _is_text(name) else repr(name)[1:-1]
                refused.append(RefusedInput(shown, stamp, why))
            elif seen and seen.stamp == stamp:
                inputs.append(LandedInput(name, partition, stamp, seen.fingerprint))
            elif settle and _is_fresh(entry, now, settle):
                unfinished.append(name)
            else:
                try:
                    content = entry.tag or self._store.sha256(entry.name)
                except FileNotFoundError:
                    continue  # removed since the listing
                except PermissionError:
                    refused.append(RefusedInput(name, stamp, "may not be read by this user"))
                    continue
                inputs.append(LandedInput(name, partition, stamp, content))
        return Landed(
            tuple(_with_notes(inputs)),
            tuple(sorted(unfinished)),
            refused=tuple(sorted([*refused, *self._folders()])),
        )

    def read(self, inputs: Sequence[LandedInput], contract: Contract) -> LandedRows:
        """Of two files with the same content in one partition only the first is read."""
        if not inputs:
            raise LandingError(
                f"nothing has landed that looks like {self._pattern!r}",
                where=self.where,
                remedy="land a file there, or mend the source's pattern",
            )
        files = {(one.partition, one.fingerprint): one for one in reversed(inputs)}
        first = sorted(files.values(), key=lambda one: one.name)
        raw = {one.name: self._raw(one) for one in first}
        begun = {one: self._entry(one) for one in first}
        judged = {name: file.judge(contract) for name, file in raw.items()}
        faults = {name: found.fault for name, found in judged.items()}
        faults |= odd_ones({name: file for name, file in raw.items() if not faults[name]})
        if any(faults.values()):
            lines = [f"{name}: {fault}" for name, fault in faults.items() if fault]
            raise refused_error(f"{contract.domain}.{contract.name}", lines)
        texts = mixed_columns(raw.values(), contract)
        frames: list[pl.LazyFrame] = []
        for one in first:
            frame = raw[one.name].rows(contract, judged[one.name], texts)
            frame = frame.with_columns(pl.lit(one.name).alias(FILE))
            if contract.partition:
                frame = frame.with_columns(pl.lit(one.partition).alias(PARTITION))
            frames.append(frame)
        whole = pl.concat(frames, how="vertical_relaxed") if len(frames) <= _TOGETHER else _in_turn(frames)
        records = sum(found.records for found in judged.values())
        return LandedRows(whole, records, lambda: self._verify(begun))

    def blame(self, inputs: Sequence[LandedInput], contract: Contract, error: Exception) -> MeshError:
        faults: list[str] = []
        for one in inputs:
            self._entry(one)
            file = self._raw(one)
            try:
                file.rows(contract).collect()
            except OSError as fault:
                faults.append(f"{one.name}: {fault_of_file(fault)}")
            except pl.exceptions.PolarsError as fault:
                faults.append(
                    f"{one.name}: {file.judge(contract, whole=True).fault or fault_of_file(fault, contract)}"
                )
        return refused_error(
            f"{contract.domain}.{contract.name}",
            faults or [fault_of_file(error.__cause__ or error, contract)],
        )

    def _entries(self) -> list[tuple[Entry, str, str | None]]:
        """Files that fit the pattern: the entry, its name below the domain's folder, its partition.

        The partition is None of a name that fits but for its case, blanks around it or the form of its accents.
        """
        folder = f"{self._domain}/{self._below}".rstrip("/")
        found: list[tuple[Entry, str, str | None]] = []
        prefix = len(self._domain) + 1
        if isinstance(self._store, FolderStore) and self._store.leaves(folder):
            raise LandingError(
                "its folder is reached by a symbolic link, and may be another domain's",
                where=self.where,
                remedy="land into a plain folder of this name; a whole landing zone may be elsewhere: MESH_LANDING",
            )
        try:
            for entry in self._store.entries(folder):
                last = entry.name.rpartition("/")[2]
                if last.startswith(".") or last.endswith(_UNFINISHED):
                    continue
                if match := self._matcher.fullmatch(last):
                    found.append((entry, entry.name[prefix:], next(iter(match.groupdict().values()), "")))
                elif self._alike.fullmatch(folded(last)):
                    found.append((entry, entry.name[prefix:], None))
        except Exception as error:  # whatever a store's client raises
            if isinstance(self._store, FolderStore) and not isinstance(error, OSError):
                raise
            raise SourceUnavailable(
                f"the landing zone cannot be listed: {fault_of_file(error)}",
                where=self.where,
                remedy="see that it answers and that MESH_STORAGE_OPTIONS opens it; the next look tries again",
            ) from error
        return found

    def _folders(self) -> list[RefusedInput]:
        """Folders by the name of a file, as some programs write; a pattern without an ending may mean other ones."""
        if not isinstance(self._store, FolderStore) or "." not in self._pattern.rpartition("/")[2]:
            return []
        remedy = 'land its files under the source\'s names, or name them: source("folder.parquet/*")'
        return [
            RefusedInput(f"{self._below}/{name}".lstrip("/"), "folder", "is a folder, and not read", remedy)
            for name in self._store.folders(f"{self._domain}/{self._below}".rstrip("/"))
            if self._matcher.fullmatch(name) and not name.startswith(".") and name.isprintable()
        ]

    def _entry(self, one: LandedInput) -> Entry:
        """The file of an input, if it is still the one that was looked at. Raises SourceUnavailable: it is not."""
        try:
            found = self._store.entry(f"{self._domain}/{one.name}")
        except FileNotFoundError:
            raise self._changed_error(one) from None
        if found.odd or _stamp(found) != one.stamp:
            raise self._changed_error(one)
        return found

    def _verify(self, begun: Mapping[LandedInput, Entry]) -> None:
        for one, entry in begun.items():
            if self._entry(one) != entry:
                raise self._changed_error(one)

    def _changed_error(self, one: LandedInput) -> SourceUnavailable:
        return SourceUnavailable(
            f"{one.name} changed while it was read, so nothing was published",
            where=self.where,
            remedy="land it under another name and rename it when it is whole; the next look reads it again",
        )

    def _raw(self, one: LandedInput) -> RawFile:
        return RawFile(self._store, f"{self._domain}/{one.name}", self._dialect, self._limit)


def _with_notes(inputs: Sequence[LandedInput]) -> list[LandedInput]:
    """The inputs in order of their names; one that has the content of an earlier one of its partition says so."""
    first: dict[tuple[str, str], str] = {}
    found: list[LandedInput] = []
    for one in sorted(inputs, key=lambda one: one.name):
        same = first.setdefault((one.partition, one.fingerprint), one.name)
        note = f"{one.name} has the content of {same}, which is read once" if same != one.name else ""
        found.append(replace(one, note=note) if note else one)
    return found


def _in_turn(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """One frame of all frames, concatenated in groups: polars takes quadratic time to begin with thousands."""
    from polars.io.plugins import register_io_source

    empty = [pl.DataFrame(schema=frame.collect_schema()) for frame in frames]
    schema = pl.concat(empty, how="vertical_relaxed").schema

    def batches(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        left = rows
        for first in range(0, len(frames), _TOGETHER):
            group = pl.concat(frames[first : first + _TOGETHER], how="vertical_relaxed").cast(schema)
            group = group if left is None else group.head(left)
            for batch in group.collect_batches(chunk_size=size or _BATCH, maintain_order=True):
                left = None if left is None else left - batch.height
                found = batch if predicate is None else batch.filter(predicate)
                yield found if columns is None else found.select(columns)

    return register_io_source(batches, schema=schema, is_pure=True)


def _is_fresh(entry: Entry, now: int, settle: float) -> bool:
    """True for a file that may still be written: it changed less than ``settle`` seconds ago.

    A time of change that is still to come was set by somebody, or by a clock that is wrong: the clock of this machine
    says when it was. Where that is an hour ahead too, it was set back since, and the file is not waited for.
    """
    changed = entry.changed if entry.changed <= now else entry.written
    return now - int(settle * 1e9) < changed <= now + _SKEW


def _stamp(entry: Entry) -> str:
    return entry.tag or f"{entry.size}-{entry.changed}"


def _refusal(entry: Entry, name: str, partition: str | None) -> str:
    """The reason not to read what a pattern fits; empty for a plain file of the domain's own folder."""
    if partition is None:
        return "its name differs from the source's pattern in case, blanks or the form of its accents"
    if entry.odd:
        return f"is {entry.odd}; only plain files of the domain's own folder are read"
    if not name.isascii() and not _is_text(name):
        return "its name holds bytes that are no text"
    if not name.isprintable():
        return "its name holds a control character"
    if partition and not is_on_the_calendar(partition):
        return f"its name says {partition}, and there is no such day, month or year"
    return ""


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes of a file system that are not UTF-8
        return False
    return True
