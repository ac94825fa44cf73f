"""One outcome says whether a candidate may be published, and why not."""

from __future__ import annotations

from quality.contract import Contract
from quality.outcome import Outcome, RuleResult, Tally, result_of
from quality.rows import RowSplit
from quality.rules import Allowance, DataRule

ROW = DataRule(
    "delay_maximum", "maximum", ("delay",), "row", allowance=Allowance(0.1), quarantines=True, public=True
)
WHOLE = DataRule("key_unique", "unique", ("id",), "dataset", public=True)


def outcome(*results: RuleResult, rows: int = 100, quarantined: int = 0, tolerance: float = 0.1) -> Outcome:
    """An outcome over a hundred rows."""
    return Outcome("aviation.flights", "1.0.0", rows, quarantined, tolerance, results)


def test_a_rule_within_its_allowance_passes() -> None:
    """Ten of a hundred at ten percent."""
    found = outcome(result_of(ROW, 100, 10), quarantined=10)
    assert (found.verdict, found.accepted, found.reasons) == ("passed", 90, ())


def test_a_rule_over_its_allowance_refuses() -> None:
    """One more, and the reason counts them."""
    found = outcome(result_of(ROW, 100, 11), quarantined=10)
    assert found.verdict == "refused"
    assert "delay_maximum: 11 of 100 rows (11.00%)" in found.reasons[0]


def test_rules_that_pass_alone_may_quarantine_too_much_together() -> None:
    """The contract's tolerance binds the sum."""
    found = outcome(result_of(ROW, 100, 6), quarantined=12)
    assert found.verdict == "refused"
    assert "tolerates 10.00%" in found.reasons[0]


def test_a_dataset_rule_refuses_and_a_warning_never_does() -> None:
    """Severity decides."""
    assert outcome(result_of(WHOLE, 100, 2)).verdict == "refused"
    warned = outcome(result_of(DataRule("w", "unique", ("id",), "dataset", severity="warning"), 100, 2))
    assert warned.verdict == "passed"
    assert [r.rule for r in warned.warnings] == ["w"]


def test_no_rows_are_no_broken_rows() -> None:
    """An empty candidate is judged without a division by zero."""
    assert outcome(result_of(ROW, 0, 0), rows=0).verdict == "passed"


def test_json_keeps_everything() -> None:
    """The publish record is read back as it was."""
    found = outcome(result_of(ROW, 100, 11, ["4000.0"]), result_of(WHOLE, 100, 0), quarantined=11)
    assert Outcome.from_json(found.to_json()) == found


def test_samples_of_classified_columns_are_dropped_even_if_given() -> None:
    """The last step before values reach a screen."""
    hidden = DataRule("r", "maximum", ("pay",), "row", public=False)
    assert result_of(hidden, 10, 1, ["1000"]).samples == ()


def test_the_table_for_people_shows_the_broken_first() -> None:
    """And a pipe in a value does not break it."""
    table = outcome(result_of(WHOLE, 100, 0), result_of(ROW, 100, 11, ["a|b"])).to_markdown()
    assert table.index("delay_maximum |") < table.index("key_unique |")
    assert "a\\|b" in table


def test_a_tally_adds_up_batches(flights: Contract) -> None:
    """Counts add, samples are kept once and are few."""
    import polars as pl

    tally = Tally([ROW, WHOLE])
    frame = pl.DataFrame({"x": [1, 2]})
    for _ in range(3):
        tally.add(RowSplit(frame, frame.head(1), {"delay_maximum": 1}, {"delay_maximum": ("9", "8", "7")}))
    (result,) = tally.results()
    assert (tally.rows, tally.quarantined, result.failed, result.checked) == (9, 3, 3, 9)
    assert result.samples == ("9", "8", "7")
