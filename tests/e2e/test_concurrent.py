"""Two runs at once, each in a process of its own: both are there in order, or one is refused cleanly."""

from __future__ import annotations

from tests.e2e.forked_runs import ForkServer
from tests.e2e.small_home import CORRECTED, DEPARTURES, FEBRUARY, RAW, SmallHome


def test_two_publishes_of_one_product_leave_one_version_of_it(
    corrected: SmallHome, fork_server: ForkServer
) -> None:
    """Both have staged the same correction and meet at the commit: one publishes, the other finds it published."""
    both = [fork_server.start(corrected.folder, [DEPARTURES], (DEPARTURES, "committing")) for _ in range(2)]
    for child in both:
        child.wait("reached")
    fork_server.go(corrected.folder)
    reports = [child.report()[DEPARTURES] for child in both]
    for status, message in reports:
        assert status in ("done", "up to date") or "other writers published first" in message, reports
    assert any(status == "done" for status, _ in reports)
    rows = corrected.rows(DEPARTURES)
    assert rows.height == 799
    assert rows["tailnum"].to_list().count(CORRECTED) == 1
    assert corrected.content()
    assert corrected.orphans() == []
    history = [p.data_version for p in corrected.lake.history(DEPARTURES)]
    assert len(set(history)) == 2
    assert {step.status for step in corrected.run(DEPARTURES).values()} == {"up to date"}


def test_two_months_at_once_both_land(corrected: SmallHome, fork_server: ForkServer, february: bytes) -> None:
    """One process replaces January, the other adds February; each keeps what the other did."""
    corrected.land(FEBRUARY, february)
    assert corrected.run(RAW)[RAW].status == "done"
    january, new = (
        fork_server.start(corrected.folder, [DEPARTURES], (DEPARTURES, "committing"), partition=month)
        for month in ("2013-01", "2013-02")
    )
    for child in (january, new):
        child.wait("reached")
    fork_server.go(corrected.folder)
    assert [child.report()[DEPARTURES][0] for child in (january, new)] == ["done", "done"]
    rows = corrected.rows(DEPARTURES)
    assert dict(rows["month"].value_counts().iter_rows()) == {"2013-01": 799, "2013-02": 800}
    assert rows["tailnum"].to_list().count(CORRECTED) == 1
    assert corrected.content()
    assert corrected.orphans() == []
    assert len(corrected.lake.history(DEPARTURES)) == 3
    assert {step.status for step in corrected.run(DEPARTURES).values()} == {"up to date"}
