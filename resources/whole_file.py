"""Writes a small file whole: a process that reads it meanwhile sees all of the old text, or all of the new one."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write UTF-8 text in place of what the file held; the folder is there.

    Raises OSError: the folder cannot be written.
    """
    fresh = file.with_suffix(f".{os.getpid()}.tmp")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
