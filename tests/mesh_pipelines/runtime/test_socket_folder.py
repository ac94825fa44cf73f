"""Folders of sockets: short, private, and none stays behind a `mesh ui` that was killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mesh_pipelines.runtime.socket_folder import LONGEST, socket_folder, sweep_sockets
from resources.processes import this_process

HOLD = """
import sys, time
from pathlib import Path
from mesh_pipelines.runtime.socket_folder import socket_folder
with socket_folder(Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(300)
"""


def test_a_folder_is_private_and_gone_after_its_block(tmp_path: Path) -> None:
    """A socket can be made in it."""
    with socket_folder(tmp_path) as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "0.sock"))
        assert folder.stat().st_mode & 0o777 == 0o700
        assert sweep_sockets(tmp_path) == [], "its owner lives"
    assert list(tmp_path.iterdir()) == []


def test_a_long_path_is_no_place_for_sockets(tmp_path: Path) -> None:
    """A socket's path may have 104 bytes."""
    long = tmp_path / ("x" * LONGEST)
    long.mkdir()
    with socket_folder(long) as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "999.sock"))
    assert list(long.iterdir()) == []


@pytest.mark.odd_input("after a kill, and odd homes", "held up")
def test_the_folder_of_a_killed_one_is_removed_by_the_next(tmp_path: Path) -> None:
    """That of one which lives is not touched."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    holders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    folders: list[Path] = []
    try:
        for holder in holders:
            assert holder.stdout is not None
            folders.append(Path(holder.stdout.readline().strip()))
        holders[0].send_signal(signal.SIGKILL)
        holders[0].wait()
        assert folders[0].is_dir()
        with socket_folder(tmp_path):
            assert [folder.exists() for folder in folders] == [False, True]
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()


@pytest.mark.odd_input("after a kill, and odd homes", "lost")
def test_nothing_else_is_removed(tmp_path: Path) -> None:
    """Folders of others and of other machines, files, links, and folders that name no owner."""
    gone = this_process().rsplit(":", 2)[0] + ":4194304:1"
    for name, owner in (("mesh-ui-other", f"another-{gone}"), ("mesh-other", gone), ("mesh-ui-empty", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "owner").write_text(owner)
    (tmp_path / "mesh-ui-none").mkdir()
    (tmp_path / "mesh-ui-file").write_text(gone)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/owner").write_text(gone)
    (tmp_path / "mesh-ui-link").symlink_to(tmp_path / "elsewhere")
    before = sorted(tmp_path.rglob("*"))
    assert sweep_sockets(tmp_path) == []
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "mesh-ui-dead").mkdir()
    (tmp_path / "mesh-ui-dead/owner").write_text(gone)
    assert sweep_sockets(tmp_path) == [tmp_path / "mesh-ui-dead"]
    assert os.path.lexists(tmp_path / "mesh-ui-link")
