"""Lines of JSON of one form, as a program writes them: counted by comparing their bytes with those of one line."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mesh_pipelines.landing.json_numbers import LONG, exponents, lost_numbers
from mesh_pipelines.landing.records import Bytes, Positions

_THREADS = 2
_LF, _QUOTE, _COLON = b'\n":'
_KIND = np.zeros(256, np.uint8)
_QUOTED, _BARE = 1, 2
_KIND[list(b'"n')], _KIND[list(b"-0123456789tf")] = _QUOTED, _BARE
_WORD = 8

Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class OneForm:
    """A block of records of one form.

    ``lost`` has the numbers that the parser of the values would change: record, place of the key, text.
    """

    records: int
    lost: Sequence[tuple[int, int, str]] = ()


@dataclass(frozen=True)
class JsonForm:
    """Records of the same keys in the same order, without escapes, as a program writes them."""

    names: tuple[bytes, ...]
    texts: tuple[bool, ...]
    floats: tuple[bool, ...]

    def count(self, block: bytes) -> OneForm | None:
        """The records of a block of whole lines; None if any is of another form.

        A key ends in a quote and a colon. Nothing else does that has the bytes of a quote and a column's name before
        it: within a string, a quote has a backslash before it.
        """
        if b"\\" in block and b"\\u" in block:
            return None
        block = b"".join([self._pad, block, self._pad])
        data = np.frombuffer(block, np.uint8)
        feeds = np.flatnonzero(data == _LF)
        colons = np.flatnonzero(data == _COLON)
        marks = colons[data[colons - 1] == _QUOTE] - 1
        if len(marks) != len(self.names) * len(feeds):
            return None
        grid = marks.reshape(-1, len(self.names))
        starts, ends = np.append(len(self._pad), feeds[:-1] + 1), feeds - (data[feeds - 1] == ord("\r"))
        sound = (data[starts] == ord("{")) & (data[ends - 1] == ord("}"))
        sound &= (grid[:, 0] > starts) & (grid[:, -1] < feeds)
        values = data[grid + 2]
        if (spaces := values == ord(" ")).any():
            values = data[grid + 2 + spaces]
        kinds = _KIND[values]
        sound &= ((kinds == _QUOTED) | ((kinds > 0) & ~np.array(self.texts))).all(axis=1)
        if sound.all() and self._names_stand(data, grid):
            return OneForm(len(feeds), self._lost(block, data, marks, kinds == _BARE))
        return None

    @cached_property
    def _pad(self) -> bytes:
        """Stands before and after the lines of a piece: a name is looked for in the bytes before a colon."""
        return bytes(max(_WORD, *map(len, self.names)))

    @cached_property
    def _parts(self) -> Sequence[tuple[Positions, Positions, Words, Words]]:
        """Names by words of eight bytes from their ends: which names, where from the end, bytes that count, bytes."""
        found: list[tuple[Positions, Positions, Words, Words]] = []
        for end in range(0, max(map(len, self.names)), _WORD):
            which = np.array([at for at, name in enumerate(self.names) if len(name) > end])
            parts = [
                name[max(len(name) - end - _WORD, 0) : len(name) - end]
                for name in self.names
                if len(name) > end
            ]
            masks = b"".join((b"\xff" * len(part)).ljust(_WORD, b"\0") for part in parts)
            wanted = b"".join(part.ljust(_WORD, b"\0") for part in parts)
            places = np.array([-len(part) - end for part in parts])
            found.append((which, places, np.frombuffer(masks, np.uint64), np.frombuffer(wanted, np.uint64)))
        return found

    def _names_stand(self, data: Bytes, grid: Positions) -> bool:
        """True if the bytes of its name stand before each position; they are compared eight at a time."""
        words = np.ndarray(len(data) - _WORD + 1, np.uint64, data, strides=(1,))
        for which, places, masks, wanted in self._parts:
            at = (grid if len(which) == len(self.names) else grid[:, which]) + places
            if ((words[at] & masks) != wanted).any():
                return False
        return True

    def _lost(
        self, block: bytes, data: Bytes, marks: Positions, numbers: npt.NDArray[np.bool_]
    ) -> Sequence[tuple[int, int, str]]:
        """Numbers that the parser of the values would change: few are looked at one by one."""
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
