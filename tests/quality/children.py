"""Child processes of an auditor, and their ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

from quality.auditor import Auditor
from quality.child import Child


def child_of(auditor: Auditor) -> Child:
    """The child of a block."""
    assert auditor.child is not None
    return auditor.child


def number_of(child: Child) -> int:
    """Number of its process, which it has once it answers."""
    deadline = time.monotonic() + 60
    while not child.number and time.monotonic() < deadline:
        time.sleep(0.01)
    assert child.number
    return child.number


def ends(number: int) -> bool:
    """True once the process has ended; waits a minute for it."""
    deadline = time.monotonic() + 60
    while lives(number) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not lives(number)


def lives(number: int) -> bool:
    """True while there is such a process, other than as a zombie."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{number}/stat").exists() or ") Z " not in Path(f"/proc/{number}/stat").read_text()
