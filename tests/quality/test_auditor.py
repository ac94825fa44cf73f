"""Dataset rules judged by another process: the same word, and nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.errors import AuditorLost, RuleTooCostly
from quality.auditor import Auditor
from quality.contract import Contract
from quality.dataset import DatasetAudit, DatasetVerdict, audit_dataset
from quality.rules import DataRule, dataset_rules, rules_of
from tests.quality.children import child_of, ends, number_of

NAME = "aviation.flights"
ROWS = pl.DataFrame(
    {
        "carrier": ["UA"] * 6,
        "flight": pl.Series([1, 1, 2, 3, 3, 3], dtype=pl.Int32),
        "scheduled_at": [datetime(2013, 1, 1, tzinfo=UTC)] * 6,
        "delay": [3777.0] * 6,
        "cancelled": [True] * 6,
        "passenger": ["Name"] * 6,
    }
)
MISTAKEN = {"type": "expect_column_max_to_be_between", "kwargs": {"column": "flight", "minimum": 3}}


@pytest.fixture
def elsewhere() -> Iterator[Auditor]:
    """An auditor with one child for all that it is asked."""
    auditor = Auditor()
    auditor.start()
    yield auditor
    auditor.stop()


def judged(auditor: Auditor, rules: tuple[DataRule, ...], docs: Path) -> DatasetVerdict:
    """Its verdict on the rows, which come in two batches."""
    with DatasetAudit(rules, ROWS.schema, auditor.validation(NAME, docs=docs)) as audit:
        audit.add(ROWS.head(2))
        audit.add(ROWS.slice(2))
        verdict = audit.judge(ROWS.lazy)
        audit.publish()
        return verdict


def test_its_verdict_is_that_of_this_process(flights: Contract, elsewhere: Auditor, tmp_path: Path) -> None:
    """Every result is the same, of one candidate after another; its page is there when it has ended."""
    rules = (
        *dataset_rules(rules_of(flights)),
        DataRule("mistaken", "expectation", ("flight",), "dataset", MISTAKEN),
    )
    here = audit_dataset(rules, ROWS.lazy(), name=NAME)
    assert sum(not result.passed for result in here.results) >= 4
    verdicts = [judged(elsewhere, rules, tmp_path) for _ in range(2)]
    assert verdicts[0].results == verdicts[1].results == here.results
    assert child_of(elsewhere).lives
    elsewhere.stop()
    pages = {verdict.page for verdict in verdicts}
    assert len(pages) == 2
    assert all(page is not None and page.is_file() for page in pages)


def test_without_shared_memory_it_says_the_same(
    flights: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows go through the child's connection on a system that has no anonymous files."""
    monkeypatch.delattr(os, "memfd_create")
    rules = dataset_rules(rules_of(flights))
    assert judged(Auditor(), rules, tmp_path).results == audit_dataset(rules, ROWS.lazy(), name=NAME).results


@pytest.mark.parametrize("shared", [True, False], ids=["shared child", "own child"])
def test_what_fails_there_is_raised_here(
    flights: Contract, elsewhere: Auditor, tmp_path: Path, shared: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    """With its type and words, and once; the next candidate is judged as if nothing had been."""
    auditor, rules = elsewhere if shared else Auditor(), dataset_rules(rules_of(flights))
    with DatasetAudit(rules, ROWS.schema, auditor.validation(NAME, memory_limit="some")) as audit:
        audit.add(ROWS)
        with pytest.raises(Exception, match=r"(?i)memory must"):
            audit.judge(ROWS.lazy)
    assert len(judged(auditor, rules, tmp_path).results) == len(rules)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("shared", [True, False], ids=["shared child", "own child"])
def test_a_page_that_cannot_be_written_is_reported_and_refuses_nothing(
    flights: Contract,
    tmp_path: Path,
    shared: bool,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The rules have been judged by then."""
    auditor = Auditor()
    if shared:
        auditor.start()
    rules = dataset_rules(rules_of(flights))
    (tmp_path / "site").write_text("in the way")
    assert len(judged(auditor, rules, tmp_path).results) == len(rules)
    auditor.stop()
    assert "NotADirectoryError" in capfd.readouterr().err


def test_one_that_was_killed_is_an_error_and_then_forgotten(
    flights: Contract, elsewhere: Auditor, tmp_path: Path
) -> None:
    """The candidate it had is refused with a remedy; the next is judged by another child."""
    rules = dataset_rules(rules_of(flights))
    with DatasetAudit(rules, ROWS.schema, elsewhere.validation(NAME)) as audit:
        audit.add(ROWS)
        killed = child_of(elsewhere)
        os.kill(number_of(killed), signal.SIGKILL)
        with pytest.raises(AuditorLost, match=f"(?s){NAME}: .*run it again"):
            audit.judge(ROWS.lazy)
    assert len(judged(elsewhere, rules, tmp_path).results) == len(rules)
    assert child_of(elsewhere) is not killed


ENDLESS = "SELECT count(*) FROM range(100000000) a, range(100000000) b"
HUNGRY = "SELECT length(list(repeat('x', 1000) || i::VARCHAR)::VARCHAR) FROM range(3000000) t(i)"


def sql(query: str) -> DataRule:
    """A rule of a contract's own SQL."""
    return DataRule(
        "asked",
        "sql",
        ("flight",),
        "dataset",
        {"query": query, "operator": "mustBe", "operand": 6},
        public=True,
    )


@pytest.mark.parametrize("shared", [True, False], ids=["shared child", "own child"])
def test_a_query_that_never_ends_is_ended(
    flights: Contract, elsewhere: Auditor, tmp_path: Path, shared: bool
) -> None:
    """With product, rule and remedy; its process is gone, it left nothing on disk, and the next candidate is judged."""
    auditor = elsewhere if shared else Auditor()
    spill, began = tmp_path / "spill", time.monotonic()
    validation = auditor.validation(NAME, seconds=0.5, temp_directory=spill)
    with DatasetAudit([sql(ENDLESS)], ROWS.schema, validation) as audit:
        audit.add(ROWS)
        with pytest.raises(RuleTooCostly, match=f"(?s){NAME}, rule asked: .*0.5 s.*MESH_RULE_SECONDS"):
            audit.judge(ROWS.lazy)
    assert time.monotonic() - began < 10
    assert list(spill.iterdir()) == []
    rules = dataset_rules(rules_of(flights))
    assert len(judged(auditor, rules, tmp_path).results) == len(rules)


@pytest.mark.parametrize("query", [HUNGRY, HUNGRY.replace("list(", "string_agg(")])
def test_a_query_that_takes_too_much_memory_is_ended(
    flights: Contract, elsewhere: Auditor, tmp_path: Path, query: str
) -> None:
    """By DuckDB's limit, or by that of its process, for DuckDB does not count all that it takes."""
    validation = elsewhere.validation(NAME, memory_limit="300MB")
    with DatasetAudit([sql(query)], ROWS.schema, validation) as audit:
        audit.add(ROWS)
        with pytest.raises(RuleTooCostly, match=f"(?s){NAME}, rule asked: .*300MB.*MESH_MEMORY_LIMIT"):
            audit.judge(ROWS.lazy)
    rules = dataset_rules(rules_of(flights))
    assert len(judged(elsewhere, rules, tmp_path).results) == len(rules)


def test_ctrl_c_ends_a_query_at_once(elsewhere: Auditor) -> None:
    """The one who waits is interrupted, and nobody waits for the query."""
    interrupt = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    number, began = 0, 0.0

    def interrupted() -> None:
        nonlocal number, began
        with elsewhere.beside():
            validation = elsewhere.validation(NAME)
            with DatasetAudit([sql(ENDLESS)], ROWS.schema, validation) as audit:
                audit.add(ROWS)
                number, began = number_of(child_of(elsewhere)), time.monotonic()
                interrupt.start()
                audit.judge(ROWS.lazy)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert 1 < time.monotonic() - began < 4
    assert ends(number)
    assert elsewhere.child is None


def test_an_exception_in_the_block_kills_the_child() -> None:
    """A query that runs then is not waited for."""
    auditor = Auditor()

    def fail() -> None:
        with auditor.beside():
            validation = auditor.validation(NAME)
            validation.begin(ROWS)
            validation.page()
            asked = ("judge", [sql(ENDLESS)], 6, [])
            validation._submit(*asked)  # type: ignore[attr-defined]
            raise LookupError

    began = time.monotonic()
    with pytest.raises(LookupError):
        fail()
    assert time.monotonic() - began < 10
    assert auditor.child is None
