"""The fork that plans functions tells which one it had begun when it ended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mesh_pipelines.governance.plan_trial_process import plan_in_fork


def test_a_fork_that_ends_before_any_function_names_none(tmp_path: Path) -> None:
    """The empty key, and how it ended."""

    def enter(_request: Mapping[str, Any]) -> None:
        os._exit(4)

    read, write = os.pipe()
    request = {"packages": [], "skip": {}, "seconds": 10, "memory": "1GB", "root": str(tmp_path)}
    try:
        assert plan_in_fork(request, read, enter) == {
            "ended": "",
            "hazard": "ends the process, with exit code 4",
        }
    finally:
        os.close(read)
        os.close(write)
