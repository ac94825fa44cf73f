"""The process that runs are forked from: it has imported what steps need, and used none of it.

A fork has all imports at once. No table has been read and no model trained, so no lock of these libraries is held. A
domain's own modules are imported after the fork, as they are then.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys


def main() -> None:
    """Fork a run for each line, a JSON object with ``run_id`` and ``args``; answer with the process's number."""
    from mesh_pipelines.runtime.preload import AUDIT, MODELS, OWN_REGISTRY, PLANNING, TRAINED, preload
    from quality.child import NURSERY
    from resources.tracking import know_packages

    NURSERY.start()  # the runs' rules are judged by its children; it imports while this process does
    preload(PLANNING, AUDIT, OWN_REGISTRY, MODELS, TRAINED, ("mesh_pipelines.runtime.run_log",))
    know_packages()
    gc.freeze()  # a collection in a fork would copy the pages of all that was imported
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies: forks need no wait
    for line in sys.stdin:
        task = json.loads(line)
        process = os.fork()
        if process == 0:
            try:
                execute(task["run_id"], task["args"])
            finally:
                os._exit(0)  # how the run ended is in its log
        os.write(1, f"{process}\n".encode())
    os._exit(0)


def execute(run_id: str, args: str) -> None:
    """Execute a run in this process, after tagging the run with it."""
    from dagster import DagsterInstance
    from dagster._cli.api import execute_run_command
    from dagster._grpc.types import ExecuteRunArgs
    from dagster._serdes import deserialize_value

    from mesh_pipelines.dagster_names import PROCESS
    from mesh_pipelines.runtime.run_log import quiet_runs
    from mesh_pipelines.runtime.signs_of_life import give_signs
    from resources.processes import this_process
    from resources.scratch import remove_own_scratch
    from resources.settings import get_settings

    take_signals()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what it prints must not answer for the next fork
    quiet_runs()
    instance_ref = deserialize_value(args, ExecuteRunArgs).instance_ref
    assert instance_ref is not None
    assert execute_run_command.callback is not None
    scratch = get_settings().scratch
    try:
        with DagsterInstance.from_ref(instance_ref) as instance, give_signs(instance, scratch):
            instance.add_run_tags(run_id, {PROCESS: this_process()})
            execute_run_command.callback(args, None)
    finally:
        remove_own_scratch(scratch)  # a fork does nothing at its exit


def take_signals() -> None:
    """Give signals their usual effect: a run is cancelled by SIGINT, which a script's background job ignores."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    main()
