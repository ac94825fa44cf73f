"""Records of JSON lines, counted and held against RFC 8259 without the parser that reads the values.

A record is an object on a line of its own, with single values. That parser refuses what is no JSON, but takes the first
of two equal keys and passes over unknown ones. Here each key is compared with the contract's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mesh_pipelines.landing.json_form import JsonForm, OneForm, counted_ahead
from mesh_pipelines.landing.json_nesting import fault_of_nesting
from mesh_pipelines.landing.json_numbers import LONG, exponents, lost_numbers
from mesh_pipelines.landing.json_syntax import judge_syntax
from mesh_pipelines.landing.records import Bytes, Counted, MalformedFile, Positions, TextCheck

_CHUNK = 2**18
"""Bytes read at once: memory that is used again at once costs less, and what is made of them stays in the cache."""
_LINE_LIMIT = 64 * 2**20
_LF, _QUOTE, _BACKSLASH, _COLON = b'\n"\\:'
_SPACE = np.zeros(256, bool)
_SPACE[list(b" \t\r\n")] = True
_STRUCTURE = np.zeros(256, bool)
_STRUCTURE[list(b"{}[]:,")] = True
_DEPTH = np.zeros(256, np.int8)
_DEPTH[list(b"{[")], _DEPTH[list(b"}]")] = 1, -1
_NUMBER = np.zeros(256, bool)
_NUMBER[list(b"-0123456789")] = True
_INEXACT = np.zeros(256, bool)
_INEXACT[list(b".eE")] = True
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_KEPT = 100_000
"""Numbers of a column that are kept as text."""
_COMPARED = 8
"""Expected keys of one length that are compared one by one; more of them are sorted."""


def count_json(
    stream: IO[bytes],
    columns: Sequence[str],
    texts: Collection[str] = (),
    floats: Collection[str] = (),
    *,
    whole: bool = False,
) -> Counted:
    """Columns and number of records of a file of JSON lines.

    Args:
        whole: judge the whole syntax of objects, to find the line at which the parser of the values has failed. It
            takes several times as long, and is else left to that parser where keys and values are of the usual form.
        columns: names that a record may have.
        texts: those of them whose values are text. A number with a fraction or an exponent is refused there: its
            digits would not be those of the file.
        floats: those whose values become floats.

    Raises:
        MalformedFile: it is no file of JSON lines, or has objects, lists or equal keys in a record; with the line.
        OSError: it cannot be read.
    """
    scan, text = _Scan(columns, texts, floats), TextCheck()
    blocks = _blocks(stream)
    # The first line by itself, since the others are compared with it.
    if (begin := next(blocks, None)) is None:
        raise MalformedFile("the file is empty")
    first, _, rest = begin.partition(b"\n")
    if first.startswith(b"\xef\xbb\xbf"):
        raise MalformedFile("begins with a byte order mark, which is no JSON", 1)
    text.add(first + b"\n", scan.line)
    scan.add(first + b"\n")
    if whole:
        judge_syntax(first, 1)
    form = None if whole else scan.form()
    for block, records in counted_ahead(form, chain([rest] if rest else [], blocks)):
        line = scan.line
        if not block.isascii():
            text.add(block, line)
        if records is not None:
            scan.take(records)
        else:
            scan.add(block)
        if whole:
            judge_syntax(block, line)
    text.add(b"", scan.line, last=True)
    found = [*(name for name in columns if name in scan.found), *scan.unknown]
    return Counted(found, scan.records, exact=scan.exact)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    held = 0
    while chunk := stream.read(_CHUNK):
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            rest.append(chunk)
            held += len(chunk)
            if held > _LINE_LIMIT:
                raise MalformedFile(f"a line of more than {_LINE_LIMIT // 2**20} MiB")
            continue
        yield b"".join([*rest, memoryview(chunk)[:cut]])
        rest, held = [chunk[cut:]], len(chunk) - cut
    if last := b"".join(rest):
        yield last + b"\n"


class _Values(NamedTuple):
    """Values that begin as numbers do: column of each, and the place of the comma or bracket behind it."""

    keys: Positions
    lines: Positions
    begins: Positions
    behind: Positions


class _Scan:
    """State between blocks of whole lines."""

    def __init__(self, columns: Sequence[str], texts: Collection[str], floats: Collection[str]) -> None:
        self._columns, self._texts, self._floats = list(columns), set(texts), set(floats)
        self._keys = [json.dumps(name, ensure_ascii=False)[1:-1].encode() for name in columns]
        self.line = 1  # of the first byte to come
        self.found: set[str] = set()
        self.unknown: list[str] = []
        self.records = 0
        self.exact: dict[str, dict[int, str]] = {}
        self._formed: list[str] = []  # columns of the form that lines are compared with
        self._order: list[int] = []  # places among the columns of the keys of the last line

    def take(self, block: OneForm) -> None:
        """Take records that were judged elsewhere, one a line."""
        for row, place, text in block.lost:
            self._keep(self._formed[place], row, text)
        self.records += block.records
        self.line += block.records

    def _keep(self, column: str, row: int, text: str) -> None:
        """Keep the text of a number, of a row that is counted from 0 in this block."""
        kept = self.exact.setdefault(column, {})
        kept[self.records + row + 1] = text
        if len(kept) > _KEPT:
            raise MalformedFile(
                f"has more than {_KEPT:,} numbers in `{column}` with digits that a number does not "
                "hold: write them with at most 17, or quote them"
            )

    def form(self) -> JsonForm | None:
        """The form of the last line, to compare others with; None if these are to be judged in full."""
        if not self._order or any(b"\\" in key for key in self._keys):
            return None
        names = tuple(b'"' + self._keys[number] for number in self._order)
        self._formed = [self._columns[number] for number in self._order]
        texts, floats = (tuple(name in some for name in self._formed) for some in (self._texts, self._floats))
        return JsonForm(names, texts, floats)

    def add(self, block: bytes) -> None:
        data = np.frombuffer(block, np.uint8)
        feeds = np.flatnonzero(data == _LF)
        quotes = _real_quotes(data, block)
        self._judge_strings(quotes, feeds)
        structure = np.flatnonzero(_STRUCTURE[data])
        structure = structure[np.searchsorted(quotes, structure) % 2 == 0]
        depth = np.cumsum(_DEPTH[data[structure]], dtype=np.int64)
        records = self._judge_lines(data, feeds, quotes, structure, depth)
        self._judge_surrogates(block)
        values = self._judge_keys(data, feeds, quotes, structure)
        self._judge_numbers(data, values)
        self._keep_numbers(block, data, values, records)
        self.records += len(records)
        self.line += len(feeds)

    def _judge_strings(self, quotes: Positions, feeds: Positions) -> None:
        odd = np.searchsorted(quotes, feeds) % 2 == 1
        if odd.any():
            raise self._fault("a string is not closed: the line is cut off", int(np.argmax(odd)))

    def _judge_lines(
        self, data: Bytes, feeds: Positions, quotes: Positions, structure: Positions, depth: Positions
    ) -> Positions:
        """The lines that are records: each line is blank, or one object without objects or lists in it."""
        ends = np.searchsorted(structure, feeds)
        # Positions of the first and the last byte of each line that is no blank.
        solid = np.flatnonzero(~_SPACE[data])
        last = np.searchsorted(solid, feeds)
        first = np.append(0, last[:-1])
        records = np.flatnonzero(last > first)
        opening, closing = data[solid[first[records]]], data[solid[last[records] - 1]]
        if not self.records and len(records) and opening[0] == ord("["):
            raise self._fault("is a JSON array, where each line holds one object", int(records[0]))
        levels = np.append(0, depth)[ends]
        wrong = (opening != ord("{")) | (closing != ord("}")) | (levels[records] != 0)
        closed = np.append(0, np.cumsum(depth == 0))[ends]
        wrong |= np.diff(closed, prepend=0)[records] != 1
        deep = np.flatnonzero((depth > 1) | (depth < 0) | (data[structure] == ord("[")))
        if len(deep):  # of two faults the one further up is named
            line = int(np.searchsorted(feeds, structure[deep[0]]))
            if not wrong[records < line].any():
                record = data[feeds[line - 1] + 1 if line else 0 : feeds[line]].tobytes()
                where = self._column_of(data, quotes, int(structure[max(int(deep[0]) - 1, 0)]))
                what = fault_of_nesting(record, self._columns) or f"has lists or objects in {where}"
                raise self._fault(f"{what}; the contract promises single values", line)
        if wrong.any():
            line = int(records[int(np.argmax(wrong))])
            raise self._fault("is not one whole JSON object", line)
        return records

    def _judge_surrogates(self, block: bytes) -> None:
        if _SURROGATE.search(_PAIR.sub(b"", block) if b"\\u" in block else b"") is None:
            return
        for number, line in enumerate(block.split(b"\n")):
            if _SURROGATE.search(_PAIR.sub(b"", line)) and not _encodable(line):
                raise self._fault("holds half of a surrogate pair, which is no character", number)

    def _judge_keys(self, data: Bytes, feeds: Positions, quotes: Positions, structure: Positions) -> _Values:
        marks = np.flatnonzero(data[structure] == _COLON)
        colons = structure[marks]
        closes = np.searchsorted(quotes, colons) - 1
        lines = np.searchsorted(feeds, colons)
        if (closes < 1).any():
            raise self._fault("is not one whole JSON object", int(lines[int(np.argmax(closes < 1))]))
        starts, ends = quotes[closes - 1] + 1, quotes[closes]
        keys = self._known(data, starts, ends)
        for at in np.flatnonzero(keys < 0):
            keys[at] = self._other(data[starts[at] : ends[at]].tobytes(), int(lines[at]))
        self.found |= {self._columns[number] for number in np.unique(keys) if number < len(self._columns)}
        self._order = keys[lines == lines[-1]].tolist() if len(lines) and not self.unknown else []
        places = lines * (len(self._columns) + len(self.unknown)) + keys
        ordered = np.sort(places)
        doubled = np.flatnonzero(ordered[1:] == ordered[:-1])
        if len(doubled):
            line = int(ordered[doubled[0]]) // (len(self._columns) + len(self.unknown))
            raise self._fault("has a key twice", line)
        begins, behind = colons + 1, structure[marks + 1]
        while (spaces := _SPACE[data[begins]]).any():
            begins = begins + spaces
        numbers = np.flatnonzero(_NUMBER[data[begins]])
        return _Values(*(of[numbers] for of in (keys, lines, begins, behind)))

    def _column_of(self, data: Bytes, quotes: Positions, colon: int) -> str:
        """The column whose key stands before a colon, by its name in the contract."""
        close = int(np.searchsorted(quotes, colon)) - 1
        key = data[quotes[close - 1] + 1 : quotes[close]].tobytes() if close > 0 else b""
        known = key in self._keys and data[colon] == _COLON
        return self._columns[self._keys.index(key)] if known else "a column"

    def _known(self, data: Bytes, starts: Positions, ends: Positions) -> Positions:
        """Place of each key among the columns; -1 for another one."""
        keys = np.full(len(starts), -1, np.intp)
        lengths = ends - starts
        groups: dict[int, list[int]] = {}
        for number, key in enumerate(self._keys):
            groups.setdefault(len(key), []).append(number)
        for length, numbers in groups.items():
            these = np.flatnonzero(lengths == length)
            if not length or not len(these):
                keys[these] = numbers[0]
                continue
            names = data[starts[these][:, None] + np.arange(length)]
            if len(numbers) > _COMPARED:
                keys[these] = _found(names, [self._keys[number] for number in numbers], numbers)
                continue
            for number in numbers:
                wanted = np.frombuffer(self._keys[number], np.uint8)
                keys[these[(names == wanted).all(axis=1)]] = number
        return keys

    def _other(self, key: bytes, line: int) -> int:
        """Place of a key that is written with escapes, or is none of the columns."""
        try:
            name: str = json.loads(b'"' + key + b'"')
        except ValueError:
            raise self._fault("has a key that is no JSON string", line) from None
        if name in self._columns:
            return self._columns.index(name)
        if name not in self.unknown:
            self.unknown.append(name)
            if len(self.unknown) > len(self._columns):
                raise MalformedFile(f"has more than {len(self._columns):,} unknown columns", self.line + line)
        return len(self._columns) + self.unknown.index(name)

    def _judge_numbers(self, data: Bytes, values: _Values) -> None:
        texts = [number for number, name in enumerate(self._columns) if name in self._texts]
        chosen = np.flatnonzero(np.isin(values.keys, texts))
        if not len(chosen):
            return
        inexact = np.flatnonzero(_INEXACT[data])
        begins, ends = values.begins[chosen], values.behind[chosen]
        some = np.searchsorted(inexact, ends) > np.searchsorted(inexact, begins)
        if some.any():
            line = int(values.lines[chosen[int(np.argmax(some))]])
            raise self._fault(
                "holds a number with a fraction where the contract promises text: quote it", line
            )

    def _keep_numbers(self, block: bytes, data: Bytes, values: _Values, records: Positions) -> None:
        """Keep the numbers that the parser of the values would change, of all columns but those of text."""
        suspects = values.behind - values.begins >= LONG
        if len(at := exponents(data)) and len(suspects):
            suspects[np.maximum(np.searchsorted(values.begins, at, side="right") - 1, 0)] = True
        known = np.array([name not in self._texts for name in self._columns] + [False] * len(self.unknown))
        chosen = np.flatnonzero(suspects & known[values.keys])
        if not len(chosen):
            return
        names = [self._columns[key] for key in values.keys[chosen]]
        floats = np.array([name in self._floats for name in names])
        for at, text in lost_numbers(block, values.begins[chosen], values.behind[chosen], floats):
            row = int(np.searchsorted(records, values.lines[chosen[at]]))
            self._keep(names[at], row, text)

    def _fault(self, what: str, line: int) -> MalformedFile:
        return MalformedFile(what, self.line + line)


def _real_quotes(data: Bytes, block: bytes) -> Positions:
    """Quotes that begin or end a string: not those behind an odd number of backslashes."""
    quotes = np.flatnonzero(data == _QUOTE)
    if b"\\" not in block:
        return quotes
    runs = np.zeros(len(quotes), np.intp)
    active, back = np.arange(len(quotes)), 1
    while len(active):
        at = quotes[active] - back
        active = active[(at >= 0) & (data[at] == _BACKSLASH)]
        runs[active] += 1
        back += 1
    return quotes[runs % 2 == 0]


def _found(names: npt.NDArray[np.uint8], keys: Sequence[bytes], numbers: Sequence[int]) -> Positions:
    """Number of each name among keys of the same length; -1 for another one."""
    kind = np.dtype((np.void, names.shape[1]))
    given = np.ascontiguousarray(names).view(kind).ravel()
    wanted = np.frombuffer(b"".join(keys), kind)
    unique, inverse = np.unique(given, return_inverse=True)
    places = {one.tobytes(): number for one, number in zip(wanted, numbers, strict=True)}
    return np.array([places.get(one.tobytes(), -1) for one in unique], np.intp)[inverse]


def _encodable(line: bytes) -> bool:
    try:
        found: dict[str, Any] = json.loads(line)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except ValueError:
        return True  # no JSON: the parser of the values says so
    return True
