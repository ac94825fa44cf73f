"""What a running step asks of its run: partitions, whether to make it at all costs; and errors of the domain's code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import IF_STALE, PARTITIONS
from mesh_pipelines.declaring.node import ProductNode
from mesh_pipelines.errors import NotPublished, TransformError
from mesh_pipelines.steps.context import domain_call, only_if_stale, wanted_partitions
from tests.mesh_pipelines.small_domains import promise, read_promise

ROWS = {"id": "integer", "month": "string"}
FIRST, LAST, ONE = (
    f"dagster/{name}" for name in ("asset_partition_range_start", "asset_partition_range_end", "partition")
)


def asked(node: ProductNode, instance: dg.DagsterInstance, tags: dict[str, str]) -> tuple[Any, bool]:
    """What a step of a run with these tags is asked for."""
    found: list[tuple[Any, bool]] = []
    months = dg.MonthlyPartitionsDefinition("2013-01", end_date="2013-06", fmt="%Y-%m")

    @dg.asset(
        partitions_def=months if any("partition" in name for name in tags) else None,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def orders(context) -> None:
        found.append((wanted_partitions(context, node), only_if_stale(context)))

    assert dg.materialize([orders], instance=instance, tags=tags).success
    return found[0]


@pytest.mark.parametrize(
    ("tags", "partitions"),
    [
        ({ONE: "2013-02"}, ("2013-02",)),
        ({FIRST: "2013-01", LAST: "2013-03"}, ("2013-01", "2013-02", "2013-03")),
        (
            {FIRST: "2013-01", LAST: "2013-05", PARTITIONS: "2013-01,2013-04..2013-05"},
            ("2013-01", "2013-04", "2013-05"),
        ),
    ],
    ids=["one", "range", "gap"],
)
def test_a_step_makes_the_partitions_that_its_run_asks_for(
    tmp_path: Path, instance: dg.DagsterInstance, tags: dict[str, str], partitions: tuple[str, ...]
) -> None:
    """Of a range with gaps only those that are named."""
    contract = read_promise(tmp_path, promise("shop", "orders", ROWS, partitions="2013-01"))
    assert asked(ProductNode("shop", "orders", contract=contract), instance, tags) == (partitions, False)


@pytest.mark.parametrize(
    ("tags", "stale"), [({}, False), ({IF_STALE: "true"}, True), ({IF_STALE: "no"}, False)]
)
def test_without_partitions_a_step_makes_all(
    instance: dg.DagsterInstance, tags: dict[str, str], stale: bool
) -> None:
    """And leaves it as it is only where its run says so."""
    assert asked(ProductNode("shop", "orders"), instance, tags) == (None, stale)


@pytest.mark.parametrize(
    "error", [ValueError("hunter2"), SystemExit("hunter2"), ExceptionGroup("hunter2", [KeyError()])]
)
def test_an_error_of_the_domains_function_names_the_asset_and_the_remedy(error: BaseException) -> None:
    """Its kind is named; its message, which may hold a value, is a quote."""
    with pytest.raises(TransformError) as raised, domain_call(ProductNode("shop", "orders")):
        raise error
    assert raised.value.where == "shop.orders"
    assert raised.value.what == f"its function failed: {type(error).__name__}"
    assert "hunter2" in raised.value.quoted
    assert "hunter2" not in str(raised.value.without_quote())
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [NotPublished("no version"), KeyboardInterrupt()])
def test_errors_of_the_mesh_and_interruptions_stay_what_they_are(error: BaseException) -> None:
    """A run is cancelled by an interruption."""
    with pytest.raises(type(error)) as raised, domain_call(ProductNode("shop", "orders")):
        raise error
    assert raised.value is error


@pytest.mark.parametrize(("classification", "shown"), [("public", True), ("restricted", False)])
def test_what_a_function_prints_is_kept_out_of_the_log_where_it_may_be_a_value(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], classification: str, shown: bool
) -> None:
    """Only where nothing that it makes or reads is classified may it print."""
    columns = {"id": {"logicalType": "integer", "classification": classification}}
    contract = read_promise(tmp_path, promise("shop", "orders", columns))
    with domain_call(ProductNode("shop", "orders", contract=contract)):
        print("hunter2", flush=True)  # noqa: T201
    assert ("hunter2" in capfd.readouterr().out) is shown
    print("afterwards")  # noqa: T201
    assert "afterwards" in capfd.readouterr().out
