"""Imports without the collector: afterwards it is as it was, and looks through none of what was imported."""

from __future__ import annotations

import json
import subprocess
import sys

_TRIED = """
import gc, json, sys, warnings
from mesh_pipelines.runtime.preload import AUDIT, MODELS, OWN_REGISTRY, PLANNING, REGISTRY, TRAINED, preload
preload(PLANNING, AUDIT, OWN_REGISTRY, REGISTRY, MODELS, TRAINED)
frozen, collecting = gc.get_freeze_count(), gc.isenabled()
gc.disable()
preload(["wave"])
print(json.dumps({
    "collecting": collecting,
    "frozen": frozen,
    "stays off": not gc.isenabled() and "wave" in sys.modules,
    "silenced": sum("BetaWarning" in entry[2].__name__ for entry in warnings.filters),
    "there": all(name in sys.modules for name in (*PLANNING, *AUDIT, *OWN_REGISTRY, *MODELS, *TRAINED)),
}))
"""


def test_everything_is_imported_and_the_collector_goes_on() -> None:
    """All names can be imported, nothing is kept from the end of the process, a collector that was off stays off."""
    done = subprocess.run([sys.executable, "-c", _TRIED], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    assert found["there"]
    assert found["collecting"]
    assert found["frozen"] == 0, "DuckDB reports what is frozen as leaked"
    assert found["stays off"]
    assert found["silenced"], "a module's own filters of warnings hold"
