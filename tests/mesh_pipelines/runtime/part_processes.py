"""Starts and watches processes of supervised parts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

from resources.processes import start_of


def wait(condition: Callable[[], object]) -> None:
    """Wait until something has come about."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.02)


def starts(folder: Path, name: str) -> list[int]:
    """Numbers of all processes that a part has had, as it notes them."""
    file = folder / name
    return [int(line.split()[0]) for line in file.read_text().splitlines()] if file.exists() else []


def kill_all(folder: Path) -> None:
    """Kill what lives of all parts."""
    for file in folder.iterdir():
        for number in starts(folder, file.name) if file.is_file() else ():
            if start_of(number):
                with suppress(ProcessLookupError):
                    os.kill(number, SIGKILL)
