"""Dataset rules judged by another process: the same word, and nothing of it stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.errors import AuditorLost
from quality.auditor import Auditor
from quality.contract import Contract
from quality.dataset import DatasetAudit, DatasetVerdict, audit_dataset
from quality.rules import Rule, dataset_rules, rules_of

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


def process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Auditor:
    """An auditor with a process, whatever this one has imported."""
    auditor = Auditor()
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "great_expectations", raising=False)
        auditor.start()
    return auditor


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Auditor]:
    """An auditor with a process of its own."""
    auditor = process_of_its_own(monkeypatch)
    yield auditor
    auditor.stop()


def judged(auditor: Auditor, rules: tuple[Rule, ...], docs: Path) -> DatasetVerdict:
    """What it says of the rows, which come in two batches."""
    with DatasetAudit(rules, ROWS.schema, auditor.validation(NAME, docs=docs)) as audit:
        audit.add(ROWS.head(2))
        audit.add(ROWS.slice(2))
        return audit.judge(ROWS.lazy)


def test_it_says_what_would_be_said_here(flights: Contract, elsewhere: Auditor, tmp_path: Path) -> None:
    """Every result is the same, of one candidate after another; its page is there when it has ended."""
    rules = (
        *dataset_rules(rules_of(flights)),
        Rule("mistaken", "expectation", ("flight",), "dataset", MISTAKEN),
    )
    here = audit_dataset(rules, ROWS.lazy(), name=NAME)
    assert sum(not result.passed for result in here.results) >= 4
    assert elsewhere.process is not None
    verdicts = [judged(elsewhere, rules, tmp_path) for _ in range(2)]
    assert verdicts[0].results == verdicts[1].results == here.results
    assert elsewhere.process.is_alive()
    elsewhere.stop()
    pages = {verdict.page for verdict in verdicts}
    assert len(pages) == 2
    assert all(page is not None and page.is_file() for page in pages)


@pytest.mark.parametrize("beside", ["process", "thread"])
def test_what_fails_there_is_raised_here(
    flights: Contract, elsewhere: Auditor, tmp_path: Path, beside: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """With its type and words, and once; the next candidate is judged as if nothing had been."""
    auditor, rules = elsewhere if beside == "process" else Auditor(), dataset_rules(rules_of(flights))
    with DatasetAudit(rules, ROWS.schema, auditor.validation(NAME, memory_limit="some")) as audit:
        audit.add(ROWS)
        with pytest.raises(Exception, match=r"(?i)memory must"):
            audit.judge(ROWS.lazy)
    assert len(judged(auditor, rules, tmp_path).results) == len(rules)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("beside", ["process", "thread"])
def test_a_page_that_cannot_be_written_is_told_and_refuses_nothing(
    flights: Contract,
    tmp_path: Path,
    beside: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rules have been judged by then."""
    auditor = process_of_its_own(monkeypatch) if beside == "process" else Auditor()
    rules = dataset_rules(rules_of(flights))
    (tmp_path / "site").write_text("in the way")
    assert len(judged(auditor, rules, tmp_path).results) == len(rules)
    auditor.stop()
    assert "NotADirectoryError" in capfd.readouterr().err


def test_one_that_was_killed_is_an_error_and_then_forgotten(
    flights: Contract, elsewhere: Auditor, tmp_path: Path
) -> None:
    """The candidate it had is refused with a remedy; the next is judged in this process."""
    rules = dataset_rules(rules_of(flights))
    with DatasetAudit(rules, ROWS.schema, elsewhere.validation(NAME)) as audit:
        audit.add(ROWS)
        assert elsewhere.process is not None
        elsewhere.process.kill()
        with pytest.raises(AuditorLost, match=f"(?s){NAME}: .*run it again"):
            audit.judge(ROWS.lazy)
    assert len(judged(elsewhere, rules, tmp_path).results) == len(rules)
    assert elsewhere.process is None


def test_unused_it_ends_at_once(elsewhere: Auditor) -> None:
    """Who had nothing to audit does not wait for imports."""
    process = elsewhere.process
    began = time.monotonic()
    elsewhere.stop()
    assert time.monotonic() - began < 1
    assert process is not None
    assert process.exitcode is not None


def test_it_does_not_outlive_who_started_it() -> None:
    """A process that is killed leaves no auditor."""
    script = (
        "import os; from quality.auditor import Auditor; a = Auditor(); a.start();"
        "a.validation('a.b'); print(a.process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, stdout=subprocess.PIPE, text=True)
    number = int(done.stdout)
    deadline = time.monotonic() + 60
    while _lives(number) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _lives(number)


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{number}/stat").exists() or ") Z " not in Path(f"/proc/{number}/stat").read_text()
