"""Runs that are killed or raced, each in a process of its own: a warm process forks one at every line it reads.

Importing Dagster, Great Expectations and the rest takes ten seconds; a fork has it all at once. Nothing of Polars or
Delta has run before the fork, so no threads are left behind in the child.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


def main() -> None:
    """Read one JSON object a line (see :func:`work`), answer with the child's process id."""
    _import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who is killed is gone at once: nobody has to wait for it
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        task = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work(task)
                code = 0
            except BaseException:
                Path(task["signs"], "error").write_text(traceback.format_exc())
            os._exit(code)
        print(pid, flush=True)  # noqa: T201


def work(task: dict[str, Any]) -> None:
    """One run, which may stop on its way.

    Args:
        task: ``home``, ``selection`` and ``options`` of the run; ``signs``: folder in which it says how far it is,
            and in which its temporary files lie;
            ``stop``: table and step of its publish at which it waits for the file ``go`` in that folder;
            ``workspace``, if given: its folder; the run is the one that a tick of the selected domain requests, or
            with ``by_hand`` that of `mesh run`.
    """
    from mesh_pipelines.testing import workspace
    from resources.settings import get_settings

    os.environ |= {"MESH_HOME": task["home"], "MESH_SETTLE_SECONDS": "0"}
    get_settings.cache_clear()
    signs = Path(task["signs"])
    tempfile.tempdir = os.environ["TMPDIR"] = str(signs / "temporary")
    (signs / "temporary").mkdir()

    def reached(key: str, step: str) -> None:
        if [key, step] == task.get("stop"):
            (signs / "reached").touch()
            deadline = time.monotonic() + 120
            while not (signs.parent / "go").exists() and time.monotonic() < deadline:
                time.sleep(0.005)

    _watch_publishes(reached)
    _watch_models(reached)
    if task["by_hand"]:
        with workspace(Path(task["workspace"])):
            steps = _run(task["selection"], task["options"])
    elif task["workspace"]:
        steps = _follow_tick(task["workspace"], *task["selection"])
    else:
        steps = _run(task["selection"], task["options"])
    (signs / "report.tmp").write_text(json.dumps(steps))
    (signs / "report.tmp").rename(signs / "report")


def _run(selection: Sequence[str], options: Mapping[str, Any]) -> dict[str, list[str]]:
    from mesh_pipelines.orchestration import run as runs

    return {step.key: [step.status, step.message] for step in runs.run(selection, **options).steps}


def _follow_tick(root: str, name: str) -> dict[str, list[str]]:
    from mesh_pipelines.governance.load_mesh import load_mesh
    from mesh_pipelines.testing import workspace
    from tests.e2e.ticks import follow

    with workspace(Path(root)):
        result = follow(load_mesh(Path(root)).domains[name])
    return {name: ["done" if result.success else "failed", ""]}


def _watch_publishes(reached: Callable[[str, str], None]) -> None:
    from resources.lake.lake import Lake
    from resources.lake.stage import Staging

    stage = Lake.stage

    def watched(self: Lake, key: str, *arguments: Any, **named: Any) -> Staging:
        return stage(self, key, *arguments, **named, checkpoint=lambda step: reached(key, step))

    Lake.stage = watched


def _watch_models(reached: Callable[[str, str], None]) -> None:
    from mesh_pipelines.modeling import promotion, training
    from mesh_pipelines.modeling.registry import Registry

    train, carry_out, promote = training.train, promotion.carry_out, Registry.promote

    def watched_train(spec: Any, *arguments: Any, **named: Any) -> Any:
        trained = train(spec, *arguments, **named)
        reached(spec.key, "trained")
        return trained

    def watched_carry_out(registry: Any, version: Any, *arguments: Any, **named: Any) -> Any:
        reached(version.key, "decided")
        return carry_out(registry, version, *arguments, **named)

    def watched_promote(self: Registry, version: Any, **named: Any) -> Any:
        moved = promote(self, version, **named)
        reached(version.key, "moved")
        return moved

    training.train = watched_train
    promotion.carry_out = watched_carry_out
    Registry.promote = watched_promote


def _import_all() -> None:
    import importlib

    for name in (
        "dagster",
        "deltalake",
        "duckdb",
        "great_expectations",
        "pandera.polars",
        "polars",
        "mesh_pipelines.orchestration.run",
        "mesh_pipelines.steps.produce",
        "mesh_pipelines.publishing.publish",
        "quality.dataset",
        "quality.gx",
        "quality.rows",
    ):
        importlib.import_module(name)


if __name__ == "__main__":
    main()
