"""A forked run leaves nothing behind when it ends, well or not: a fork does nothing at its exit."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._cli.api import execute_run_command
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import serialize_value

from mesh_pipelines.dagster_names import PROCESS
from mesh_pipelines.runtime.worker import execute
from resources.scratch import own_scratch
from resources.settings import get_settings

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "lost", "held up")


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
