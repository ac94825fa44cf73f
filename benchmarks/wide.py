"""`mesh run` of a source of very many columns.

Run: python -m benchmarks wide
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks._measure import Figure, at_most, environment

COLUMNS, ROWS = 1_500, 5
BAR = 10.0
"""Seconds of the whole command on two cores, the start of the interpreter among them."""


def figures(*, quick: bool = False) -> list[Figure]:
    """The command once, from a home that is empty."""
    columns = 300 if quick else COLUMNS
    names = [f"c{number}" for number in range(columns)]
    head = ",".join(names)
    text = "".join(",".join(str(row + place / 7) for place in range(columns)) + "\n" for row in range(ROWS))
    fields = {name: {"logicalType": "number", "required": True} for name in names}
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as folder:
        root = Path(folder)
        write_source(root, "wide.csv", fields, [])
        land(root, {"wide.csv": f"{head}\n{text}"})
        took = seconds_of_run(root)
    return [
        at_most(
            f"`mesh run` of a source of {columns:,} columns x {ROWS} rows, {3 * columns:,} rules",
            took,
            BAR,
            unit=" s",
            note="from the shell's prompt to its prompt",
        )
    ]


def write_source(root: Path, pattern: str, fields: dict[str, dict[str, Any]], custom: list[Any]) -> None:
    """Write a workspace with one domain, ``bench``, and its one source, ``landed``.

    Args:
        fields: those of each column beside its name, description and classification.
        custom: entries of ``customProperties``.
    """
    folder = root / "domains" / "bench"
    (folder / "contracts").mkdir(parents=True)
    about = {"owner": "a team", "contact": "team@mesh.example", "description": "Many."}
    properties = [
        {"name": name, "physicalType": "DOUBLE", "description": "One.", "classification": "public", **given}
        for name, given in fields.items()
    ]
    table = {"name": "landed", "physicalType": "table", "logicalType": "object", "description": "Rows."}
    times = {"freshness": (7, "d"), "frequency": (1, "d"), "retention": (3, "y"), "latency": (1, "d")}
    contract = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": "bench-landed",
        "name": "landed",
        "version": "1.0.0",
        "status": "active",
        "domain": "bench",
        "dataProduct": "landed",
        "description": {"purpose": "To measure.", "usage": "Here.", "limitations": "Made up."},
        "schema": [{**table, "dataGranularityDescription": "one row", "properties": properties}],
        "slaProperties": [{"property": name, "value": n, "unit": unit} for name, (n, unit) in times.items()],
        "team": {"name": "a team", "members": [{"username": "team@mesh.example", "role": "owner"}]},
        "support": [{"channel": "team@mesh.example", "tool": "email", "scope": "issues"}],
        "servers": [{"server": "lake", "type": "custom", "description": "The lake."}],
        "customProperties": [{"property": "tolerance", "value": 0}, *custom],
    }
    texts = {
        "domains/__init__.py": "",
        "domains/bench/__init__.py": "",
        "domains/bench/README.md": "# bench\n",
        "domains/bench/domain.yaml": yaml.safe_dump(about),
        "domains/bench/contracts/landed.odcs.yaml": yaml.safe_dump(contract, sort_keys=False),
        "domains/bench/sources.py": f'from mesh_pipelines import source\n\nlanded = source("{pattern}")\n',
        "domains/bench/definitions.py": "from mesh_pipelines import domain\n\ndefs = domain(__package__)\n",
        "workspace.yaml": "load_from:\n  - python_module:\n      module_name: domains.bench.definitions\n"
        "      location_name: bench\n",
    }
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")


def land(root: Path, files: dict[str, str]) -> None:
    """Let files land for the source."""
    folder = root / ".mesh" / "landing" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def seconds_of_run(root: Path) -> float:
    """Wall time of `mesh run` in a workspace.

    Raises:
        SystemExit: it failed; the message is what it printed.
    """
    command = Path(sys.executable).with_name("mesh")
    begun = time.perf_counter()
    ended = subprocess.run(
        [command, "run"], cwd=root, env=environment(), capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - begun
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)
    return took
