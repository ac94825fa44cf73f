"""Bounds, and the reasons for training anew."""

from __future__ import annotations

from mesh_pipelines.declaring.watch import Watch
from mesh_pipelines.monitoring.policy import drift_reason
from tests.mesh_pipelines.monitoring.made_findings import column, facts, live


def test_within_bounds_there_is_no_reason() -> None:
    """Nor where nobody has looked, where rows are few, or where a column is not watched."""
    watch = Watch(ignore=("season",), max_ks=0.2)
    assert drift_reason(watch, None) is None
    assert drift_reason(watch, facts()) is None
    still = facts(column("wind", 0.25, 0.2), column("few", 9.0, 1.0, 999), column("season", 9.0, 1.0))
    assert drift_reason(watch, still) is None
    assert drift_reason(watch, facts(column("port", None, None), since=(live(0.05), live(0.5, 999)))) is None


def test_each_bound_gives_its_reason() -> None:
    """The worst come first, three are named, the others are counted."""
    watch = Watch(max_ks=0.2)
    assert drift_reason(watch, facts(column("wind", 0.3))) == "inputs drifted: wind (PSI 0.30 > 0.25)"
    assert drift_reason(watch, facts(column("wind", 0.1, 0.3))) == "inputs drifted: wind (KS 0.30 > 0.2)"
    assert drift_reason(Watch(), facts(column("wind", 0.1, 0.3))) is None
    many = facts(*(column(f"c{index}", 1.0 + index) for index in range(5)))
    assert str(drift_reason(watch, many)).startswith("inputs drifted: c4 (PSI 5.00 > 0.25), c3 ")
    assert str(drift_reason(watch, many)).endswith(" and 2 more")
    said = drift_reason(watch, facts(scores=column("prediction", 0.4)))
    assert said == "predictions drifted: prediction (PSI 0.40 > 0.25)"
    worse = drift_reason(watch, facts(column("wind", 0.3), since=(live(0.1), live(0.2, value="EWR"))))
    assert worse == (
        "inputs drifted: wind (PSI 0.30 > 0.25); "
        "worse than it was: auc 0.500 in 2013-10 for port EWR, 0.700 on its holdout, "
        "auc 0.600 in 2013-10, 0.700 on its holdout"
    )


def test_facts_about_another_champion_say_nothing() -> None:
    """After a model was trained anew, what was found about the one before is no reason to train again."""
    found = facts(column("wind", 9.0))
    assert drift_reason(Watch(), found, champion="delay@3")
    assert drift_reason(Watch(), found, champion="delay@4") is None
    assert found.finding == "delay@3/abc"
