"""Code servers that were killed: those without an inner process are found, and ended so that Dagster starts both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from mesh_pipelines.runtime import code_servers as servers
from mesh_pipelines.runtime.code_servers import code_servers, watch_code_servers
from resources.processes import children


def test_a_code_server_that_lost_its_inner_process_is_found() -> None:
    """Of the processes that Dagster started, those that are code servers and have no child."""
    waiting = "import subprocess, sys, time; {start} time.sleep(60) # dagster code-server start"
    inner = waiting.format(start="subprocess.Popen(['sleep', '60']);")
    with (
        subprocess.Popen([sys.executable, "-c", inner], start_new_session=True) as whole,
        subprocess.Popen([sys.executable, "-c", waiting.format(start="")]) as lonely,
        subprocess.Popen(["sleep", "60"]) as another,
    ):
        until = time.monotonic() + 30
        while not children(whole.pid) and time.monotonic() < until:
            time.sleep(0.05)
        found = code_servers(os.getpid())
        os.killpg(whole.pid, signal.SIGKILL)
        lonely.kill()
        another.kill()
    assert found[lonely.pid] == []
    assert len(found[whole.pid]) == 1
    assert another.pid not in found


def test_a_code_server_whose_inner_process_is_killed_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its outer process is killed within two looks; another server, and one that has just started, go on."""
    monkeypatch.setattr(servers, "SECONDS", 0.2)
    waiting = "import subprocess, time; {start} time.sleep(60) # dagster code-server start"
    inner = waiting.format(start="subprocess.Popen(['sleep', '60']);")
    with (
        subprocess.Popen([sys.executable, "-c", inner], start_new_session=True) as struck,
        subprocess.Popen([sys.executable, "-c", inner], start_new_session=True) as whole,
        subprocess.Popen([sys.executable, "-c", waiting.format(start="")]) as starting,
    ):
        try:
            until = time.monotonic() + 30
            while not (children(struck.pid) and children(whole.pid)):
                assert time.monotonic() < until, "they do not start"
                time.sleep(0.05)
            with watch_code_servers(os.getpid()):
                time.sleep(1)  # both are seen whole
                assert struck.poll() is None
                os.kill(children(struck.pid)[0], signal.SIGKILL)
                assert struck.wait(30) == -signal.SIGKILL
                time.sleep(1)
                assert (whole.poll(), starting.poll()) == (None, None)
        finally:
            os.killpg(whole.pid, signal.SIGKILL)
            struck.kill()
            starting.kill()
