"""What an asset's page says: the whole of the promise, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_pipelines.declaring.domain_profile import read_profile
from mesh_pipelines.orchestration.pages import describe, promises_in_time
from quality.contract import load_contract
from tests.mesh_pipelines.small_domains import product

DOMAINS = Path(__file__).parents[3] / "domains"
CONTRACTS = [path for path in sorted(DOMAINS.glob("*/contracts/*.odcs.yaml")) if "_raw." not in path.name]


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.name.partition(".")[0])
def test_a_page_has_all_that_the_contract_promises(path: Path) -> None:
    """Purpose, use, limits, every promise in time, who may read it, and where to get help."""
    contract = load_contract(path)
    profile, _ = read_profile(path.parents[1])
    page = describe(product(contract), profile)
    for text in (contract.purpose, contract.usage, contract.limitations, contract.grain, contract.team):
        assert text in page
    assert all(given.url in page for given in contract.support)
    assert all(a.consumer in page and a.purpose in page for a in contract.agreements)
    promised = promises_in_time(contract)
    assert list(promised) == ["new rows every", "ready within", "fresh within", "kept for"]
    assert all(words and f"| {name} | {words} |" in page for name, words in promised.items())
    assert "0:00:00" not in page
