"""Answers as plain data, as programs are given them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mesh_pipelines.errors import TrackingUnavailable, Violation
from mesh_pipelines.planning.lag import Lag
from mesh_pipelines.reporting.reports import (
    Card,
    MeshState,
    ModelState,
    ModelVersionState,
    ProductState,
    ReportTable,
    Section,
    timestamp,
)


def test_an_empty_mesh_is_two_empty_lists() -> None:
    """Without trouble or refusals there is no word of them."""
    assert MeshState().to_json() == {"products": [], "models": []}


def test_what_was_never_made_has_nothing_but_its_key() -> None:
    """No version, no time: null, and not a zero that looks like one."""
    product = ProductState("shop.orders").to_json()
    assert (product["key"], product["version"], product["published_at"]) == ("shop.orders", None, None)
    assert product["lag"] == Lag().to_json()
    model = ModelState("shop.fraud").to_json()
    assert (model["champion"], model["challenger"]) == (None, None)


def test_a_mesh_of_which_parts_are_refused_says_which() -> None:
    """Each violation with its fix, and the registry that did not answer with the remedy; all of it is JSON."""
    broken = Violation("ContractIsValid", "domains/shop/contracts/a.odcs.yaml", "no name", "write one")
    state = MeshState(
        products=(ProductState("shop.orders", 3, published_at=datetime(2026, 1, 1, tzinfo=UTC)),),
        trouble=TrackingUnavailable("does not answer", where="MESH_TRACKING_URI", remedy="start it"),
        refused={"shop": (broken,), "store.sales": ()},
    )
    document = json.loads(json.dumps(state.to_json()))
    assert document["trouble"] == {
        "what": "does not answer", "where": "MESH_TRACKING_URI", "remedy": "start it",
    }  # fmt: skip
    assert document["refused"] == {
        "shop": [
            {"rule": broken.rule, "where": broken.where, "problem": broken.problem, "fix": broken.fix},
        ],
        "store.sales": [],
    }  # fmt: skip


def test_a_model_is_shown_by_its_champion_and_its_challenger() -> None:
    """Metrics and inputs by name; bytes and reasons are for people, on the card."""
    first = ModelVersionState(1, {"auc": 0.7}, {"auc": 0.6}, None, {"shop.features": 9}, "passed", "ab")
    document = ModelState("shop.fraud", first, ModelVersionState(2)).to_json()
    assert document["champion"] == {
        "version": 1, "metrics": {"auc": 0.7}, "trained_at": None, "inputs": {"shop.features": 9},
    }  # fmt: skip
    assert document["challenger"]["version"] == 2


def test_a_card_is_sections_and_tables_by_heading() -> None:
    """Each row by the names of its columns."""
    card = Card(
        "shop.orders",
        "product",
        sections=[Section("Owner", [("team", "a team"), ("contact", "a@b")]), Section("Published", [])],
        tables=[
            ReportTable("Columns", ("column", "type"), [("id", "integer"), ("id", "string")]),
            ReportTable("Read by", ("asset", "purpose"), []),
        ],
    )
    document = card.to_json()
    assert document["sections"] == {"Owner": {"team": "a team", "contact": "a@b"}, "Published": {}}
    assert document["tables"] == {
        "Columns": [{"column": "id", "type": "integer"}, {"column": "id", "type": "string"}],
        "Read by": [],
    }


def test_facts_of_one_label_are_a_line_each() -> None:
    """An asset may be out of date for several reasons; a program is given all of them, as a person is."""
    facts = [
        ("out of date", "orders.csv landed"),
        ("late", "by a day"),
        ("out of date", "its code has changed"),
    ]
    card = Card("shop.orders", "product", sections=[Section("Now", facts), Section("Last", [])])
    assert card.to_json()["sections"] == {
        "Now": {"out of date": "orders.csv landed\nits code has changed", "late": "by a day"},
        "Last": {},
    }


def test_a_row_with_another_number_of_cells_is_an_error() -> None:
    """It is not cut in silence."""
    ragged = Card("a.b", "product", tables=[ReportTable("Columns", ("column", "type"), [("id",)])])
    with pytest.raises(ValueError, match="shorter"):
        ragged.to_json()


def test_moments_are_shown_in_utc_to_the_second() -> None:
    """Whatever time zone they come in."""
    noon = datetime(2026, 1, 1, 12, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=-5)))
    assert timestamp(noon) == "2026-01-01T17:00:00+00:00"
    assert timestamp(None) is None
