"""Dagster's run launcher of the mesh: forks runs from a warm process. ``dagster.yaml`` names it.

Dagster's own launcher starts an interpreter per run, which imports Dagster, MLflow, Great Expectations and XGBoost
first, and it cannot tell whether a run still lives once its code server has ended. Here one warm process forks all
runs (:mod:`mesh_pipelines.runtime.worker`), and each run is tagged with its process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dagster import DagsterRun
from dagster._config.config_schema import UserConfigSchema
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from mesh_pipelines.dagster_names import PROCESS
from mesh_pipelines.runtime.signs_of_life import why_lost
from resources.processes import number_of


class WarmRunLauncher(RunLauncher[Any], ConfigurableClass):
    """Forks each run from a process that has imported what runs need."""

    command = (sys.executable, "-m", "mesh_pipelines.runtime.worker")

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__()
        self._inst_data = inst_data
        self._warm: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> WarmRunLauncher:
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Fork the run. Raises DagsterLaunchFailedError: the warm process ends as often as it is started."""
        run, origin = context.dagster_run, context.job_code_origin
        if origin is None:
            raise DagsterLaunchFailedError(f"run {run.run_id} does not say what code it is of")
        args = ExecuteRunArgs(origin, run.run_id, self._instance.get_ref())
        task = {"run_id": run.run_id, "args": serialize_value(args)}
        with self._lock:
            if not (self._fork(task) or self._fork(task)):  # a process killed meanwhile is started once more
                raise DagsterLaunchFailedError(
                    "the process that forks runs does not answer; see its log above"
                )

    def terminate(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        number = number_of(run.tags.get(PROCESS, ""))
        if number is not None:
            os.kill(number, signal.SIGINT)
        elif why_lost(lambda: self._instance, run.tags.get(PROCESS, "")):
            self._instance.report_run_canceled(run)
        else:
            return False
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        if why := why_lost(lambda: self._instance, run.tags.get(PROCESS, "")):
            return CheckRunHealthResult(WorkerStatus.FAILED, why)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def dispose(self) -> None:
        """Let the warm process end; runs that it has forked go on."""
        if self._warm is not None:
            for pipe in (self._warm.stdin, self._warm.stdout):
                with suppress(OSError):  # unread input of a process that is gone
                    pipe.close() if pipe else None
            self._warm = None

    def _fork(self, task: Mapping[str, str]) -> bool:
        if self._warm is None or self._warm.poll() is not None:
            self.dispose()
            pipe = subprocess.PIPE
            self._warm = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, text=True)
            # Reaps the process when it ends, so that no zombie stays.
            threading.Thread(target=self._warm.wait, daemon=True).start()
        given, answers = self._warm.stdin, self._warm.stdout
        assert given is not None
        assert answers is not None
        answer = ""
        with suppress(OSError):  # a process that is gone gives the empty answer
            given.write(json.dumps(task) + "\n")
            given.flush()
            answer = answers.readline()
        if not answer:  # start another one next, even before the system reports the end of this one
            self.dispose()
        return bool(answer)
