"""Which runs live: told by the process that executes them. Launching itself is tried with a daemon in tests/e2e."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext, WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test

from mesh_pipelines.dagster_names import PROCESS
from mesh_pipelines.runtime.launcher import WarmRunLauncher
from resources.processes import children, is_gone, this_process


def test_a_killed_run_is_told_from_a_long_one(sleeper: tuple[subprocess.Popen[str], str]) -> None:
    """Dagster's monitoring fails the one and leaves the other."""
    process, named = sleeper
    launcher = WarmRunLauncher()
    with dg.DagsterInstance.ephemeral() as instance:
        run = create_run_for_test(instance, tags={PROCESS: named})
        assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
        process.kill()
        process.wait()
        assert launcher.check_run_worker_health(run).status == WorkerStatus.FAILED


def test_a_run_can_be_cancelled(sleeper: tuple[subprocess.Popen[str], str]) -> None:
    """Its process is interrupted, as by Ctrl-C; one that is gone is cancelled at once."""
    process, named = sleeper
    launcher = WarmRunLauncher()
    with dg.DagsterInstance.ephemeral() as instance:
        launcher.register_instance(instance)
        run = create_run_for_test(instance, tags={PROCESS: named}, status=dg.DagsterRunStatus.STARTED)
        assert launcher.terminate(run.run_id)
        assert process.wait(30) in (-signal.SIGINT, 1)
        assert launcher.terminate(run.run_id)
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None
        assert ended.status == dg.DagsterRunStatus.CANCELED
        assert not launcher.terminate(run.run_id), "there is nothing left to cancel"
    assert not is_gone(this_process())


def test_a_killed_warm_process_leaves_no_zombie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever forks runs may be killed at any time: nothing of it stays, whether or not another run follows."""
    answers = "import os, sys\nfor line in sys.stdin: print(os.getpid(), flush=True)"
    monkeypatch.setattr(WarmRunLauncher, "command", (sys.executable, "-c", answers))
    code = RepositoryPythonOrigin(sys.executable, ModuleCodePointer("shop", "defs", None))
    launcher = WarmRunLauncher()
    before = set(children(os.getpid()))
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        launcher.register_instance(instance)
        run = create_run_for_test(instance, job_code_origin=JobPythonOrigin("everything", code))
        launcher.launch_run(LaunchRunContext(run, None))
        [warm] = set(children(os.getpid())) - before
        os.kill(warm, signal.SIGKILL)
        until = time.monotonic() + 30
        while Path(f"/proc/{warm}").exists():
            assert time.monotonic() < until, "it is a zombie"
            time.sleep(0.05)
        launcher.launch_run(LaunchRunContext(run, None))
        for _ in range(10):  # nor does anybody have to wait until the system has told that it ended
            [warm] = set(children(os.getpid())) - before
            os.kill(warm, signal.SIGKILL)
            launcher.launch_run(LaunchRunContext(run, None))
        launcher.dispose()
