"""Folder of the sockets of one `mesh ui`: private, with a short path, and gone when it ends.

One that was killed leaves its folder behind; the next removes it.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from resources.processes import is_gone, this_process

PREFIX = "mesh-ui-"
LONGEST = 70
"""Bytes of the path of its parent; that of a socket may have 104."""
_OWNER = "owner"


@contextmanager
def socket_folder(parent: Path | None = None) -> Generator[Path]:
    """A folder for the length of a block: among temporary files, or in `/tmp` where that path is too long."""
    parent = parent or Path(tempfile.gettempdir())
    if len(os.fsencode(parent)) > LONGEST:
        parent = Path("/tmp")
    sweep_sockets(parent)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent) as folder:
        Path(folder, _OWNER).write_text(this_process(), encoding="utf-8")
        yield Path(folder)


def sweep_sockets(parent: Path) -> list[Path]:
    """Remove the folders of this user whose `mesh ui` of this machine has ended; returns them."""
    swept: list[Path] = []
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another one removes it, or it names no owner
            found = folder.lstat()
            own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if own and is_gone((folder / _OWNER).read_text(encoding="utf-8")):
                shutil.rmtree(folder, ignore_errors=True)
                swept.append(folder)
    return swept
