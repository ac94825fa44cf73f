"""Each source is opened as the kind that it declares, with the settings of the mesh."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_pipelines.declaring.declarations import SourceDeclaration, TableDeclaration
from mesh_pipelines.declaring.node import SourceNode
from mesh_pipelines.errors import LandingError
from mesh_pipelines.landing.files import FileLanding
from mesh_pipelines.landing.landed import Landing
from mesh_pipelines.landing.open import landing_of
from mesh_pipelines.landing.tables import TableLanding
from quality.contract import Contract
from resources.settings import get_settings
from tests.mesh_pipelines.small_domains import promise, read_promise


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    """Columns ``id`` and ``city``."""
    return read_promise(
        tmp_path, promise("shop", "orders_raw", {"id": "integer", "city": "string"}), "source"
    )


def opened(declared: SourceDeclaration, contract: Contract) -> Landing:
    """The landing of a source of the domain ``shop``."""
    return landing_of(
        SourceNode("shop", "orders_raw", declaration=declared, contract=contract), get_settings()
    )


@pytest.mark.parametrize(
    ("dialect", "text"),
    [("rfc4180", "id,city\n1,Rome\n"), ("semicolon", "id;city\n1;Rome\n"), ("short rows", "id,city\n1\n")],
)
def test_files_are_read_from_the_domains_folder_in_their_dialect(
    mesh_home: Path, contract: Contract, dialect: str, text: str
) -> None:
    """Below the landing zone of the settings."""
    file = get_settings().home / "landing" / "shop" / "orders.csv"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    landing = opened(SourceDeclaration(pattern="orders.csv", dialect=dialect), contract)
    assert isinstance(landing, FileLanding)
    assert landing.read(landing.look({}).inputs, contract).records == 1


def test_a_folder_of_its_own_may_be_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, contract: Contract
) -> None:
    """``MESH_LANDING``."""
    monkeypatch.setenv("MESH_LANDING", str(tmp_path / "elsewhere"))
    get_settings.cache_clear()
    landing = opened(SourceDeclaration(pattern="orders.csv"), contract)
    assert landing.where == f"{tmp_path}/elsewhere/shop"


def test_a_pattern_that_leads_elsewhere_is_not_opened(contract: Contract) -> None:
    """Whatever the rules of the mesh did with it."""
    with pytest.raises(LandingError, match="leaves the domain's own folder"):
        opened(SourceDeclaration(pattern="../bank/orders.csv"), contract)


def test_a_table_is_a_table(contract: Contract) -> None:
    """It is opened without asking its database."""
    landing = opened(TableDeclaration(table="sales.orders", database="nowhere"), contract)
    assert isinstance(landing, TableLanding)
