"""Write, audit, publish, on a real lake: all of a candidate or nothing, with a record of what it was made by."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mesh_pipelines.errors import AuditRefused, LandingError, SourceUnavailable
from mesh_pipelines.publishing.audit_report import AuditReport, names_in, read_report
from mesh_pipelines.publishing.candidate import Candidate
from mesh_pipelines.publishing.publish import publish
from mesh_pipelines.publishing.record import PublishRecord, Scoring
from quality.outcome import Outcome
from tests.mesh_pipelines.publishing.offered import BAD, GOOD, Shop


def test_sound_rows_are_published_with_a_record(shop: Shop) -> None:
    """Every row, in the contract's columns and types; the record says what they were made by and held against."""
    done = shop.publish(GOOD, scoring=Scoring(3, ("delay@3",)))
    assert shop.rows().rows() == list(zip(*GOOD.values(), strict=True))
    assert (done.rows, done.version, done.unchanged) == (3, 0, False)
    assert done.outcome is not None
    assert done.outcome.verdict == "passed"
    record = shop.shared.lake.record(shop.node.key)
    assert record.data_version == done.data_version
    made = PublishRecord.of(record)
    assert (made.contract_version, made.code_version) == ("1.0.0", shop.node.version_of_code)
    assert (made.run_id, made.scoring) == ("run", Scoring(3, ("delay@3",)))
    assert made.audit is not None
    assert made.audit.rows == 3
    assert {count.rule for count in made.audit.rules} >= {
        "columns_conform",
        "within_tolerance",
        "has_rows",
    }
    assert not shop.shared.lake.exists(shop.quarantine)
    assert set(done.seconds) == {"read", "audit", "write", "commit"}


def test_beyond_the_tolerance_nothing_is_published(shop: Shop) -> None:
    """The candidate is refused whole, its audit comes with the error, and the last good version stays readable."""
    before = shop.publish(GOOD)
    with pytest.raises(AuditRefused) as raised:
        shop.publish({**BAD, "amount": [-1.0, -2.0, 3.0]})
    assert isinstance(raised.value.outcome, Outcome)
    assert raised.value.outcome.quarantined == 2
    assert "66.67%" in raised.value.what
    assert "the last good version stays readable" in raised.value.remedy
    assert shop.rows().rows() == list(zip(*GOOD.values(), strict=True))
    assert shop.shared.lake.version(shop.node.key) == before.version
    assert not shop.shared.lake.exists(shop.quarantine)


def test_a_refusal_leaves_no_files_behind(shop: Shop) -> None:
    """What was staged for a candidate that was refused is gone again."""
    shop.publish(GOOD)
    root = Path(shop.shared.lake.root(shop.node.key))
    before = sorted(path.name for path in root.rglob("*") if path.is_file())
    with pytest.raises(AuditRefused):
        shop.publish({**BAD, "amount": [-1.0, -2.0, 3.0]})
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == before


@pytest.mark.parametrize(
    ("rows", "words", "recorded"),
    [
        ({k: v for k, v in GOOD.items() if k != "city"}, "city", "`city`"),
        # A name that its function made may be a value, and its contract has classified columns.
        ({**GOOD, "mood": ["good"] * 3}, "mood", "1 column is not in the contract"),
        ({**GOOD, "id": [1.5, 2.5, 3.5]}, "id", "`id`"),
    ],
    ids=["missing", "extra", "retyped"],
)
def test_other_columns_than_promised_are_refused(
    shop: Shop, rows: dict[str, Any], words: str, recorded: str
) -> None:
    """A missing, extra or retyped column refuses the candidate, whatever the tolerance; the contract's are named."""
    shop.publish(GOOD)
    with pytest.raises(AuditRefused, match=words) as raised:
        shop.publish(rows)
    assert shop.rows().height == 3
    outcome = raised.value.outcome
    assert isinstance(outcome, Outcome)
    [check] = outcome.results
    assert (check.rule, check.passed) == ("columns_conform", False)
    assert recorded in check.detail
    assert "mood" not in check.detail


def test_no_rows_at_all_are_refused(shop: Shop) -> None:
    """An empty candidate breaks the promise that there are rows; what was published stays."""
    shop.publish(GOOD)
    with pytest.raises(AuditRefused, match="has_rows"):
        shop.publish(pl.LazyFrame(GOOD).filter(pl.lit(value=False)))
    assert shop.rows().height == 3


def test_the_same_content_again_makes_no_new_version(shop: Shop) -> None:
    """The data version is that of the content, not of the run: published again, it wakes nobody."""
    first = shop.publish(BAD)
    again = shop.publish(BAD)
    assert again.unchanged
    assert (again.version, again.data_version) == (first.version, first.data_version)
    assert len(shop.shared.lake.history(shop.node.key)) == 1
    assert len(shop.shared.lake.history(shop.quarantine)) == 1
    other = shop.publish(GOOD)
    assert other.data_version != first.data_version
    assert shop.publish(BAD).data_version == first.data_version


def test_the_same_content_by_other_code_is_remembered(shop: Shop) -> None:
    """Same rows by other code: the content keeps its version, and the record the code, so nothing is made twice."""
    first = shop.publish(GOOD)
    shop.node = changed(shop.node, code_version="other")
    again = shop.publish(GOOD)
    assert again.data_version == first.data_version
    made = PublishRecord.of(shop.shared.lake.record(shop.node.key))
    assert made.code_version == shop.node.version_of_code


def test_rows_that_the_reader_loses_or_adds_are_noticed(shop: Shop) -> None:
    """What was counted beforehand and what was read differ: nothing is published, nothing is left behind."""
    rows = {"id": [1, 2], "amount": [1.0, 2.0], "city": ["Rome", "Oslo"]}
    for records in (1, 3):
        with pytest.raises(LandingError, match=rf"2 rows were read of {records} records"):
            shop.publish(rows, records=records)
    assert not shop.shared.lake.exists(shop.node.key)
    assert shop.publish(rows, records=2).rows == 2


def test_rows_of_an_input_that_changed_while_it_was_read_are_not_published(shop: Shop) -> None:
    """It is asked when all rows were read and staged, so that nothing can change unseen between the two."""
    rows = {"id": [1, 2], "amount": [1.0, 2.0], "city": ["Rome", "Oslo"]}

    def verify() -> None:
        raise SourceUnavailable("a.csv changed", where="landing/shop", remedy="the next look reads it again")

    with pytest.raises(SourceUnavailable):
        shop.publish(rows, verify=verify)
    assert not shop.shared.lake.exists(shop.node.key)


def reports(shop: Shop) -> list[AuditReport]:
    """Reports of a product's audits in the data docs, the newest first."""
    folder = shop.shared.settings.docs / shop.node.key.replace(".", "/")
    found = [read_report(folder, name) for name in names_in(folder)]
    return [report for report in found if report is not None]


def pages(shop: Shop) -> list[str]:
    """Pages of Great Expectations about a product."""
    folder = shop.shared.settings.docs / shop.node.key.replace(".", "/")
    return [page.relative_to(folder).as_posix() for page in folder.glob("site/validations/**/audit.html")]


def test_the_data_docs_have_one_page_for_each_publish(shop: Shop) -> None:
    """With the version and the counts of all rules; also where its rows were audited twice, for keys that repeat."""
    rows = {"id": [1, 2, 1, 4], "amount": [1.0, -2.0, 3.0, 4.0], "city": ["Rome"] * 4}
    done = shop.publish(rows)
    [report] = reports(shop)
    assert pages(shop) == [report.page]
    assert (report.verdict, report.version, report.run_id) == ("published", done.version, "run")
    assert (report.rows, report.quarantined, report.contract_version) == (4, 2, "1.0.0")
    assert shop.node.contract is not None
    assert report.contract_id == shop.node.contract.id
    counts = {rule.rule: (rule.failed, rule.checked) for rule in report.rules}
    assert counts["amount_minimum"] == counts["key_unique"] == (1, 4)
    assert done.outcome is not None
    assert done.outcome.docs == f"{shop.node.key.replace('.', '/')}/audits/{report.name}"
    shop.publish(rows)
    assert [kept.unchanged for kept in reports(shop)] == [True, False]


@pytest.mark.odd_input("messages carry data", "leaked")
def test_the_data_docs_show_a_refusal_without_values(shop: Shop) -> None:
    """By row rules, whose rows Great Expectations never sees; nothing of a classified column is in it."""
    with pytest.raises(AuditRefused):
        shop.publish({**BAD, "amount": [-1.0, -2.0, 3.0], "city": ["Atlantis"] * 3}, remarks={})
    [report] = reports(shop)
    assert (report.verdict, report.version, report.quarantined) == ("refused", None, 2)
    assert "66.67%" in report.reasons[0]
    [broken] = [rule for rule in report.rules if rule.rule == "amount_minimum"]
    assert (broken.passed, broken.failed, broken.scope) == (False, 2, "row")
    with pytest.raises(AuditRefused):
        shop.publish({k: v for k, v in GOOD.items() if k != "city"})
    assert [rule.rule for rule in reports(shop)[0].rules] == ["columns_conform"]
    written = [file for file in shop.shared.settings.docs.rglob("*") if file.suffix in (".json", ".html")]
    assert not [file for file in written if "Atlantis" in file.read_text()]


def test_the_data_docs_show_an_audit_that_no_publish_followed(shop: Shop) -> None:
    """Its run was ended, or its input changed meanwhile."""

    def verify() -> None:
        raise SourceUnavailable("a.csv changed", where="landing/shop", remedy="the next look reads it again")

    with pytest.raises(SourceUnavailable):
        shop.publish(GOOD, verify=verify)
    [report] = reports(shop)
    assert (report.verdict, report.version) == ("not published", None)


def test_a_refusal_that_is_tried_again_in_parts_is_not_shown(shop: Shop) -> None:
    """The audits of the parts are."""
    candidate = Candidate(pl.LazyFrame({**BAD, "amount": [-1.0, -2.0, 3.0]}))
    with pytest.raises(AuditRefused):
        publish(shop.shared, shop.node, candidate, {}, "run", keep_refusal=False)
    assert (reports(shop), pages(shop)) == ([], [])


@pytest.mark.odd_input("after a kill, and odd homes", "lost")
def test_data_docs_that_cannot_be_written_hold_up_no_publish(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    """A full disk, say; it is said on the terminal."""
    folder = shop.shared.settings.docs / shop.node.key.replace(".", "/")
    folder.mkdir(parents=True)
    (folder / "audits").write_text("a file")
    assert shop.publish(GOOD).rows == 3
    assert "A page of the data docs was not written: " in capfd.readouterr().err
