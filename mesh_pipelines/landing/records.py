"""The count of a file's records, made without the parser that reads their values."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Counted:
    """A file that is well formed.

    Args:
        blanks: numbers of its blank lines, counted from 1 among rows and blank lines; None where there are none.
        exact: numbers that the parser of the values would change, as text by the number of their row, for each column.
    """

    columns: Sequence[str]
    records: int
    blanks: Positions | None = None
    exact: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


class MalformedFile(ValueError):
    """Error of a file that is not of its format; ``what`` is the fault, in words that hold nothing of the file."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(f"{what} (line {line:,})" if line else what)
        self.what, self.line = what, line


class TextCheck:
    """UTF-8 that comes in chunks."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def add(self, chunk: bytes, line: int, *, last: bool = False) -> None:
        """Take the next bytes, which begin in a line. Raises MalformedFile: they are not UTF-8."""
        pending = self._decoder.getstate()[0]
        if pending or last or not chunk.isascii():
            try:
                self._decoder.decode(chunk, final=last)
            except UnicodeDecodeError as error:
                fault = line + (pending + chunk)[: error.start].count(b"\n")
                raise MalformedFile(f"is not UTF-8 text: {error.reason}", fault) from None
