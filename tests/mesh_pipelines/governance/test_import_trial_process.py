"""Each import is tried in a fork: what ends or hangs it is an answer, and the process goes on to the next one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mesh_pipelines.governance.import_trial import TrialProcess, hazards_of
from mesh_pipelines.governance.import_trial_process import _place_in
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


def test_those_that_take_long_are_tried_together(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that wait take no longer than one: each sees the other begin. The sound one beside them is no hazard."""
    monkeypatch.setenv("MESH_LOAD_SECONDS", "3")
    get_settings.cache_clear()
    code = (
        "import time\nfrom pathlib import Path\n"
        "begun, other = Path({begun!r}), Path({other!r})\nbegun.touch()\n"
        "while not other.exists():\n    time.sleep(0.01)\n"
        "begun.with_suffix('.met').touch()\ntime.sleep(600)"
    )
    one, two = tmp_path / "one", tmp_path / "two"
    packages = [
        write(root, code.format(begun=str(begun), other=str(other)), begun.name)
        for begun, other in ((one, two), (two, one))
    ]
    packages.append(write(root, "", "sound"))
    assert set(hazards_of(root, packages)) == set(packages[:2])
    assert {file.name for file in tmp_path.glob("*.met")} == {"one.met", "two.met"}


@pytest.fixture(scope="module")
def process() -> Iterator[TrialProcess]:
    """A process that tries imports."""
    started = TrialProcess()
    yield started
    started.close()


def test_an_import_sees_what_it_would_see_in_the_process_that_asks(
    root: Path, process: TrialProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Environment, path and folder of this request, not of an earlier one; what an import leaves is not kept."""
    code = (
        "import os, sys\nassert 'LEFT' not in os.environ\nos.environ['LEFT'] = ''\n"
        "open(os.environ['SEEN'], 'w').write(os.getcwd() + ' ' + sys.path[1])"
    )
    for package in (write(root, code, "first"), write(root, code, "second")):
        seen = tmp_path / package
        monkeypatch.setenv("SEEN", str(seen))
        monkeypatch.syspath_prepend(str(tmp_path / f"path-{package}"))
        found = process.ask(root, [package], 60)
        assert found is not None
        assert found[package]["hazard"] == ""
        assert seen.read_text() == f"{Path.cwd()} {tmp_path / f'path-{package}'}"


def test_modules_of_the_workspace_that_an_import_reads_are_listed(root: Path, process: TrialProcess) -> None:
    """Beside the domain, or in another domain; neither its own nor the libraries'."""
    (root / "beside.py").write_text("x = 1\n")
    write(root, "y = 1", "other")
    package = write(root, "import json, beside, domains.odd.more, domains.other.sources")
    (root / "domains/odd/more.py").touch()
    found = process.ask(root, [package], 60)
    assert found is not None
    assert set(found[package]["outside"]) >= {"beside.py", "domains/other/sources.py"}
    assert not [file for file in found[package]["outside"] if file.startswith("domains/odd")]
    assert not [file for file in found[package]["outside"] if "json" in file]


def test_more_imports_than_processors_are_all_answered(root: Path, process: TrialProcess) -> None:
    """A hazard among them costs nobody else an answer."""
    packages = [
        write(root, "import os\nos._exit(7)" if number % 3 == 0 else "", f"d{number}")
        for number in range(3 * (os.cpu_count() or 1) + 1)
    ]
    found = process.ask(root, packages, 60)
    assert found is not None
    assert set(found) == set(packages)
    assert [package for package in packages if found[package]["hazard"]] == packages[::3]


def test_what_it_tries_ends_with_the_one_who_asks(root: Path, tmp_path: Path) -> None:
    """Ctrl-C, or a kill: its standard input closes, and no import is left that waits for ever."""
    note = tmp_path / "number"
    code = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    package = write(root, code)
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "mesh_pipelines.governance.import_trial_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as asked:
        assert asked.stdin is not None
        request = {"root": str(root), "folder": str(root), "path": sys.path, "environment": dict(os.environ)}
        asked.stdin.write(json.dumps(request | {"packages": [package], "seconds": 300}) + "\n")
        asked.stdin.flush()
        _wait(lambda: note.is_file() and note.read_text() != "")
        tried = Path(f"/proc/{note.read_text()}")
        assert tried.exists()
        asked.stdin.close()
        _wait(lambda: not tried.exists())


def _wait(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            'File "/w/domains/odd/a.py", line 3 in f\n  File "/w/domains/odd/b.py", line 9 in g',
            "domains/odd/a.py:3",
        ),
        ('File "/lib/x.py", line 3 in f\n  File "/w/domains/odd/b.py", line 9 in g', "domains/odd/b.py:9"),
        ('File "/w/domains/oddly/a.py", line 3 in f', ""),
        ('File "/w/beside.py", line 3 in f', ""),
        ("", ""),
    ],
)
def test_the_place_is_the_innermost_line_of_the_domains_own(text: str, place: str) -> None:
    """A line of a library or of another domain is nothing that its team can mend."""
    assert _place_in(text, {"root": "/w"}, "domains.odd") == place
