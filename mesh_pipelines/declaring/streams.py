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
        nothing = os.open(os.devnull, os.O_RDWR)
        while nothing <= 2:  # a stream is closed: its number is taken, so that no other file gets it
            nothing = os.open(os.devnull, os.O_RDWR)
        given, kept = sys.stdin, [(number, os.dup(number)) for number in (0, 1)]
        folder, errors = os.open(".", os.O_RDONLY), os.dup(2)
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
            for number, copy in kept:
                os.dup2(copy, number)
                os.close(copy)
            os.fchdir(folder)
            os.close(folder)
