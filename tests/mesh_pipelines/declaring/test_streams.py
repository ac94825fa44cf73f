"""A domain's import reads nothing from the terminal, and writes nothing to standard output."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from mesh_pipelines.declaring.streams import keep_streams

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")


def test_what_is_printed_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """By Python, by the number of the stream, or by a process of its own; what came before is in its place."""
    print("before")  # noqa: T201
    with keep_streams():
        print("printed")  # noqa: T201
        os.write(1, b"written\n")
        subprocess.run(["/bin/echo", "started"], check=True)
    print("after")  # noqa: T201
    shown = capfd.readouterr()
    assert shown.out == "before\nafter\n"
    assert set(shown.err.split()) == {"printed", "written", "started"}


def test_odd_characters_are_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """Half of a surrogate pair ends no import."""
    with keep_streams():
        print("\ud800 å")  # noqa: T201
    assert capfd.readouterr().err == "? å\n"


def test_there_is_nothing_to_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``input()`` is at the end at once, instead of waiting; standard input is as before."""
    given = (tmp_path / "given").open("w+")
    monkeypatch.setattr("sys.stdin", given)
    with keep_streams():
        with pytest.raises(EOFError):
            input()
        assert os.read(0, 1) == b""
    assert sys.stdin is given
    given.close()


def test_all_is_as_before_after_an_error(tmp_path: Path) -> None:
    """Streams, working folder and open files, where an import changes the folder and raises; within another one too."""
    folder, output, files = Path.cwd(), sys.stdout, set(Path("/dev/fd").iterdir())
    for _ in range(3):
        with suppress(SystemExit), keep_streams(), keep_streams():
            os.chdir(tmp_path)
            sys.exit(1)
    assert Path.cwd() == folder
    assert sys.stdout is output
    assert set(Path("/dev/fd").iterdir()) == files


def test_one_thread_at_a_time(tmp_path: Path) -> None:
    """The folder of the one is not left to the other."""
    entered, folder, folders = threading.Event(), Path.cwd(), list[Path]()

    def other() -> None:
        entered.set()
        with keep_streams():
            folders.append(Path.cwd())

    with keep_streams():
        thread = threading.Thread(target=other)
        thread.start()
        entered.wait()
        os.chdir(tmp_path)
        thread.join(0.1)
        assert not folders
    thread.join()
    assert folders == [folder]


SCRIPT = """
import os, sys
from mesh_pipelines.declaring.streams import keep_streams
for _ in range(2):
    with keep_streams():
        print("printed")
        os.chdir("/")
    open(sys.argv[1], "a").write(os.getcwd() + "\\n")
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_obstacle(tmp_path: Path, closed: str) -> None:
    """As a service manager or a shell may start a command: no file gets the number of a stream."""
    command = f'exec "$@" {closed}'
    result = tmp_path / "result"
    subprocess.run(
        ["/bin/sh", "-c", command, "sh", sys.executable, "-c", SCRIPT, str(result)],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert result.read_text() == f"{Path.cwd()}\n" * 2
