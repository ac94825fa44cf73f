"""A command whose child ends in the midst of an asset tries again without it; whatever else ends it ends both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mesh_pipelines.commands.survive import can_fork, surviving
from mesh_pipelines.testing import workspace
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.odd_input("neighbours", "held up")

_COMMAND = """
import os, signal, sys, time, typer
from mesh_pipelines.commands.survive import can_fork, surviving
app = typer.Typer()

@app.command()
def command() -> None:
    with surviving(forks=can_fork()) as earlier:
        print("try", sorted(earlier.reports), os.getpid(), flush=True)
        for key in ("a.one", "a.two", "b.one"):
            if key not in earlier.reports:
                earlier.send(started=key)
                if key == "a.two":
                    {ends}
                earlier.send(finished=key, status="done", seconds=1.0, message="")
    print({{key: (status, why) for key, (status, _, why) in earlier.reports.items()}})
    {after}

app()
"""


def typed(ends: str, after: str = "raise typer.Exit(1)") -> subprocess.Popen[str]:
    """A command whose second asset does something."""
    text = _COMMAND.format(ends=ends, after=after)
    return subprocess.Popen(
        [sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ("os._exit(0)", "exit code 0"),
        ("os._exit(7)", "exit code 7"),
        ("os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    ],
)
def test_what_ends_the_process_fails_its_asset_alone(ends: str, words: str) -> None:
    """The next child knows what was made and what was not; the exit code is that of the last."""
    with typed(ends) as command:
        out, err = command.communicate(timeout=60)
    first, second, reports = out.splitlines()
    assert (command.returncode, first.startswith("try [] ")) == (1, True)
    assert second.startswith("try ['a.one', 'a.two'] ")
    assert f"a.two: its process was ended while it was made ({words})" in reports
    assert "'a.one': ('done', '')" in reports
    assert "the rest goes on" in err


def test_what_a_child_has_started_holds_up_nothing() -> None:
    """A process that goes on, with all that it inherited."""
    with typed("os.fork() or (os.dup2(os.open(os.devnull, 2), 1), os.dup2(1, 2), time.sleep(30))") as command:
        began = time.monotonic()
        assert command.wait(timeout=60) == 1
        assert time.monotonic() - began < 20


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_command_that_comes_to_its_end_is_done_once(code: int) -> None:
    """With its own exit code, whatever comes after the work."""
    with typed("pass", f"raise typer.Exit({code})") as command:
        out, err = command.communicate(timeout=60)
    assert (command.returncode, out.count("try"), err) == (code, 1, "")


WAITS = "signal.signal(signal.SIGINT, signal.SIG_DFL); print('ready', flush=True); time.sleep(60)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_command_ends_its_child_too(number: signal.Signals) -> None:
    """It is passed on once, and nothing is tried again."""
    with typed(WAITS) as command:
        child = _waiting(command)
        command.send_signal(number)
        assert command.wait(timeout=30) == 128 + number
    assert not Path(f"/proc/{child}").exists()


def test_a_command_that_is_killed_takes_its_child_along() -> None:
    """Nothing goes on in the background that nobody sees."""
    with typed(WAITS) as command:
        child = _waiting(command)
        command.kill()
    end = time.monotonic() + 10
    while time.monotonic() < end and _runs(child):
        time.sleep(0.02)
    assert not _runs(child)


def _waiting(command: subprocess.Popen[str]) -> int:
    """The number of the child of a command, once it waits."""
    assert command.stdout is not None
    child = int(command.stdout.readline().split()[-1])
    assert command.stdout.readline() == "ready\n"
    return child


def test_a_child_that_ends_before_any_asset_is_an_error() -> None:
    """Not the silent end with exit code 0 that it was."""
    text = (
        "import os, typer\nfrom mesh_pipelines.commands.survive import surviving\n"
        "app = typer.Typer()\n@app.command()\ndef command():\n    with surviving(forks=True):\n        os._exit(0)\n"
        "app()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "was ended (exit code 0) before any asset was begun" in done.stderr


def test_a_process_with_threads_is_not_forked() -> None:
    """As under a test: what is within is done in it."""
    own = os.getpid()
    with surviving(forks=False) as earlier:
        earlier.send(started="a.one")
        assert (os.getpid(), earlier.reports) == (own, {})
    import threading

    threading.Thread(target=time.sleep, args=(0.5,)).start()
    assert not can_fork()


def test_mesh_run_makes_the_neighbours_of_code_that_ends_its_process(tmp_path: Path, mesh_home: Path) -> None:
    """What came before it stays as made, its reader waits, the other domain is made; once, and named."""
    with workspace(tmp_path / "work") as root:
        world = World(root, mesh_home / "landing")
        columns = {"id": "integer"}
        world.write(
            "shop",
            *(promise("shop", name, columns) for name in ("orders_raw", "orders", "late")),
            sources='orders_raw = source("orders.csv")\n',
            products="""
        @data_product
        def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
            __import__("os")._exit(0)

        @data_product
        def late(orders: pl.LazyFrame) -> pl.LazyFrame:
            return orders
        """,
        )
        world.write("store", promise("store", "sales", columns), sources='sales = source("sales.csv")\n')
        world.land("shop", "orders.csv", "id\n1\n")
        world.land("store", "sales.csv", "id\n1\n")
        done = subprocess.run(
            [str(Path(sys.executable).with_name("mesh")), "run"],
            cwd=root,
            env={**os.environ, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 1
    assert "4 steps: 2 done, 1 failed, 1 skipped" in done.stdout
    assert "shop.orders: its process was ended while it was made (exit code 0)" in done.stdout
    assert "Traceback" not in done.stderr


def _runs(number: int) -> bool:
    """True for a process that lives, and is no zombie."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False
