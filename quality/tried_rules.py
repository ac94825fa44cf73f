"""Memory of contracts whose rules were tried before: a check of unchanged contracts starts no engine."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

from quality.contract import Contract
from quality.rule_trial import RuleFault

_ENGINES = ("duckdb", "great_expectations", "polars")


def key_of(contract: Contract) -> str:
    """Text that changes with the contract, the engines and the code that tries its rules."""
    return f"{contract.digest}-{'source' if contract.is_source else 'product'}-{_makers()}"


def read(file: Path | None) -> dict[str, tuple[RuleFault, ...]]:
    """Faults by key; nothing where there is no such file, or it is of another form."""
    try:
        known = json.loads(file.read_bytes()) if file is not None else {}
        return {key: tuple(RuleFault(**fault) for fault in faults) for key, faults in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write(file: Path | None, known: Mapping[str, Sequence[RuleFault]]) -> None:
    """Keep them for the next check, in a folder that is there."""
    if file is None or not file.parent.is_dir():
        return
    text = json.dumps({key: [asdict(fault) for fault in faults] for key, faults in known.items()})
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    with suppress(OSError):  # what is not kept costs time alone
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)


@cache
def _makers() -> str:
    digest = hashlib.sha256(" ".join(version(name) for name in _ENGINES).encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()[:16]
