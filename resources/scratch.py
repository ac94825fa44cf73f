"""Temporary files of one process, in a folder of its name; those of processes that are gone are swept."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from resources.processes import is_gone, number_of, this_process

_OLD = 24 * 3600
"""Seconds after which a folder is nobody's: of another machine, or of an older version, which names no process."""
_COLONS = 2
"""In the name of a process."""
_PREFIXES = ("audit-", "mesh-model-", "mesh-training-")


def own_scratch(scratch: Path) -> Path:
    """A private folder (0700) for this process's temporary files, made on first use, removed when the process ends."""
    folder = _own(scratch, os.getpid())  # a fork has one of its own
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@lru_cache(maxsize=4)
def _own(scratch: Path, number: int) -> Path:
    del number
    folder = scratch / this_process()
    atexit.register(remove_own_scratch, scratch)
    return folder


def remove_own_scratch(scratch: Path) -> None:
    """Remove this process's temporary files. A fork that ends by ``os._exit`` calls it; any other process need not."""
    shutil.rmtree(scratch / this_process(), ignore_errors=True)


@contextmanager
def temporary_files(scratch: Path) -> Generator[Path]:
    """A folder that is gone after the block; libraries that ask Python for temporary files meanwhile put them there."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="files-", dir=own_scratch(scratch)) as folder:
        tempfile.tempdir = folder
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = before


def touch_own_scratch(scratch: Path) -> None:
    """Mark this process's temporary files, if there are any, as in use."""
    with suppress(FileNotFoundError):
        os.utime(scratch / this_process())


def sweep_scratch(scratch: Path) -> list[str]:
    """Remove temporary files of processes that are gone; returns the names of their folders.

    Those of another machine count as abandoned when nobody has touched them for a day.
    """
    swept: list[str] = []
    with suppress(FileNotFoundError):
        for folder in scratch.iterdir():
            if is_gone(folder.name) or _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
                swept.append(folder.name)
    return swept


def _is_abandoned(folder: Path) -> bool:
    with suppress(FileNotFoundError):
        foreign = folder.name.count(":") == _COLONS and number_of(folder.name) is None
        old = time.time() - folder.stat().st_mtime > _OLD
        return old and (foreign or folder.name.startswith(_PREFIXES))
    return False
