"""The step of a source: which inputs are read, as one candidate, and in halves where one of them is bad."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh_pipelines.errors import AuditRefused, LandingError
from mesh_pipelines.landing.landed import LISTED, LandedInput
from mesh_pipelines.orchestration.run import run
from mesh_pipelines.publishing.audit_report import names_in
from mesh_pipelines.publishing.candidate import Candidate
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps import source
from mesh_pipelines.steps.source import source_candidate
from resources.settings import get_settings
from tests.mesh_pipelines.landing.table_shop import KEY, WATERMARK, Shop, place
from tests.mesh_pipelines.planning.made import Made
from tests.mesh_pipelines.small_domains import World, promise

MONTHS = ("2013-01", "2013-02", "2013-03")


def candidate(
    made: Made, *partitions: str, before: bool = True, anew: bool = False
) -> tuple[Candidate, list[str]] | None:
    """The candidate of what has landed, and the files that it is read from."""
    node = made.nodes["shop.raw"]
    with made.place() as landing:
        record = made.records.get(node.key) if before else None
        found = source_candidate(node, landing, record, partitions, anew=anew)
    return None if found is None else (found[0], [one.name for one in found[1]])


@pytest.fixture
def published(fresh: Made) -> Made:
    """Three months of rows are published."""
    for month in MONTHS:
        fresh.land(month, f"id,month\n1,{month}\n")
    fresh.make()
    return fresh


def test_at_first_everything_is_read_that_has_landed(published: Made) -> None:
    """Of the partitions that are asked for; what has not landed is left out."""
    found = candidate(published, "2013-01", "2013-03", "2013-07", before=False)
    assert found is not None
    assert found[1] == ["raw-2013-01.csv", "raw-2013-03.csv"]
    assert found[0].partitions == ("2013-01", "2013-03")
    assert found[0].records == 2
    assert set(found[0].landed) == set(found[0].origins) == {"2013-01", "2013-03"}
    assert found[0].frame.collect()["month"].to_list() == ["2013-01", "2013-03"]
    assert found[0].increment is None
    assert found[0].remarks == {}


def test_what_has_not_changed_is_not_read_again(published: Made) -> None:
    """Unless it is asked for at all costs."""
    assert candidate(published, *MONTHS) is None
    found = candidate(published, *MONTHS, anew=True)
    assert found is not None
    assert found[0].partitions == MONTHS


def test_only_what_changed_is_read(published: Made) -> None:
    """Of what is asked for: another month that changed is for another run."""
    published.land("2013-02", "id,month\n2,2013-02\n")
    published.land("2013-04", "id,month\n4,2013-04\n")
    found = candidate(published, *MONTHS, "2013-04")
    assert found is not None
    assert found[1] == ["raw-2013-02.csv", "raw-2013-04.csv"]
    assert candidate(published, "2013-01") is None
    found = candidate(published, "2013-01", "2013-04")
    assert found is not None
    assert found[0].partitions == ("2013-04",)


def test_changed_code_reads_all_that_is_asked_for(published: Made) -> None:
    """What was published was made by other code."""
    published.nodes["shop.raw"] = replace(published.nodes["shop.raw"], code_version="other code")
    found = candidate(published, "2013-01", "2013-02")
    assert found is not None
    assert found[0].partitions == ("2013-01", "2013-02")


def test_changed_code_reads_a_whole_table(orders: Shop) -> None:
    """Rows that other code has read are not kept beside new ones."""
    node = orders.declare(WATERMARK)
    assert orders.make(node) == "done"
    orders.database.do("INSERT INTO sales.orders VALUES (3, 'Kyiv', '2024-02-02')")
    before = shared_resources().record(KEY)
    rows: list[int] = []
    for one in (node, replace(node, code_version="other code")):
        with place(one) as landing:
            found = source_candidate(one, landing, before, None)
            assert found is not None
            rows.append(found[0].frame.collect().height)
            assert (found[0].increment is None) is (one is not node)
    assert rows[1] == 3


def test_what_is_refused_by_its_name_is_an_error_where_there_is_nothing_else(made: Made) -> None:
    """It names the file and the partitions that are declared."""
    made.land("2012-12", "id,month\n1,2012-12\n")
    with pytest.raises(LandingError, match=r"raw-2012-12\.csv \(2012-12\)"):
        candidate(made, "2013-01")


@pytest.mark.parametrize("count", range(2, 6))
def test_halves_are_all_of_it_each_once(count: int) -> None:
    """Down to one partition each, whatever their number."""
    names = tuple(f"2013-{month:02d}" for month in range(1, count + 1))
    inputs = [LandedInput(f"{name}-{n}.csv", name, "", "") for name in names for n in (1, 2)]

    def parts(reading: source._Reading) -> list[source._Reading]:
        if len(reading.partitions or ()) == 1:
            return [reading]
        return [part for half in reading.halves() for part in parts(half)]

    found = parts(source._Reading(inputs, names, anew_because="a reason"))
    assert [part.partitions for part in found] == [(name,) for name in names]
    assert [one for part in found for one in part.inputs] == inputs
    assert {part.anew_because for part in found} == {"a reason"}


def test_one_fault_is_the_error() -> None:
    """As it was raised."""
    fault = LandingError("lacks the column id", where="shop.raw", remedy="land a corrected file")
    assert source._joined([fault]) is fault


def test_several_faults_are_one_error_of_the_first_ones_kind() -> None:
    """Each says its part, as far as there is room; what was refused by an audit shows the first audit."""
    faults = [LandingError(f"fault {n}", where="shop.raw", remedy="mend it") for n in range(LISTED + 3)]
    joined = source._joined(faults)
    assert isinstance(joined, LandingError)
    assert joined.what.splitlines() == [
        *(f"fault {n}" for n in range(LISTED)), "and 3 partitions more",
    ]  # fmt: skip
    assert (joined.where, joined.remedy) == ("shop.raw", "mend it")
    audits = [AuditRefused(f"audit {n}", where="shop.raw", outcome=n) for n in (1, 2)]
    refused = source._joined([*audits, faults[0]])
    assert isinstance(refused, AuditRefused)
    assert (refused.what, refused.outcome) == ("audit 1\naudit 2\nfault 0", 1)


def test_a_rule_that_cannot_be_computed_is_asked_once_for_all_partitions(world: World) -> None:
    """It would fail for each of them: they are not tried in halves, and the remedy is to mend the rule."""
    document = promise("shop", "orders_raw", {"id": "integer", "month": "string"}, partitions="2013-01")
    rule = {"name": "odd", "type": "sql", "query": "SELECT max(no_such) FROM ${table}", "mustBe": 0}
    document["schema"][0]["quality"].append(
        rule | {"dimension": "accuracy", "description": "Cannot be asked."}
    )
    world.write("shop", document, sources='orders_raw = source("orders-{month}.csv")\n')
    for number, month in enumerate(MONTHS):
        world.land("shop", f"orders-{month}.csv", f"id,month\n{number},{month}\n")
    report = run(mesh=world.mesh())
    assert not report.ok
    [step] = report.steps
    assert "mend the rule odd in contracts/orders_raw.odcs.yaml" in step.message
    assert len(names_in(get_settings().docs / "shop/orders_raw")) == 1
