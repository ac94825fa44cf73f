"""Signs of life of a machine that executes runs, by which others on the same home tell that it is lost.

Whether a process of another machine lives cannot be seen from here. So a process that executes runs writes a sign into
Dagster's storage every half minute; a machine whose sign stays the same for minutes, by the observer's clock, is lost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from socket import gethostname
from typing import TYPE_CHECKING

from resources.processes import is_gone, repeat_in_background
from resources.scratch import touch_own_scratch

if TYPE_CHECKING:
    from pathlib import Path

    from dagster import DagsterInstance

BEAT = 30.0
"""Seconds between two signs."""
SILENCE = 300.0
"""Seconds of an unchanged sign after which a machine is lost."""
_WITHOUT_SIGN = 24 * 3600.0
"""The same for one that never gave a sign, as one with an older version does not."""
_SIGN, _SEEN = "mesh/alive/", "mesh/silent/"


@contextmanager
def give_signs(instance: DagsterInstance, scratch: Path) -> Generator[None]:
    """Give signs of life until the block is left."""

    def give() -> None:
        sign = datetime.now(UTC).isoformat()
        instance.daemon_cursor_storage.set_cursor_values({_SIGN + gethostname(): sign})
        touch_own_scratch(scratch)

    def give_again() -> None:
        with suppress(Exception):  # a storage that does not answer now is asked again half a minute later
            give()

    give()
    with repeat_in_background(give_again, BEAT):
        yield


def why_lost(instance: Callable[[], DagsterInstance], process: str) -> str:
    """The reason why a process that executed a run does so no more; empty where it may, and where it has no name."""
    if is_gone(process):
        return f"the process that executed it is gone: {process}"
    host = process.partition(":")[0]
    if host and host != gethostname() and _is_silent(instance(), host):
        return f"the machine that executed it gives no sign of life: {process}"
    return ""


def _is_silent(instance: DagsterInstance, host: str) -> bool:
    storage, now = instance.daemon_cursor_storage, time.time()
    sign, seen = _SIGN + host, f"{_SEEN}{gethostname()}/{host}"
    found = storage.get_cursor_values({sign, seen})
    known: tuple[str, float] | None = json.loads(found.get(seen) or "null")
    if known is None or known[0] != found.get(sign, ""):
        storage.set_cursor_values({seen: json.dumps([found.get(sign, ""), now])})
        return False
    return now - known[1] > (SILENCE if known[0] else _WITHOUT_SIGN)
