"""Records of a CSV file, counted and held against RFC 4180 without the parser that reads the values.

Readers of CSV guess where a file is malformed, and a wrong guess loses rows in silence. This pass guesses nothing: a
file that is not as the grammar of RFC 4180, section 2, says (with LF accepted for CRLF, and UTF-8 for ASCII) is
refused with its line. It reads the file once, in bounded memory, at some hundred megabytes a second.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from mesh_pipelines.landing.records import Bytes, Counted, MalformedFile, Positions, TextCheck

_CHUNK = 4 * 2**20
_HEADER_LIMIT = 2**20
_BOM = b"\xef\xbb\xbf"
_QUOTE, _LF, _CR = ord('"'), ord("\n"), ord("\r")

_NONE = np.array([], np.intp)


@dataclass(frozen=True)
class Dialect:
    """Form of a CSV file where it is not that of RFC 4180.

    Args:
        separator: one character between fields.
        quotes: a field may stand in quotes, in which a quote is doubled; otherwise a quote is an ordinary character.
        short_rows: a record may lack its last fields, which are empty then.
    """

    separator: str = ","
    quotes: bool = True
    short_rows: bool = False


RFC_4180 = Dialect()
DIALECTS = {
    "rfc4180": RFC_4180,
    "semicolon": Dialect(separator=";"),
    "tab": Dialect(separator="\t"),
    "unquoted": Dialect(quotes=False),
    "short rows": Dialect(short_rows=True),
}
"""Forms of CSV that a source may name."""


def count_csv(stream: IO[bytes], dialect: Dialect = RFC_4180) -> Counted:
    """Columns and number of records of a CSV file with a header.

    Raises:
        MalformedFile: it is not of the dialect; with the line.
        OSError: it cannot be read.
    """
    head = stream.read(_HEADER_LIMIT)
    text = TextCheck()
    chunk = _whole(stream, head)
    text.add(chunk, 1)
    columns = _header(chunk, dialect)
    scan = _Scan(dialect, len(columns), chunk.removeprefix(_BOM).partition(b"\n")[0].rstrip(b"\r"))
    scan.add(chunk.removeprefix(_BOM))
    while chunk := _whole(stream, stream.read(_CHUNK)):
        text.add(chunk, scan.line)
        scan.add(chunk)
    text.add(b"", scan.line, last=True)
    records = scan.end()
    return Counted(columns, max(records - 1, 0), np.concatenate(scan.blanks) if scan.blanks else None)


def _whole(stream: IO[bytes], chunk: bytes) -> bytes:
    """A chunk that does not end within characters that are judged together."""
    while chunk[-1:] in (b'"', b"\r") and (more := stream.read(2**12)):
        chunk += more
    return chunk


def _header(head: bytes, dialect: Dialect) -> Sequence[str]:
    if not head:
        raise MalformedFile("the file is empty")
    if b"\0" in head.partition(b"\n")[0]:
        raise MalformedFile("is not text: its first line holds zero bytes")
    text = io.StringIO(head.removeprefix(_BOM).decode(errors="replace"), newline="")
    quoting = csv.QUOTE_MINIMAL if dialect.quotes else csv.QUOTE_NONE
    try:
        return next(csv.reader(text, delimiter=dialect.separator, quoting=quoting), [])
    except csv.Error:
        raise MalformedFile("its header cannot be read", 1) from None


class _Scan:
    """State between chunks: fields end at separators, and records at line feeds, that are not in quotes."""

    def __init__(self, dialect: Dialect, width: int, header: bytes) -> None:
        # A record that is the header again begins a second file; the header of one column may be a word like others.
        self._headers = {header, _BOM + header} if width > 1 else set[bytes]()
        self._longest = len(header) + len(_BOM + b"\r")
        self._begin = b""  # of the record that is not over, as far as it may be a header
        self._separator = ord(dialect.separator)
        self._quotes, self._short, self._width = dialect.quotes, dialect.short_rows, width
        self.line = 1  # of the first byte to come
        self._begun = 1  # in which the record that is not over began
        self._opened = 0  # in which the quoted field that is not over began; 0 for none
        self._before = _LF  # the byte before
        self._fields = 0  # separators so far of the record that is not over
        self._records = 0
        self.blanks: list[
            Positions
        ] = []  # places of blank lines among records and blank lines, the header being 0

    def add(self, chunk: bytes) -> None:
        data = np.frombuffer(chunk, np.uint8)
        if not data.size:
            return
        if (zero := chunk.find(b"\0")) >= 0:
            line = self.line + chunk.count(b"\n", 0, zero)
            raise MalformedFile("holds zero bytes: it was cut off, or part of it is no UTF-8 text", line)
        lines = np.flatnonzero(data == _LF)
        feeds, separators = lines, np.flatnonzero(data == self._separator)
        returns = np.flatnonzero(data == _CR) if b"\r" in chunk else _NONE
        if self._quotes and (self._opened or b'"' in chunk):
            quotes = np.flatnonzero(data == _QUOTE)
            self._judge_quotes(data, quotes, lines)
            feeds, separators, returns = (self._outside(quotes, at) for at in (feeds, separators, returns))
            odd = (len(quotes) + bool(self._opened)) % 2
            self._opened = 0 if not odd else self._at(lines, quotes[-1]) if len(quotes) else self._opened
        self._judge_returns(data, returns, lines)
        self._count(data, feeds, separators, lines)
        self._before = int(data[-1])
        self.line += len(lines)

    def end(self) -> int:
        """Number of records, the header among them."""
        if self._opened:
            raise MalformedFile("a quoted field never ends: it is cut off or misquoted", self._opened)
        if self._before != _LF:  # the last line break may be left out
            self._judge_width(self._fields, self._begun)
            if self._records:
                self._judge_header(self._begin, self._begun)
            self._records += 1
        return self._records

    def _outside(self, quotes: Positions, at: Positions) -> Positions:
        """Positions that are not in a quoted field."""
        return at[(np.searchsorted(quotes, at) + bool(self._opened)) % 2 == 0]

    def _judge_quotes(self, data: Bytes, quotes: Positions, lines: Positions) -> None:
        opens = (np.arange(len(quotes)) + bool(self._opened)) % 2 == 0
        before = np.where(quotes > 0, data[quotes - 1], self._before)
        padded = np.append(data, np.array([_LF, _LF], np.uint8))
        after, second = padded[quotes + 1], padded[quotes + 2]
        # A quote that opens stands at the start of a field, or behind the one that closed: a doubled quote.
        begins = (before == _LF) | (before == self._separator) | (before == _QUOTE)
        # A quote that closes is followed by the end of the field, or by the second of a doubled quote.
        ends = (after == _LF) | (after == self._separator) | (after == _QUOTE)
        ends |= (after == _CR) & (second == _LF)
        wrong = np.where(opens, ~begins, ~ends)
        if wrong.any():
            at = quotes[int(np.argmax(wrong))]
            raise MalformedFile(
                "a quote within a field is not doubled, or not in quotes", self._at(lines, at)
            )

    def _judge_returns(self, data: Bytes, returns: Positions, lines: Positions) -> None:
        lone = np.append(data, np.uint8(0))[returns + 1] != _LF
        if lone.any():
            line = self._at(lines, returns[int(np.argmax(lone))])
            raise MalformedFile("a carriage return without a line feed", line)

    def _count(self, data: Bytes, feeds: Positions, separators: Positions, lines: Positions) -> None:
        self._judge_headers(data, feeds, lines)
        before = np.searchsorted(separators, feeds)
        fields = np.diff(before, prepend=0)
        if not len(feeds):
            self._fields += len(separators)
            return
        fields[0] += self._fields
        starts = np.append(-1, feeds[:-1]) + 1
        length = feeds - starts
        blank = (length == 0) | ((length == 1) & (data[starts] == _CR))
        if starts[0] == 0 and self._before != _LF:
            blank[0] = False
        wrong = np.flatnonzero(~blank & self._wrong(fields))
        if self._width == 1:
            wrong = np.union1d(wrong, np.flatnonzero(blank))
        if len(wrong):
            first = int(wrong[0])
            line = self._begun if first == 0 else self._at(lines, feeds[first - 1]) + 1
            if blank[first]:
                raise MalformedFile("a blank line, which is no record of one column", line)
            self._judge_width(int(fields[first]), line)
        if blank.any():
            before_chunk = self._records + sum(map(len, self.blanks))
            self.blanks.append(np.flatnonzero(blank) + before_chunk)
        self._records += len(feeds) - int(np.count_nonzero(blank))
        self._fields = len(separators) - int(before[-1])
        self._begun = self._at(lines, feeds[-1]) + 1

    def _judge_headers(self, data: Bytes, feeds: Positions, lines: Positions) -> None:
        """Refuse a record that is the header once more."""
        if not self._headers:
            return
        starts = np.append(0, feeds + 1)
        lengths = feeds - starts[:-1]
        if len(feeds):
            lengths[0] += len(self._begin)
        alike = np.flatnonzero((lengths > self._longest - len(_BOM + b"\r") - 1) & (lengths <= self._longest))
        for at in alike[(alike > 0) | (self._begun > 1)].tolist():
            record = (self._begin if at == 0 else b"") + data[starts[at] : feeds[at]].tobytes()
            line = self._begun if at == 0 else self._at(lines, int(feeds[at - 1])) + 1
            self._judge_header(record, line)
        rest = data[starts[-1] :][: self._longest + 1].tobytes()
        self._begin = (rest if len(feeds) else self._begin + rest)[: self._longest + 1]

    def _judge_header(self, record: bytes, line: int) -> None:
        if record.removesuffix(b"\r") in self._headers:
            raise MalformedFile("the header once more: two files in one", line)

    def _wrong(self, separators: npt.NDArray[np.intp] | int) -> Any:
        return (separators >= self._width) if self._short else (separators != self._width - 1)

    def _judge_width(self, separators: int, line: int) -> None:
        if self._wrong(separators):
            raise MalformedFile(
                f"{separators + 1:,} field{'s' * (separators > 0)} where the header names {self._width:,}",
                line,
            )

    def _at(self, lines: Positions, position: int) -> int:
        return self.line + int(np.searchsorted(lines, position))
