"""One small complete contract, and a way to write a changed copy of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from quality.contract import Contract, Stage, load_contract

FLIGHTS = Path(__file__).parent / "contracts" / "flights.odcs.yaml"
Document = dict[str, Any]
Change = Callable[[Document], object]
Rewrite = Callable[[Change], Path]


@pytest.fixture(autouse=True)
def _temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that killed or unfinished validations leave lie in the folder of the test, not in the machine's own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture(scope="session")
def flights() -> Contract:
    """The contract of a product."""
    return load_contract(FLIGHTS)


@pytest.fixture(scope="session")
def landed() -> Contract:
    """The same promise about text that landed."""
    return load_contract(FLIGHTS, stage="source")


@pytest.fixture
def rewrite(tmp_path: Path) -> Rewrite:
    """Writes the contract as changed by a function of its document; gives the new file."""
    original = yaml.safe_load(FLIGHTS.read_text().replace("value: 2030-12-31", 'value: "2030-12-31"'))

    def write(change: Change) -> Path:
        document = copy.deepcopy(original)
        change(document)
        path = tmp_path / "changed.odcs.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    return write


@pytest.fixture
def reload(rewrite: Rewrite) -> Callable[..., Contract]:
    """Loads the contract as changed."""

    def load(change: Change, stage: Stage = "product") -> Contract:
        return load_contract(rewrite(change), stage=stage)

    return load
