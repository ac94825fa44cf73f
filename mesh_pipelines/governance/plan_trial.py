"""Plans the functions of the mesh in a process that may be lost: a function is the domain's own and may do anything."""

from __future__ import annotations

import base64
import pickle
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mesh_pipelines.errors import MeshError
from mesh_pipelines.governance.import_trial import ask_trial
from mesh_pipelines.governance.rules.plans import Planned
from resources.settings import get_settings


def plan_in_child(root: Path, packages: Sequence[str]) -> Mapping[str, Planned]:
    """The plan of each function by key; what it prints goes to standard error.

    A function that ends its process, hangs it, or takes more than ``MESH_MEMORY_LIMIT`` has that as its problem.

    Args:
        root: folder of the workspace.
        packages: of the domains that load.

    Raises:
        MeshError: it is not known which function ends the process.
    """
    ended: dict[str, str] = {}
    while packages:
        answer = ask_trial(root, packages, skip=ended, memory=get_settings().memory_limit)
        if answer and "planned" in answer:
            plans, printed = pickle.loads(base64.b64decode(answer["planned"]))  # noqa: S301 (a child of this process)
            sys.stderr.write(printed)
            return plans
        key: str = answer["ended"] if answer else ""
        if answer is None or not key or key in ended:
            raise MeshError(
                "the functions of the mesh cannot be tried: one of them ends the process that tries it",
                where=", ".join(packages),
                remedy="let functions make a table of their inputs and do nothing else",
            )
        ended[key] = answer["hazard"]
    return {}
