"""Each import is tried in a fork: what ends or hangs it is an answer, and the process goes on to the next one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mesh_pipelines.governance.import_trial import hazards_of
from resources.settings import get_settings
from tests.mesh_pipelines.governance.odd_domain import root as root
from tests.mesh_pipelines.governance.odd_domain import write

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
def brief(monkeypatch: pytest.MonkeyPatch, mesh_home: Path) -> None:
    """Imports may take a second."""
    del mesh_home  # it has cleared the machine's own settings
    monkeypatch.setenv("MESH_LOAD_SECONDS", "1")
    get_settings.cache_clear()


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
