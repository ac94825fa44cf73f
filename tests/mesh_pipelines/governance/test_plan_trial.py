"""Functions are called by ``mesh check`` in a process that may be lost: whatever they do, they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_pipelines.errors import MeshError
from mesh_pipelines.governance.plan_trial import plan_in_child
from resources.settings import get_settings
from tests.mesh_pipelines.governance.rules.test_functions import SELECT, examine
from tests.mesh_pipelines.small_domains import World

pytestmark = pytest.mark.odd_input("limits", "held up")

CODE = "import os, sys, time; "
HAZARDS = {
    "os._exit(0)": "ends the process, with exit code 0",
    "os._exit(3)": "ends the process, with exit code 3",
    "raise KeyboardInterrupt": "ends the process, with exit code 130",
    "os.abort()": "crashes the process (SIGABRT)",
    "import ctypes; ctypes.string_at(0)": "crashes the process (SIGSEGV)",
    "os.kill(os.getpid(), 9)": "crashes the process (SIGKILL)",
    "os.closerange(3, 1000); time.sleep(600)": "crashes the process (SIGKILL)",
    "time.sleep(600)": "does not come to an end: it was stopped after 2 s",
    "any(False for _ in iter(int, 1))": "does not come to an end: it was stopped after 2 s",
    "os.fork(); time.sleep(600)": "does not come to an end: it was stopped after 2 s",
    "x = bytearray(b'x') * 10**9; time.sleep(1.5)": "needs more memory than 200MB, and was stopped",
}
HARMLESS = {
    "a folder that it changes": "os.chdir('/')",
    "a setting that it changes": "os.environ['MESH_HOME'] = '/nowhere'",
    "standard streams that it closes": "os.close(1); os.close(2); sys.stdout.close()",
    "a thread that goes on": "__import__('threading').Thread(target=time.sleep, args=(600,)).start()",
    "a child that goes on": "os.fork() or time.sleep(600)",
}


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch, mesh_home: Path) -> None:
    del mesh_home  # it has cleared the machine's own settings
    monkeypatch.setenv("MESH_LOAD_SECONDS", "2")
    monkeypatch.setenv("MESH_MEMORY_LIMIT", "200MB")
    get_settings.cache_clear()


@pytest.mark.parametrize("text", HAZARDS)
def test_a_function_that_ends_or_hangs_its_process_is_named(world: World, text: str) -> None:
    """With its place, and by that alone: everything else is checked as if it were sound."""
    found = examine(world, "products", f"return {SELECT}", f"{CODE}{text}; return {SELECT}")
    [violation] = found.violations
    assert HAZARDS[text] in violation.problem
    assert violation.where.endswith(": readings")
    assert (violation.rule, found.notes) == ("FunctionsCanBePlanned", ())


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_a_function_leaves_behind_ends_with_its_process(world: World, kind: str) -> None:
    """The command goes on as it was, and ends."""
    found = examine(world, "products", f"return {SELECT}", f"{CODE}{HARMLESS[kind]}; return {SELECT}")
    assert (found.violations, found.notes) == ((), ())


def test_two_functions_that_end_the_process_are_both_named(world: World) -> None:
    """Each is left out when the others are tried again."""
    ends = f"import os; os._exit(0); return {SELECT}\n\n        "
    more = "@data_product\n        def more(readings_raw: pl.LazyFrame) -> pl.LazyFrame:\n            "
    found = examine(world, "products", f"return {SELECT}", ends + more + ends)
    assert len([v for v in found.violations if "exit code 0" in v.problem]) == 2


def test_one_that_ends_the_trial_itself_is_an_error(world: World) -> None:
    """It is not known which one it was, and that is said."""
    ends = f"import os; os.kill(os.getppid(), 9); return {SELECT}"
    with pytest.raises(MeshError, match="cannot be tried"):
        examine(world, "products", f"return {SELECT}", ends)


def test_a_mesh_without_domains_has_no_plans(tmp_path: Path) -> None:
    """No process is started."""
    assert plan_in_child(tmp_path, []) == {}
