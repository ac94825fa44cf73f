"""The landing zone: which files of a source are there, which of them are new, and their rows as raw text.

A look is cheap first (name, size, time of change) and hashes a file only where that look says it may have
changed, so ten thousand files seen before cost one directory listing.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mesh_pipelines.errors import LandingError
from mesh_pipelines.loading import PARTITION
from quality.contract import Contract
from quality.typed import PROVENANCE

FILE, ROW = PROVENANCE
"""Provenance of a source's row: the file it landed in, and its number among the file's rows, from 1."""

_UNFINISHED = (".tmp", ".part", ".crdownload", ".filepart")
_PARTITIONS = {"month": r"\d{4}-(?:0[1-9]|1[0-2])", "day": r"\d{4}-\d{2}-\d{2}", "year": r"\d{4}"}


@dataclass(frozen=True)
class LandedFile:
    """One file of a source.

    Args:
        name: path below the domain's landing folder.
        partition: the partition it belongs to; empty where the source has none.
        size: bytes.
        changed: time of the last change, in nanoseconds since the epoch.
        sha256: fingerprint of the content.
    """

    name: str
    partition: str
    size: int
    changed: int
    sha256: str


@dataclass(frozen=True)
class Landed:
    """All files of a source as one look found them.

    Args:
        folder: the domain's landing folder.
        files: finished files, by name.
        unfinished: names of files that are still being written; they are left for the next look.
    """

    folder: Path
    files: tuple[LandedFile, ...]
    unfinished: tuple[str, ...] = ()

    def by_partition(self) -> dict[str, tuple[LandedFile, ...]]:
        found: dict[str, list[LandedFile]] = {}
        for file in self.files:
            found.setdefault(file.partition, []).append(file)
        return {partition: tuple(files) for partition, files in sorted(found.items())}


def look(
    folder: Path, pattern: str, known: Mapping[str, Mapping[str, Any]], *, settle: float = 0.0
) -> Landed:
    """Look at what has landed for a source.

    Args:
        folder: the domain's landing folder; it need not exist yet.
        pattern: the source's file name pattern.
        known: what the last publish knew of each file: ``size``, ``changed`` and ``sha256`` by name.
        settle: seconds that an unknown file must have been left unchanged before it counts as finished.
    """
    below, _, last = pattern.rpartition("/")
    matcher = _matcher(last)
    files: list[LandedFile] = []
    unfinished: list[str] = []
    horizon = time.time_ns() - int(settle * 1e9)
    try:
        entries = sorted(os.scandir(folder / below if below else folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        entries = []
    for entry in entries:
        if entry.name.startswith(".") or entry.name.endswith(_UNFINISHED):
            continue
        match = matcher.fullmatch(entry.name)
        if not match or not entry.is_file():
            continue
        name = f"{below}/{entry.name}" if below else entry.name
        stat = entry.stat()
        seen = known.get(name)
        same_look = seen and seen["size"] == stat.st_size and seen["changed"] == stat.st_mtime_ns
        if not same_look and settle and stat.st_mtime_ns > horizon:
            unfinished.append(name)
            continue
        digest = seen["sha256"] if seen and same_look else _sha256(Path(entry.path))
        partition = next(iter(match.groupdict().values()), "")
        files.append(LandedFile(name, partition, stat.st_size, stat.st_mtime_ns, digest))
    return Landed(folder, tuple(files), tuple(unfinished))


def changed_partitions(landed: Landed, known: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Partitions whose files are not those of the last publish, each with the reason in words.

    Args:
        landed: what is there now.
        known: what the last publish knew of each file, by name.
    """
    now = {file.name: file for file in landed.files}
    reasons: dict[str, list[str]] = {}
    for file in landed.files:
        if file.name not in known:
            reasons.setdefault(file.partition, []).append(f"{file.name} landed")
        elif known[file.name]["sha256"] != file.sha256:
            reasons.setdefault(file.partition, []).append(f"{file.name} was corrected")
    for name, seen in known.items():
        if name not in now and name not in landed.unfinished and seen.get("partition", "") not in reasons:
            others = [f for f in landed.files if f.partition == seen.get("partition", "")]
            if others:  # a partition that lost its last file keeps its published rows: nothing is ever lost
                reasons.setdefault(seen.get("partition", ""), []).append(f"{name} was taken away")
    return {partition: "; ".join(why) for partition, why in sorted(reasons.items())}


def describe_files(files: Iterable[LandedFile]) -> dict[str, dict[str, Any]]:
    """What the publish record keeps of each file, by name."""
    return {file.name: {k: v for k, v in asdict(file).items() if k != "name"} for file in files}


def read(landed: Landed, contract: Contract, files: Sequence[LandedFile]) -> pl.LazyFrame:
    """The rows of landed files, text as it came, with where each row came from.

    Args:
        landed: the look that found the files.
        contract: the source's contract, which names the columns.
        files: the files to read; of two with the same content in one partition only the first is read.

    Returns:
        A frame of the contract's columns, ``_file``, ``_row`` and, for a partitioned source, ``_partition``.

    Raises:
        LandingError: a file is empty, no text, or has other columns than the contract; all such files are named.
    """
    faults: list[str] = []
    frames: list[pl.LazyFrame] = []
    seen: set[tuple[str, str]] = set()
    for file in files:
        if (file.partition, file.sha256) in seen:
            continue
        seen.add((file.partition, file.sha256))
        path = landed.folder / file.name
        fault = _header_fault(path, contract)
        if fault:
            faults.append(f"{file.name}: {fault}")
            continue
        frame = (
            _scan(path)
            .select(*contract.dtypes, pl.col(ROW).cast(pl.Int64))
            .with_columns(pl.lit(file.name).alias(FILE))
        )
        if contract.partition:
            frame = frame.with_columns(pl.lit(file.partition).alias(PARTITION))
        frames.append(frame)
    if faults:
        raise _refuse(landed, faults, contract)
    return pl.concat(frames)


def blame(landed: Landed, files: Sequence[LandedFile], contract: Contract, error: Exception) -> LandingError:
    """Name the files that could not be read, after reading all of them together failed.

    Args:
        landed: the look that found the files.
        files: the files that were read.
        contract: the source's contract.
        error: what polars said.
    """
    faults: list[str] = []
    for file in files:
        try:
            _scan(landed.folder / file.name).collect()
        except OSError as fault:
            faults.append(f"{file.name}: {_told(fault)}")
        except pl.exceptions.PolarsError as fault:
            faults.append(f"{file.name}: {_not_text(landed.folder / file.name) or _told(fault)}")
    return _refuse(landed, faults or [_told(error.__cause__ or error)], contract)


def _refuse(landed: Landed, faults: Sequence[str], contract: Contract) -> LandingError:
    return LandingError(
        "refused, nothing of it was published:\n" + "\n".join(f"  - {fault}" for fault in faults),
        where=str(landed.folder.name) + "." + contract.name,
        remedy="land a corrected file under the same name; the refused one is untouched, and so is what was published",
    )


def _scan(path: Path) -> pl.LazyFrame:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return pl.scan_parquet(path, row_index_name=ROW, row_index_offset=1)
    if suffix in (".jsonl", ".ndjson"):
        return pl.scan_ndjson(path, row_index_name=ROW, row_index_offset=1, infer_schema_length=None)
    return pl.scan_csv(path, infer_schema=False, row_index_name=ROW, row_index_offset=1, encoding="utf8")


def _header_fault(path: Path, contract: Contract) -> str:
    expected = list(contract.dtypes)
    try:
        if path.stat().st_size == 0:
            return "the file is empty"
        if path.suffix.lower() in (".parquet", ".jsonl", ".ndjson"):
            found = [name for name in _scan(path).collect_schema() if name != ROW]
            some = True
        else:
            with path.open(encoding="utf-8-sig", newline="") as handle:
                rows = csv.reader(handle)
                found = next(rows, [])
                some = any(rows)  # a blank line is an empty list
    except UnicodeDecodeError as error:
        return f"is not UTF-8 text ({error.reason} at byte {error.start})"
    except OSError as error:
        return f"cannot be read: {error.strerror or _first_line(error)}"
    except (csv.Error, pl.exceptions.PolarsError) as error:
        return f"cannot be read: {_first_line(error)}"
    if any("\0" in name for name in found):
        return "is not text: its first line holds zero bytes"
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    if missing or extra:
        parts = [f"lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}"] if missing else []
        if extra:
            shown = ", ".join(repr(name)[:40] for name in extra[:5])
            parts.append(f"has the unknown column{'s' * (len(extra) > 1)} {shown}")
        return " and ".join(parts) + "; the contract says " + ", ".join(expected)
    if len(set(found)) != len(found):
        return "has a column twice"
    if not some:
        return "has a header and no rows"
    return ""


def _not_text(path: Path) -> str:
    """Where a file that should be text is none; empty where it is text, or is not meant to be."""
    if path.suffix.lower() == ".parquet":
        return ""
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f"is not UTF-8 text ({error.reason} in line {number})"
    return ""


def _matcher(pattern: str) -> re.Pattern[str]:
    expression = ""
    for part in re.split(r"(\{\w+\}|\*)", pattern):
        if part == "*":
            expression += "[^/]*"
        elif part.startswith("{"):
            name = part[1:-1]
            if name not in _PARTITIONS:
                raise LandingError(
                    f"{{{name}}} is no kind of partition",
                    where=f"source pattern {pattern!r}",
                    remedy=f"use one of {', '.join('{' + known + '}' for known in _PARTITIONS)}",
                )
            expression += f"(?P<{name}>{_PARTITIONS[name]})"
        else:
            expression += re.escape(part)
    return re.compile(expression)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _told(error: BaseException) -> str:
    """What polars says of a file, in the words of whoever delivered it."""
    text, line = str(error), _first_line(error)
    if "not properly escaped" in text:
        return f"is cut off or misquoted, a quoted field never ends: {line.removeprefix('could not parse ')[:80]}"
    if "found more fields" in text:
        return "has a line with more fields than the header names"
    return line


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
