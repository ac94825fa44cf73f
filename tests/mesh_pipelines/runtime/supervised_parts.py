"""Stand-ins for the processes of `mesh ui`, and a supervisor of them, each run as a module by the tests.

python -m tests.mesh_pipelines.runtime.supervised_parts supervise FOLDER NAME=KIND ...
python -m tests.mesh_pipelines.runtime.supervised_parts KIND FOLDER NAME
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ME = "tests.mesh_pipelines.runtime.supervised_parts"


def supervise(folder: Path, *parts: str) -> None:
    """Supervise parts; those whose kind ends in ``first`` are code servers."""
    from mesh_pipelines.errors import MeshError
    from mesh_pipelines.runtime.supervised import Part
    from mesh_pipelines.runtime.supervisor import Supervisor

    made: dict[bool, list[Part]] = {True: [], False: []}
    for text in parts:
        name, _, kind = text.partition("=")
        first = kind.endswith("-first")
        part = Part(name, [ME, kind.removesuffix("-first"), str(folder), name], needed=not first)
        made[first].append(part)

    def say(line: str) -> None:
        with (folder / "said").open("a") as file:
            file.write(line + "\n")

    try:
        Supervisor(Path.cwd(), os.environ, say).run(
            made[True], made[False], ready=lambda: (folder / "ready").exists()
        )
    except MeshError as error:
        say(str(error))
        sys.exit(1)


def live(folder: Path, name: str) -> None:
    """Live until a signal."""
    _begin(folder, name)
    time.sleep(300)


def stubborn(folder: Path, name: str) -> None:
    """Ignore every signal that can be, with a child of the same kind in a session of its own."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if name != "child":
        subprocess.Popen([sys.executable, "-m", ME, "stubborn", str(folder), "child"], start_new_session=True)
    _begin(folder, name)
    time.sleep(300)


def faulty(folder: Path, name: str) -> None:
    """End by itself."""
    _begin(folder, name)
    sys.exit(3)


def doomed(folder: Path, name: str) -> None:
    """Be killed soon after each start."""
    _begin(folder, name)
    os.kill(os.getpid(), signal.SIGKILL)


def _begin(folder: Path, name: str) -> None:
    """Note the process, and whether Ctrl-C has its usual effect in it."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with (folder / name).open("a") as file:
        file.write(f"{os.getpid()} {usual}\n")


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
