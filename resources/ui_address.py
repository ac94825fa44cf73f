"""The address of the running `mesh ui`, kept in its home, so that links lead to where it listens."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from resources.processes import is_gone, this_process
from resources.whole_file import write_whole

if TYPE_CHECKING:
    from resources.settings import Settings

DEFAULT = "http://127.0.0.1:3000"
"""Where `mesh ui` listens unless it is asked for another address."""
_FILE = "ui.json"


@contextmanager
def announce_ui(settings: Settings, url: str) -> Generator[None]:
    """Keep the address of this process's `mesh ui` meanwhile."""
    file = settings.home / _FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"url": url, "process": this_process()}))
    try:
        yield
    finally:
        if running_ui(settings) == url:
            file.unlink(missing_ok=True)


def running_ui(settings: Settings) -> str:
    """Address of the `mesh ui` that runs on this home; empty if none does."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads((settings.home / _FILE).read_text(encoding="utf-8"))
        return "" if is_gone(found["process"]) else str(found["url"])
    return ""


def ui_url(settings: Settings) -> str:
    """Address for links: that of the settings, else of the running `mesh ui`, else its default."""
    return settings.ui_url or running_ui(settings) or DEFAULT
