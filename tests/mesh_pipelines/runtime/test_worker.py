"""The process that runs are forked from: signals as usual; a run is tagged, says nothing and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._cli.api import execute_run_command
from dagster._core.code_pointer import FileCodePointer, ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import serialize_value

from mesh_pipelines.dagster_names import PROCESS
from mesh_pipelines.runtime.worker import execute
from resources.scratch import own_scratch
from resources.settings import get_settings

SIGNALS = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
from mesh_pipelines.runtime.worker import take_signals
take_signals()
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGCHLD).name)
"""
CODE = """
import os

import dagster as dg

@dg.op
def talk():
    print("hunter2", flush=True)
    if os.read(0, 100):
        raise ValueError("it has read what was meant for the next run")

@dg.job(executor_def=dg.in_process_executor)
def talking():
    talk()

defs = dg.Definitions(jobs=[talking])
"""
EXECUTE = """
import sys
from mesh_pipelines.runtime.worker import execute
execute(*sys.argv[1:])
"""


def test_signals_have_their_usual_effect() -> None:
    """Whatever the process was started with: a script's background job ignores SIGINT, and forks leave no zombies."""
    done = subprocess.run([sys.executable, "-c", SIGNALS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "SIG_DFL"]


def test_a_run_is_tagged_with_its_process_before_it_begins(tmp_path: Path) -> None:
    """What it prints answers for no other run, what it reads is nothing, and its log is Dagster's."""
    (tmp_path / "code.py").write_text(CODE)
    pointer = FileCodePointer(str(tmp_path / "code.py"), "defs", str(tmp_path))
    origin = JobPythonOrigin("talking", RepositoryPythonOrigin(sys.executable, pointer))
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = create_run_for_test(instance, "talking", job_code_origin=origin)
        args = serialize_value(ExecuteRunArgs(origin, run.run_id, instance.get_ref()))
        command = [sys.executable, "-c", EXECUTE, run.run_id, args]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
            out, err = process.communicate("the next run\n", timeout=120)
        assert process.returncode == 0, err
        assert out == ""
        assert "hunter2" in err
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None
        assert ended.status == dg.DagsterRunStatus.SUCCESS, err
        assert f":{process.pid}:" in ended.tags[PROCESS]


@pytest.mark.odd_input("after a kill, and odd homes", "lost", "held up")
@pytest.mark.parametrize("fails", [False, True])
def test_the_temporary_files_of_a_run_go_with_it(
    fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its steps have left there; the run carries the name of its process."""
    scratch = get_settings().scratch

    def use_scratch(*_: object) -> None:
        (own_scratch(scratch) / "rows").touch()
        if fails:
            raise SystemExit(1)

    monkeypatch.setattr(execute_run_command, "callback", use_scratch)
    code = RepositoryPythonOrigin(sys.executable, ModuleCodePointer("shop", "defs", None))
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = create_run_for_test(instance)
        args = ExecuteRunArgs(JobPythonOrigin("everything", code), run.run_id, instance.get_ref())
        fork = os.fork()
        if fork == 0:
            try:
                execute(run.run_id, serialize_value(args))
            finally:
                os._exit(0)
        os.waitpid(fork, 0)
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        assert f":{fork}:" in found.tags[PROCESS]
    assert list(scratch.iterdir()) == []
