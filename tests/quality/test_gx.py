"""Great Expectations: findings in the order of the rules, and Data Docs that show no classified value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from quality import gx
from quality.contract import Contract
from quality.dataset import audit_dataset
from quality.gx import Expectation, Session
from quality.rules import DataRule, rules_of
from tests.quality.flight_audit import NAME, frame


def test_classified_values_are_in_no_result_and_on_no_page(flights: Contract, tmp_path: Path) -> None:
    """A mean of internal delays and a count over them are checked, not shown; no restricted name is written."""
    rows = frame([1, 2], [3777.0, 3777.0], cancelled=True)
    unique = DataRule("names", "unique", ("passenger",), "dataset")
    likely = {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "passenger", "value_set": ["x"]},
    }
    known = DataRule("known", "expectation", ("passenger",), "dataset", likely)
    audited = audit_dataset((*rules_of(flights), unique, known), rows, name=NAME, docs=tmp_path)
    assert {r.rule for r in audited.results if not r.passed} == {
        "cancelled_have_no_delay",
        "delay_mean",
        "known",
    }
    written = "".join(
        f.read_text(errors="ignore") for f in tmp_path.rglob("*") if f.suffix in (".html", ".json")
    )
    assert "delay_mean" in written or "mean delay" in written
    for secret in ("3777", "Name 1"):
        assert secret not in written
        assert secret not in str(audited.results)


def test_data_docs_are_a_site_with_a_page_for_every_run(flights: Contract, tmp_path: Path) -> None:
    """The page that is linked from an asset stays, and the index leads to it."""
    pages = [audit_dataset(rules_of(flights), frame([1, 2]), name=NAME, docs=tmp_path).page for _ in range(2)]
    assert all(page is not None and page.is_file() for page in pages)
    assert pages[0] != pages[1]
    index = (tmp_path / "site" / "index.html").read_text()
    assert all(page is not None and page.parent.name in index for page in pages)


def test_expectations_ask_the_same_whatever_the_order_of_their_arguments() -> None:
    """And others where type or argument differ."""
    one = Expectation("expect_x", {"a": 1, "b": [2]})
    assert one.question == Expectation("expect_x", {"b": [2], "a": 1}).question
    others = [
        Expectation("expect_y", {"a": 1, "b": [2]}),
        Expectation("expect_x", {"a": "1", "b": [2]}),
        Expectation("expect_x", {"a": 1}),
    ]
    assert one.question not in {other.question for other in others}


@pytest.fixture
def session() -> Iterator[Session]:
    """A session without Data Docs, over a table with a column that is named by a word of DuckDB's own SQL."""
    with closing(Session(None)) as session:
        session.connection.execute(
            "CREATE TABLE t AS SELECT i AS \"qualify\", 'x' AS name FROM range(4) r(i)"
        )
        yield session


def rule(name: str, *, public: bool = True) -> DataRule:
    """A rule over the column ``qualify``."""
    return DataRule(name, "expectation", ("qualify",), "dataset", public=public)


FEW = {"column": "qualify", "max_value": 1}
BETWEEN = "expect_column_values_to_be_between"


def test_findings_come_in_the_order_of_the_rules(session: Session) -> None:
    """Rules that ask the same share an answer; one that is refused is an error, and the others are judged."""
    expectations = [
        Expectation(BETWEEN, FEW),
        Expectation(BETWEEN, {"column": "qualify", "minimum": 1}),
        Expectation(BETWEEN, {**FEW, "max_value": 3}),
        Expectation(BETWEEN, dict(FEW)),
    ]
    rules = [rule(name) for name in ("d", "c", "b", "a")]
    found = session.validate("shop.t", "t", rules, expectations)
    assert [finding.success for finding in found] == [False, False, True, False]
    assert found[0] == found[3]
    assert (found[0].unexpected, found[0].samples) == (2, (2, 3))
    assert found[1].error.startswith("Great Expectations refuses its arguments: ")


def test_a_classified_rule_shows_no_value_and_no_words_of_the_engine(session: Session) -> None:
    """Neither samples nor an error that may quote one."""
    expectations = [Expectation(BETWEEN, FEW), Expectation(BETWEEN, {"column": "name", "max_value": 7})]
    shown, failed = session.validate(
        "shop.t", "t", [rule("a", public=False), rule("b", public=False)], expectations
    )
    assert (shown.unexpected, shown.samples) == (2, ())
    assert failed.error == "its query or arguments fail (details hidden)"
    assert session.page() is None


def test_pages_of_the_newest_runs_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of any name: Great Expectations takes a dollar for a variable."""
    monkeypatch.setattr(gx, "KEPT_RUNS", 2)
    docs, pages = tmp_path / "$HOME is größer #1", list[Path]()
    for _ in range(3):
        with closing(Session(docs)) as session:
            assert session.page() is None
            session.connection.execute("CREATE TABLE t AS SELECT 1 AS x")
            expectation = Expectation("expect_column_values_to_not_be_null", {"column": "x"})
            session.validate("shop.t", "t", [rule("known")], [expectation])
            session.publish()
            page = session.page()
            assert page is not None
            pages.append(page)
    assert len(set(pages)) == 3
    assert all(page.is_relative_to(docs / "site") for page in pages)
    assert [page.is_file() for page in pages] == [False, True, True]
    assert len(list((docs / "results").rglob("*.json"))) == 2
