"""Findings about a model in use: plain data, the same after JSON."""

from __future__ import annotations

import json
import math

import pytest

from mesh_pipelines.monitoring.findings import Watched
from tests.mesh_pipelines.monitoring.made_findings import column, facts, live


def test_facts_survive_json() -> None:
    """What a check wrote is what a policy reads."""
    full = facts(column("wind", 0.1), column("port", None, None), scores=column("p", 0.2), since=(live(0.1),))
    assert Watched.from_dict(full.to_dict()) == full
    assert Watched.from_dict(facts().to_dict()) == facts()


def test_findings_are_plain_json() -> None:
    """No tuples and no numbers that JSON does not know: what is not finite is refused, not written."""
    content = facts(column("wind", 0.1), since=(live(0.1),)).to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["inputs"][0]["column"] == "wind"
    with pytest.raises(ValueError, match="JSON"):
        facts(column("wind", math.nan)).to_dict()


def test_a_finding_is_of_one_version_on_one_content() -> None:
    """A policy acts on it once: another version, or other features, make another finding."""
    found = Watched("delay@3", "a" * 64)
    assert found.finding == f"delay@3/{'a' * 16}"
    names = {found.finding, Watched("delay@4", "a" * 64).finding, Watched("delay@3", "b" * 64).finding}
    assert len(names) == 3
    assert Watched("delay@3", "a" * 64, ("2013-10",)).finding == found.finding


def test_a_slice_is_named_in_words() -> None:
    """Of all rows there is no name."""
    assert live(0.1).where == ""
    assert live(0.1, value="EWR").where == "port EWR"
