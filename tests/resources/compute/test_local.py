"""Threads of a training, and how they wait."""

from __future__ import annotations

import os
import sys

import pytest

from resources.compute.local import available_threads, prepare_for_training

POLICY = "OMP_WAIT_POLICY"


@pytest.mark.parametrize(("configured", "threads"), [("3", 3), ("64", 64)])
def test_the_setting_decides(monkeypatch: pytest.MonkeyPatch, configured: str, threads: int) -> None:
    """Also for more threads than there are cores."""
    monkeypatch.setenv("MESH_THREADS", configured)
    assert available_threads() == threads


@pytest.mark.parametrize("configured", [None, "", "0", "-1", "many", "1.5", "\u00b2"])
def test_without_a_number_the_cores_of_this_process_count(
    monkeypatch: pytest.MonkeyPatch, configured: str | None
) -> None:
    """Those that it may run on, of all that the machine has; an exponent is no number of threads."""
    monkeypatch.delenv("MESH_THREADS", raising=False)
    if configured is not None:
        monkeypatch.setenv("MESH_THREADS", configured)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert available_threads() == 3


def test_a_system_without_affinity_gives_all_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """One, if it does not know them either."""
    monkeypatch.delenv("MESH_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for counted, threads in ((6, 6), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda counted=counted: counted)
        assert available_threads() == threads


@pytest.mark.parametrize(
    ("given", "loaded", "found"),
    [(None, False, "passive"), ("active", False, "active"), (None, True, None)],
)
def test_threads_wait_without_spinning(
    monkeypatch: pytest.MonkeyPatch, given: str | None, loaded: bool, found: str | None
) -> None:
    """Unless the user says otherwise; after xgboost is loaded the setting would change nothing."""
    monkeypatch.setenv(POLICY, given or "")
    if given is None:
        monkeypatch.delenv(POLICY)
    monkeypatch.setitem(sys.modules, "xgboost", sys)
    if not loaded:
        monkeypatch.delitem(sys.modules, "xgboost")
    monkeypatch.setenv("MESH_THREADS", "5")
    assert prepare_for_training() == 5
    assert os.environ.get(POLICY) == found
    assert prepare_for_training(2) == 2
