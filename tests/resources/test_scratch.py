"""Temporary files of a process: private, gone with it, and swept by the next where it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from resources.processes import this_process
from resources.scratch import (
    own_scratch,
    remove_own_scratch,
    sweep_scratch,
    temporary_files,
    touch_own_scratch,
)

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "lost", "held up")
BEGIN = (
    "import sys; from pathlib import Path; from resources.scratch import own_scratch; p = Path(sys.argv[1])"
)


def test_each_process_has_a_private_folder(tmp_path: Path) -> None:
    """A fork has another one than the process that it is of."""
    scratch = tmp_path / "scratch"
    folder = own_scratch(scratch)
    assert folder == scratch / this_process() == own_scratch(scratch)
    assert folder.stat().st_mode & 0o777 == 0o700
    fork = os.fork()
    if fork == 0:
        os._exit(0 if own_scratch(scratch) != folder else 1)
    assert os.waitpid(fork, 0)[1] == 0
    remove_own_scratch(scratch)
    assert not folder.exists()


def test_a_process_that_ends_leaves_none(tmp_path: Path) -> None:
    """Whatever is in it."""
    script = f"{BEGIN}; (own_scratch(p) / 'rows').touch(); print(len(list(p.iterdir())))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert done.stdout == "1\n"
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_leaves_is_swept(tmp_path: Path) -> None:
    """Folders of living processes, of other machines, and files of anybody's own stay."""
    script = (
        f"{BEGIN}; (own_scratch(p) / 'rows').touch(); import os; os.kill(os.getpid(), {signal.SIGKILL.value})"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    [left] = [folder.name for folder in tmp_path.iterdir()]
    mine = own_scratch(tmp_path)
    for name in ("elsewhere:1:2", "notes", "audit-new", "audit-old"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / "audit-old", (0, 0))
    assert sorted(sweep_scratch(tmp_path)) == sorted([left, "audit-old"])
    assert {folder.name for folder in tmp_path.iterdir()} == {
        mine.name,
        "elsewhere:1:2",
        "notes",
        "audit-new",
    }
    assert sweep_scratch(tmp_path / "none") == []


def test_what_another_machine_has_not_touched_for_a_day_is_swept(tmp_path: Path) -> None:
    """A container that is made anew has another name, and the old one is gone; one that lives touches it."""
    mine = own_scratch(tmp_path)
    old = time.time() - 2 * 24 * 3600
    for folder in (mine, tmp_path / "elsewhere:1:2", tmp_path / "notes: of: mine: own"):
        folder.mkdir(exist_ok=True)
        os.utime(folder, (old, old))
    assert sweep_scratch(tmp_path) == ["elsewhere:1:2"]
    assert mine.exists()
    touch_own_scratch(tmp_path)
    assert mine.stat().st_mtime > old
    touch_own_scratch(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_files_of_libraries_lie_there_meanwhile(tmp_path: Path) -> None:
    """MLflow copies a model through files of its own before it is logged."""
    before = tempfile.gettempdir()
    with temporary_files(tmp_path) as folder:
        assert Path(tempfile.mkdtemp()).parent == folder
        assert folder.is_relative_to(own_scratch(tmp_path))
    assert not folder.exists()
    assert tempfile.gettempdir() == before
