"""The size of a landed file once it is unpacked, known before anything is: a few kilobytes may stand for terabytes."""

from __future__ import annotations

import io
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from mesh_pipelines.landing.records import MalformedFile

if TYPE_CHECKING:
    from resources.settings import Settings

_HARMLESS = 100_000_000
"""Bytes up to which no file is a danger, whatever it was packed from."""
_TENSE = 100
"""Times its size beyond which a file has to have row groups that memory holds; honest data is packed 2 to 50 times."""
_WALKED = 64_000_000
"""Bytes of a file whose pages are asked too: what they claim and what the footer claims may differ."""
_JUNCTION = b"PAR1PAR1"
"""The end of a Parquet file, and the begin of another."""
_GAP = 2**20
"""Bytes between the last column and the footer that are searched at once."""
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 8, "FLOAT": 4, "DOUBLE": 8}
_REFERENCE = 16
"""Bytes of a row's reference to a text, which many rows may share."""
_SIGNATURES = (
    (b"\x1f\x8b", "is compressed by gzip"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd"),
    (b"\xfd7zXZ\x00", "is compressed by xz"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive"),
    (b"PK\x03\x04", "is a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "is an Excel workbook"),
    (b"PAR1", "is Parquet"),
)


@dataclass(frozen=True)
class ExpansionLimit:
    """The limit of unpacking beyond 100 MB: times the file's own size, and bytes of one tightly packed row group."""

    times: int = 1_000
    memory: int = 2_000_000_000


DEFAULT = ExpansionLimit()


def limit_of(settings: Settings) -> ExpansionLimit:
    """The limit that the settings name."""
    from quality.child import memory_of

    memory = memory_of(settings.memory_limit)
    return ExpansionLimit(settings.expansion, ExpansionLimit.memory if memory is None else memory)


def fault_of_packing(start: bytes) -> str:
    """The fault of a file that should be text, by its first bytes; empty for what may be text."""
    if start.startswith(b"BZh") and start[4:10] == b"1AY&SY":
        return "is compressed by bzip2, and is read as text: land it unpacked"
    for signature, words in _SIGNATURES:
        if start.startswith(signature):
            fix = "name it .parquet" if signature == b"PAR1" else "land it unpacked"
            return f"{words}, and is read as text: {fix}"
    return ""


def fault_of_parquet(handle: IO[bytes], limit: ExpansionLimit) -> str:
    """The fault of a Parquet file that unpacks to more than the limit; empty where it does not.

    Size is that of the rows in memory: as the footer and the page headers claim, and of each row a value as wide as its
    type, for one value may stand for a thousand million rows. Pages that are read are held against their checksums.

    Raises:
        MalformedFile: a page is not what its checksum says.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    packed = handle.seek(0, os.SEEK_END)
    try:
        metadata: Any = pq.read_metadata(handle)
    except (pa.ArrowException, OSError):
        return "cannot be read: its footer is not that of a Parquet file, or its types lie too deep within each other"
    if _joined(handle, metadata, packed):
        return "is two Parquet files in one, of which a reader sees the last alone: land each by itself"
    content = b""
    if packed <= _WALKED:
        handle.seek(0)
        content = handle.read()
    groups = [_unpacked(metadata.row_group(number), content) for number in range(metadata.num_row_groups)]
    whole, largest = sum(groups), max(groups, default=0)
    if whole > _HARMLESS and whole > limit.times * packed:
        return (
            f"unpacks from {packed:,} bytes to {whole:,}, more than {limit.times:,} times its size: land what it "
            "holds with less repetition or in another format; who trusts it raises MESH_EXPANSION"
        )
    if largest > limit.memory and largest > _TENSE * packed:
        return (
            f"has a row group that unpacks to {largest:,} bytes, more than memory may hold ({limit.memory:,}): write "
            "it with smaller row groups, or raise MESH_MEMORY_LIMIT"
        )
    return ""


def _joined(handle: IO[bytes], metadata: Any, packed: int) -> bool:
    """True if another file ends before the footer: its own begins where the last column ends, but for indexes."""
    ends = [_end_of(metadata.row_group(number)) for number in range(metadata.num_row_groups)]
    handle.seek(max(ends, default=0))
    footer = packed - int(metadata.serialized_size)
    begin, rest = handle.tell(), b""
    while (left := footer - begin) > 0:
        handle.seek(begin)
        chunk = rest + handle.read(min(left, _GAP))
        found = (match.start() for match in re.finditer(_JUNCTION, chunk))
        if any(_ends_at(handle, begin - len(rest) + at) for at in found):
            return True
        begin, rest = begin + min(left, _GAP), chunk[-len(_JUNCTION) + 1 :]
    return False


def _ends_at(handle: IO[bytes], at: int) -> bool:
    """True if the signature at a place is that behind the footer of a file, and not a value in an index."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    handle.seek(at - 4)
    length = int.from_bytes(handle.read(4), "little")
    if not 0 < length <= at - 8:
        return False
    handle.seek(at - 4 - length)
    try:
        pq.read_metadata(io.BytesIO(b"PAR1" + handle.read(length + 8)))
    except (pa.ArrowException, OSError):
        return False
    return True


def _end_of(group: Any) -> int:
    """The place behind the last column of a row group."""
    columns = [group.column(number) for number in range(group.num_columns)]
    return max((_start_of(column) + int(column.total_compressed_size) for column in columns), default=0)


def _start_of(column: Any) -> int:
    return min(at for at in (column.dictionary_page_offset, column.data_page_offset) if at is not None)


def _unpacked(group: Any, content: bytes) -> int:
    total = 0
    for number in range(group.num_columns):
        column = group.column(number)
        width = _WIDTHS.get(str(column.physical_type), _REFERENCE)
        claims = [int(column.total_uncompressed_size), int(column.num_values) * width, group.num_rows * width]
        if content:
            first = _start_of(column)
            claims.append(sum(_page_sizes(content[first : first + int(column.total_compressed_size)])))
        total += max(claims)
    return total


def _page_sizes(chunk: bytes) -> Iterator[int]:
    """Bytes that each page of a column claims to unpack to (Parquet, PageHeader in Thrift's compact protocol).

    Raises:
        MalformedFile: a page has other bytes than those its checksum was made of.
    """
    at = 0
    while at < len(chunk):
        try:
            header, begins = _read_struct(chunk, at, 0)
        except (IndexError, ValueError):
            return  # not a page: the parser of the values says so
        yield max(header.get(2, 0), 0)
        at = begins + max(header.get(3, 0), 0)
        if 4 in header and at <= len(chunk) and zlib.crc32(chunk[begins:at]) != header[4] & 0xFFFFFFFF:
            raise MalformedFile("has a page that is not what its checksum says: its bytes changed on the way")


def _read_struct(data: bytes, at: int, depth: int) -> tuple[dict[int, int], int]:
    """Whole numbers of a Thrift struct by field, and the place behind it."""
    if depth > 8 or at > len(data):
        raise ValueError("no page header")
    found: dict[int, int] = {}
    field = 0
    while kind := data[at]:
        at += 1
        step, kind = kind >> 4, kind & 15
        if step:
            field += step
        else:
            number, at = _varint(data, at)
            field = (number >> 1) ^ -(number & 1)
        if kind in (4, 5, 6):
            number, at = _varint(data, at)
            found[field] = (number >> 1) ^ -(number & 1)
        elif kind == 3:
            at += 1
        elif kind == 7:
            at += 8
        elif kind == 8:
            length, at = _varint(data, at)
            at += length
        elif kind == 12:
            _, at = _read_struct(data, at, depth + 1)
        elif kind not in (1, 2):
            raise ValueError("no page header")
    return found, at + 1


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7
        if shift > 63:
            raise ValueError("no number")
