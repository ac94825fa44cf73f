"""Rows that an increment keeps: by key those that did not come again, without a key those below the mark."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.publishing.kept_rows import Increment, KeptRows
from mesh_pipelines.publishing.quarantine import QUARANTINE
from mesh_pipelines.shared import SharedResources
from quality.contract import Contract
from resources.lake.lake import Lake
from tests.mesh_pipelines.publishing.offered import put, without_key
from tests.mesh_pipelines.small_domains import promise, read_promise

COLUMNS = {"id": "integer", "mark": "number"}
PUBLISHED = pl.DataFrame({"id": [1, 2, 3, None], "mark": [1.0, 5.0, 9.0, None]})
REFUSED = pl.DataFrame({"id": ["2", "x", None], "mark": ["5", "1.5", "ten"]})


@pytest.fixture
def lake(shared: SharedResources) -> Lake:
    """The lake of these tests."""
    return shared.lake


@pytest.fixture
def keyed(tmp_path: Path, request: pytest.FixtureRequest) -> Contract:
    """A source with the key ``id``, named after the test."""
    name = f"k{abs(hash(request.node.nodeid)) % 10**9}"
    return read_promise(tmp_path, promise("shop", name, COLUMNS), "source")


@pytest.fixture
def keyless(tmp_path: Path, request: pytest.FixtureRequest) -> Contract:
    """A source without a key."""
    name = f"n{abs(hash(request.node.nodeid)) % 10**9}"
    return read_promise(tmp_path, without_key(promise("shop", name, COLUMNS)), "source")


def kept(lake: Lake, contract: Contract, since: str = "5", published: pl.DataFrame = PUBLISHED) -> KeptRows:
    """Kept rows of these published rows, two at a time."""
    version = put(lake, f"{contract.domain}.{contract.name}", published)
    return KeptRows(lake, contract, Increment(version, "mark", since), 2)


def marks(rows: KeptRows) -> list[float | None]:
    """Marks of the published rows that stay, in the order of the table."""
    return [mark for batch in rows.published_rows() for mark in batch["mark"]]


def refused(lake: Lake, contract: Contract, rows: KeptRows) -> list[str | None]:
    """Ids of the refused rows that stay."""
    key = f"{contract.domain}.{contract.name}{QUARANTINE}"
    put(lake, key, REFUSED)
    return rows.quarantined_rows(key)["id"].to_list()


def batch(*ids: int | None, text: bool = False) -> pl.DataFrame:
    """Rows that came."""
    kind = pl.String if text else pl.Int64
    return pl.DataFrame({"id": ids, "mark": [7.0] * len(ids)}, {"id": pl.Int64, "mark": pl.Float64}).cast(
        {"id": kind}
    )


def test_a_row_whose_key_came_again_is_replaced(lake: Lake, keyed: Contract) -> None:
    """Whatever its mark, in whichever batch; a row without a key is nobody's successor."""
    rows = kept(lake, keyed)
    rows.add_batch(batch(3, 8), batch(text=True))
    rows.add_batch(batch(1), batch(text=True))
    assert marks(rows) == [5.0, None]


def test_a_row_whose_new_form_was_refused_stays(lake: Lake, keyed: Contract) -> None:
    """It is the last good one; what was refused of it before is replaced by what is refused of it now."""
    rows = kept(lake, keyed)
    rows.add_batch(batch(), batch(2, text=True))
    assert marks(rows) == [1.0, 5.0, 9.0, None]
    assert refused(lake, keyed, rows) == ["x", None]


def test_a_refused_row_stays_until_its_key_comes_again(lake: Lake, keyed: Contract) -> None:
    """Accepted or refused; an empty key comes again as an empty key."""
    rows = kept(lake, keyed)
    rows.add_batch(batch(2), batch(None, text=True))
    assert refused(lake, keyed, rows) == ["x"]


def test_where_nothing_came_everything_stays(lake: Lake, keyed: Contract) -> None:
    """No batch at all, or a batch without rows."""
    rows = kept(lake, keyed)
    assert marks(rows) == [1.0, 5.0, 9.0, None]
    rows.add_batch(batch(), batch(text=True))
    assert marks(rows) == [1.0, 5.0, 9.0, None]
    assert refused(lake, keyed, rows) == ["2", "x", None]


def test_without_a_key_rows_below_the_mark_stay(lake: Lake, keyless: Contract) -> None:
    """Those at the mark, beyond it and without one come again; what came is not looked at."""
    rows = kept(lake, keyless)
    rows.add_batch(batch(1), batch(2, text=True))
    assert marks(rows) == [1.0]
    assert refused(lake, keyless, rows) == ["x"]


def test_a_mark_that_is_not_finite_is_none(lake: Lake, keyless: Contract) -> None:
    """Minus infinity is below every mark and comes again all the same."""
    odd = pl.DataFrame({"id": [1, 2, 3, 4], "mark": [float("-inf"), float("nan"), 4.5, float("inf")]})
    assert marks(kept(lake, keyless, published=odd)) == [4.5]


@pytest.mark.parametrize("since", ["soon", "1,5", ""])
def test_a_mark_that_the_contract_cannot_hold_keeps_nothing(
    lake: Lake, keyless: Contract, since: str
) -> None:
    """No row is known to be below it, so all of them are read again."""
    rows = kept(lake, keyless, since)
    assert marks(rows) == []
    assert refused(lake, keyless, rows) == []


def test_no_quarantine_is_an_empty_one(lake: Lake, keyed: Contract, keyless: Contract) -> None:
    """As long as nothing was ever refused."""
    for contract in (keyed, keyless):
        assert kept(lake, contract).quarantined_rows(f"shop.{contract.name}{QUARANTINE}").is_empty()


def test_rows_are_of_the_version_that_it_adds_to(lake: Lake, keyed: Contract) -> None:
    """Whatever was published since; they come a few at a time."""
    rows = kept(lake, keyed)
    put(lake, f"shop.{keyed.name}", PUBLISHED.head(1))
    sizes = [found.height for found in rows.published_rows()]
    assert sum(sizes) == 4
    assert max(sizes) <= 2
