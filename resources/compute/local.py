"""Threads and memory for training: settings that must be in place before XGBoost is loaded."""

from __future__ import annotations

import os
import sys


def prepare_for_training(threads: int | None = None) -> int:
    """Make OpenMP wait without spinning, so that several trainings share a machine; returns the threads to use.

    With active waiting, its default, four trainings at once on two cores take three to five times as long. OpenMP
    reads the setting when it is loaded, so this is called before anything imports xgboost.
    """
    if "xgboost" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    return threads or available_threads()


def available_threads() -> int:
    """``MESH_THREADS`` if set, else the cores that this process may run on (cpusets counted)."""
    configured = os.environ.get("MESH_THREADS", "")
    if configured.isdecimal() and int(configured) > 0:
        return int(configured)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
