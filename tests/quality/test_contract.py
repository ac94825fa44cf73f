"""A contract is read whole from one file."""

from __future__ import annotations

import pickle
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.errors import ContractError
from quality.contract import Contract, Partition, load_contract

FLIGHTS = Path(__file__).parent / "contracts" / "flights.odcs.yaml"


def test_a_contract_says_everything_about_its_product(flights: Contract) -> None:
    """Columns, types, key, partition, owners, service levels and agreements come from the one file."""
    assert (flights.domain, flights.name, flights.version) == ("aviation", "flights", "1.0.0")
    assert flights.key == ("carrier", "flight", "scheduled_at")
    assert flights.dtypes["flight"] == pl.Int32
    assert flights.dtypes["scheduled_at"] == pl.Datetime("us", "UTC")
    assert flights.classification["passenger"] == "restricted"
    assert flights.partition == Partition("month", "month", "2013-01")
    assert flights.tolerance == pytest.approx(0.1)
    assert flights.missing == ("NA",)
    assert flights.members == ("owner@example.org",)
    assert flights.sla.retention == timedelta(days=5 * 365)
    assert (flights.sla.cron, flights.sla.timezone) == ("0 6 * * *", "America/New_York")
    assert flights.agreements[0].until == date(2030, 12, 31)
    assert flights.column("delay").sources == ("aviation.flights_raw.dep_delay",)


def test_a_contract_survives_the_way_to_another_process(flights: Contract) -> None:
    """Step processes get contracts by pickle."""
    assert pickle.loads(pickle.dumps(flights)) == flights


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: [", "YAML"),
        (b"- 1", "no contract"),
        (b"id: a\nid: b\n", "twice"),
        (b"", "no contract"),
    ],
)
def test_a_file_that_is_no_contract_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """Binary, broken YAML, a list, an empty file, a key written twice."""
    path = tmp_path / "x.odcs.yaml"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=said):
        load_contract(path)


def test_a_missing_file_is_a_contract_error(tmp_path: Path) -> None:
    """Not a traceback about files."""
    with pytest.raises(ContractError, match="cannot be read"):
        load_contract(tmp_path / "none.odcs.yaml")


def test_the_contract_is_what_other_odcs_tools_read() -> None:
    """The packaged models of the standard read the fixture and keep all of it."""
    from open_data_contract_standard.model import OpenDataContractStandard

    read = OpenDataContractStandard.from_file(str(FLIGHTS))
    assert read.schema_ is not None
    assert read.schema_[0].properties is not None
    assert len(read.schema_[0].properties) == 8
