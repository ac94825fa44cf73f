"""Lines of JSON of one form, as a program writes them: counted by comparing their bytes with those of one line."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mesh_pipelines.landing.json_numbers import LONG, exponents, lost_numbers
from mesh_pipelines.landing.records import Bytes, Positions

_THREADS = 2
_LF, _QUOTE, _COLON = b'\n":'
_KIND = np.zeros(256, np.uint8)
_QUOTED, _BARE = 1, 2
_KIND[list(b'"n')], _KIND[list(b"-0123456789tf")] = _QUOTED, _BARE
PAD = bytes(8)
"""Stands before and after the lines of a block: a name is looked for in the bytes before a colon, eight at a time."""


@dataclass(frozen=True)
class OneForm:
    """A block of records of one form.

    Args:
        records: their number, one a line.
        lost: numbers that the reader of the values would change: record, place of the key among the names, text.
    """

    records: int
    lost: Sequence[tuple[int, int, str]] = ()


@dataclass(frozen=True)
class JsonForm:
    """Records of the same keys in the same order, without escapes, as a program writes them.

    Args:
        names: the keys, each with a quote before it.
        texts: which of them have text.
        floats: which of them have numbers that become floats.
    """

    names: tuple[bytes, ...]
    texts: tuple[bool, ...]
    floats: tuple[bool, ...]

    def count(self, block: bytes) -> OneForm | None:
        """The records of a block; None if any line is of another form.

        A key ends in a quote and a colon. Nothing else does that has the bytes of a quote and a column's name before
        it: within a string, a quote has a backslash before it.
        """
        if b"\\" in block and b"\\u" in block:
            return None
        data = np.frombuffer(block, np.uint8)
        feeds = np.flatnonzero(data == _LF)
        colons = np.flatnonzero(data == _COLON)
        marks = colons[data[colons - 1] == _QUOTE] - 1
        if len(marks) != len(self.names) * len(feeds):
            return None
        grid = marks.reshape(-1, len(self.names))
        starts, ends = np.append(len(PAD), feeds[:-1] + 1), feeds - (data[feeds - 1] == ord("\r"))
        sound = (data[starts] == ord("{")) & (data[ends - 1] == ord("}"))
        sound &= (grid[:, 0] > starts) & (grid[:, -1] < feeds)
        kinds = _KIND[data[grid + 2 + (data[grid + 2] == ord(" "))]]
        sound &= ((kinds == _QUOTED) | ((kinds > 0) & ~np.array(self.texts))).all(axis=1)
        words = np.ndarray(len(data) - 7, np.uint64, data, strides=(1,))
        if sound.all() and all(_stands(words, name, at) for name, at in zip(self.names, grid.T, strict=True)):
            return OneForm(len(feeds), self._lost(block, data, marks, kinds == _BARE))
        return None

    def _lost(
        self, block: bytes, data: Bytes, marks: Positions, numbers: npt.NDArray[np.bool_]
    ) -> Sequence[tuple[int, int, str]]:
        """Numbers that the reader of the values would change: few are looked at one by one."""
        width = len(self.names)
        ends = np.append(marks[1:], len(data) + len(self.names[0]))
        shortest = LONG + np.array([len(name) for name in (*self.names[1:], self.names[0])])
        suspects = (ends - marks).reshape(-1, width) >= shortest + len('":,"') - 1
        suspects &= numbers
        if len(at := exponents(data)):
            cells = np.maximum(np.searchsorted(marks, at) - 1, 0)
            suspects.ravel()[cells] |= numbers.ravel()[cells]
        cells = np.flatnonzero(suspects)
        if not len(cells):
            return ()
        begins = marks[cells] + 2
        begins += data[begins] == ord(" ")
        found = lost_numbers(block, begins, ends[cells], np.array(self.floats)[cells % width])
        return [(int(cells[at]) // width, int(cells[at]) % width, text) for at, text in found]


def counted_ahead(form: JsonForm | None, blocks: Iterable[bytes]) -> Iterator[tuple[bytes, OneForm | None]]:
    """Each block in its turn, with the number of its records of this form: counted by threads, a few blocks ahead."""
    if form is None:
        yield from ((block, None) for block in blocks)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        ahead: deque[tuple[bytes, Future[OneForm | None]]] = deque()
        for block in blocks:
            ahead.append((block, pool.submit(form.count, block)))
            if len(ahead) > 2 * _THREADS:
                first, count = ahead.popleft()
                yield first, count.result()
        for last, count in ahead:
            yield last, count.result()


def _stands(words: npt.NDArray[np.uint64], name: bytes, at: Positions) -> bool:
    """True if the bytes of a name stand before each of these positions; they are compared eight at a time."""
    for end in range(len(name), 0, -8):
        first = max(end - 8, 0)
        part = name[first:end]
        mask, wanted = np.frombuffer((b"\xff" * len(part)).ljust(8, b"\0") + part.ljust(8, b"\0"), np.uint64)
        if ((words[np.maximum(at - len(name) + first, 0)] & mask) != wanted).any():
            return False
    return True
