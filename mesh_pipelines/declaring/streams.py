"""Keeps a domain's import away from the terminal: it reads nothing, and what it prints goes to standard error."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout, suppress

_LOCK = threading.RLock()
"""Streams and working folder are those of the whole process."""


@contextmanager
def keep_streams() -> Generator[None]:
    """Keep standard input and output, and the working folder: standard output holds a command's answer alone."""
    with _LOCK:
        with suppress(OSError, ValueError, AttributeError):  # closed, or none
            sys.stdout.flush()
        given, kept = sys.stdin, {number: _copy_of(number) for number in (0, 1)}
        folder, nothing = os.open(".", os.O_RDONLY), os.open(os.devnull, os.O_RDWR)
        errors = _copy_of(2)
        errors = os.dup(nothing) if errors is None else errors
        os.dup2(nothing, 0)
        os.dup2(errors, 1)
        try:
            with (
                os.fdopen(errors, "w", encoding="utf-8", errors="replace") as printed,
                os.fdopen(nothing, "r", encoding="utf-8") as sys.stdin,
                redirect_stdout(printed),
            ):
                yield
        finally:
            sys.stdin = given
            for number, copy in kept.items():
                if copy is not None:
                    os.dup2(copy, number)
                    os.close(copy)
            os.fchdir(folder)
            os.close(folder)


def _copy_of(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:  # it is closed
        return None
