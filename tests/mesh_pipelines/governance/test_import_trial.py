"""Imports are tried in processes that may be lost: once for the same files, and again when these have changed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_pipelines.governance import import_trial
from mesh_pipelines.governance.import_trial import ImportTrial, digest_of, hazards_of
from mesh_pipelines.testing import workspace
from resources.settings import get_settings

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")

HAZARDS = {
    "import os\nos._exit(0)": "ends the process, with exit code 0",
    "import os\nos._exit(3)": "ends the process, with exit code 3",
    "import os\nos.abort()": "crashes the process (SIGABRT)",
    "import os\nos.kill(os.getpid(), 9)": "crashes the process (SIGKILL)",
    "import ctypes\nctypes.string_at(0)": "crashes the process (SIGSEGV)",
    "import os\nos.closerange(3, 1000)\nos._exit(0)": "ends the process, with exit code 0",
    "raise KeyboardInterrupt": "raises KeyboardInterrupt",
    "while True:\n    pass": "does not come to an end: it was stopped after 1 s",
    "import time\ntime.sleep(600)": "does not come to an end: it was stopped after 1 s",
    "import faulthandler, time\nfaulthandler.cancel_dump_traceback_later()\ntime.sleep(600)": "after 1 s",
    "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()": "after 1 s",
    "import os, time\nos.fork()\ntime.sleep(600)": "after 1 s",
    "import os\nos.kill(os.getppid(), 9)\nimport time\ntime.sleep(1)": "it ends the process that tries it",
}
HARMLESS = {
    "nothing of the kind": "",
    "an error": "1 / 0",
    "an exit": "raise SystemExit",
    "a base exception": "class Odd(BaseException): ...\nraise Odd",
    "a syntax error": "def (",
    "input": "input()",
    "much output": "print('x' * 1_000_000)",
    "closed streams": "import sys\nsys.stdout.close()\nsys.stderr.close()",
}


@pytest.fixture
def root(tmp_path: Path, mesh_home: Path) -> Iterator[Path]:
    """A workspace."""
    mesh_home.mkdir()
    with workspace(tmp_path / "work") as folder:
        yield folder


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch, mesh_home: Path) -> None:
    """Imports may take a second."""
    del mesh_home  # it has cleared the machine's own settings
    monkeypatch.setenv("MESH_LOAD_SECONDS", "1")
    get_settings.cache_clear()


def write(root: Path, text: str, name: str = "odd") -> str:
    """Write a domain of one module; its package."""
    folder = root / "domains" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    (folder / "domain.yaml").write_text("owner: a\ncontact: a@mesh.example\ndescription: b\n")
    (folder / "sources.py").write_text(f"{text}\n")
    return f"domains.{name}"


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("text", HAZARDS)
def test_an_import_that_would_end_or_hang_a_process_is_a_hazard(root: Path, text: str) -> None:
    """Its reason is in words; the process that asks goes on."""
    package = write(root, text)
    found = hazards_of(root, [package])
    assert list(found) == [package]
    assert HAZARDS[text] in found[package].hazard


@pytest.mark.parametrize("kind", HARMLESS)
def test_an_import_that_comes_to_an_end_is_none(root: Path, kind: str) -> None:
    """An error is shown by whoever imports it: nothing is lost by that."""
    assert hazards_of(root, [write(root, HARMLESS[kind])]) == {}


@pytest.mark.usefixtures("brief")
def test_a_crash_and_a_loop_are_named_by_their_line(root: Path) -> None:
    """The domain's own line that was executed last, below that of a library."""
    crash = write(root, "import ctypes\n\nctypes.string_at(0)", "crash")
    loop = write(root, "import time\nx = 1\nwhile True:\n    time.sleep(0.01)", "loop")
    found = hazards_of(root, [crash, loop])
    assert found[crash].place == "domains/crash/sources.py:3"
    assert found[loop].place == "domains/loop/sources.py:4"


def test_those_that_take_long_are_tried_together(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that wait take no longer than one, and the sound one beside them is no hazard."""
    monkeypatch.setenv("MESH_LOAD_SECONDS", "8")
    get_settings.cache_clear()
    packages = [write(root, f"import time\ntime.sleep(600)  # {name}", name) for name in ("one", "two")]
    packages.append(write(root, "", "sound"))
    begun = time.monotonic()
    assert set(hazards_of(root, packages)) == set(packages[:2])
    assert time.monotonic() - begun < 16


def test_an_import_is_tried_once_for_the_same_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started for what is known; a change of a file, of its package or beside it, is tried anew."""
    tried: list[str] = []

    def try_(_root: Path, packages: list[str]) -> dict[str, ImportTrial]:
        tried.extend(packages)
        return dict.fromkeys(packages, ImportTrial("it ends", outside=("beside.py",)))

    monkeypatch.setattr(import_trial, "_try", try_)
    package = write(root, "x = 1")
    for _ in range(2):
        assert hazards_of(root, [package])
    assert tried == [package]
    write(root, "x = 2")
    (root / "beside.py").write_text("y = 1")
    assert hazards_of(root, [package])
    (root / "beside.py").write_text("y = 2")
    assert hazards_of(root, [package])
    assert len(tried) == 3
    hazards_of(root, [package], anew=True)
    assert len(tried) == 4, "what did not come to an end is tried again where that is asked for"
    monkeypatch.setattr(import_trial, "AGAIN", 0.0)
    hazards_of(root, [package])
    assert len(tried) == 5, "and after a time"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"trial": 1}', '{"trial": {"outside": 1}, "digest": ""}'])
def test_a_memory_that_cannot_be_read_is_tried_anew(root: Path, mesh_home: Path, text: str) -> None:
    """A file that was cut off, or is of another version."""
    package = write(root, "raise KeyboardInterrupt")
    (mesh_home / "loads").mkdir()
    file = mesh_home / "loads" / f"{package}.json"
    file.write_text(text)
    assert hazards_of(root, [package])
    assert json.loads(file.read_text())["digest"] == digest_of(root, package)


def test_modules_beside_the_domains_are_part_of_what_was_tried(root: Path) -> None:
    """A module of the workspace that the import reads ends the next one: the change is noticed."""
    (root / "beside.py").write_text("x = 1\n")
    package = write(root, "import beside")
    assert hazards_of(root, [package]) == {}
    (root / "beside.py").write_text("import os\nos._exit(0)\n")
    assert package in hazards_of(root, [package])
