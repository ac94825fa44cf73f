"""The only module that uses Great Expectations: one session a product, its validation and its Data Docs."""

from __future__ import annotations

import io
import logging
import os
import uuid
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from quality.markup import mask, unmask
from quality.rules import DataRule

# Of results over classified columns these fields hold values, and values must not reach a static site.
_VALUES = (
    "partial_unexpected_list", "partial_unexpected_counts", "partial_unexpected_index_list", "unexpected_list",
    "unexpected_index_list", "unexpected_index_query", "observed_value", "details",
)  # fmt: skip
KEPT_RUNS = 30
"""Runs of a product whose pages stay."""


@dataclass(frozen=True)
class Expectation:
    """An expectation by its type (``expect_...``); ``telling`` is true if the checked values mean something."""

    type: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    telling: bool = True

    @property
    def question(self) -> str:
        """Text that is the same for equal expectations."""
        return f"{self.type} {sorted(self.kwargs.items())}"


@dataclass(frozen=True)
class Finding:
    """GX's result: rows that broke the expectation, some of their values, an observed value, or an error."""

    success: bool
    unexpected: int = 0
    samples: tuple[Any, ...] = ()
    observed: Any = None
    error: str = ""


@dataclass(frozen=True)
class _Run:
    """A finished validation: GX's suite, its result and its name in the Data Docs."""

    suite: Any
    result: Any
    identifier: Any


class Session:
    """A GX context over one in-memory DuckDB, to be closed."""

    def __init__(self, docs: Path | None) -> None:
        self._gx: Any = import_gx()
        self._docs = docs
        self._context: Any = self._gx.get_context(mode="ephemeral", project_config=_config(docs))
        # A named database in memory is one and the same for every connection that GX opens.
        self._source: Any = self._context.data_sources.add_sql(
            "candidate", connection_string=f"duckdb:///:memory:audit_{uuid.uuid4().hex}"
        )
        self._engine: Any = self._source.get_execution_engine().engine
        _buffer_results(self._engine)
        self._held: Any = self._engine.raw_connection()
        _quote_keywords(self._engine, self.connection)
        self._run: _Run | None = None

    @property
    def connection(self) -> Any:
        """The DuckDB connection; the tables live as long as it is open."""
        return self._held.driver_connection

    def validate(
        self, name: str, table: str, rules: Sequence[DataRule], expectations: Sequence[Expectation]
    ) -> list[Finding]:
        with redirect_stdout(io.StringIO()):  # it prints its advice on each statement of SQL
            return self._validate(name, table, rules, expectations)

    def _validate(
        self, name: str, table: str, rules: Sequence[DataRule], expectations: Sequence[Expectation]
    ) -> list[Finding]:
        suite = self._gx.ExpectationSuite(name=name)
        refused: dict[str, str] = {}
        # GX keeps one of two equal expectations; rules that ask the same share its answer.
        asked: dict[str, str] = {}
        for rule, expectation in zip(rules, expectations, strict=True):
            if asked.setdefault(expectation.question, rule.name) != rule.name:
                continue
            try:
                suite.add_expectation(self._build(rule, expectation))
            except Exception as error:  # noqa: BLE001 (GX refuses arguments by pydantic v1, v2 and by hand)
                refused[rule.name] = f"Great Expectations refuses its arguments: {_first_line(error)}"
        asset = self._source.add_table_asset(name, table_name=table)
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        result = batch.validate(
            suite, result_format={"result_format": "SUMMARY", "partial_unexpected_count": 10}
        )
        by_rule = {r.expectation_config.meta["rule"]: r for r in result.results}
        findings: list[Finding] = []
        for rule, expectation in zip(rules, expectations, strict=True):
            first = asked[expectation.question]
            error = refused.get(first)
            findings.append(Finding(False, error=error) if error else _finding(by_rule[first], rule))
        for rule, expectation in zip(rules, expectations, strict=True):
            if rule.name in by_rule and not (rule.public and expectation.telling):
                _hide_values(by_rule[rule.name])
        self._run = _Run(suite, result, _identifier(name))
        return findings

    def _build(self, rule: DataRule, expectation: Expectation) -> Any:
        from great_expectations.expectations.registry import get_expectation_impl

        kind: Any = get_expectation_impl(expectation.type)
        severity = "critical" if rule.severity == "error" else "warning"
        return kind(
            **expectation.kwargs,
            meta={"rule": rule.name},
            description=rule.description or None,
            severity=severity,
        )

    def page(self) -> Path | None:
        """File of this run's page of the Data Docs, once written; None without Data Docs."""
        if self._run is None or self._docs is None:
            return None
        sites: list[dict[str, str]] = self._context.get_docs_sites_urls(
            resource_identifier=self._run.identifier, site_names=["docs"], only_if_exists=False
        )
        # GX quotes what it adds, and nothing of the folder.
        site = f"{self._docs.absolute()}/"
        return Path(site, unquote(sites[0]["site_url"].removeprefix("file://").removeprefix(site)))

    def publish(self) -> None:
        """Write this run's page and the index of the Data Docs."""
        # It reads each masked query again, and prints that it lacks {batch}.
        with redirect_stdout(io.StringIO()):
            self._publish()

    def _publish(self) -> None:
        if self._run is None or self._docs is None:
            return
        self._context.suites.add(self._run.suite)
        _mask_texts(self._run.result)
        self._context.validation_results_store.store_validation_results(
            self._run.result, self._run.identifier
        )
        _forget(self._docs / "results")
        self._context.build_data_docs(site_names=["docs"], resource_identifiers=[self._run.identifier])
        page = self.page()
        if page is not None:
            page.write_text(unmask(page.read_text(encoding="utf-8")), encoding="utf-8")

    def close(self) -> None:
        self._held.close()
        self._engine.dispose()
        self._source.get_engine().dispose()


def import_gx() -> Any:
    """Import Great Expectations with its telemetry off; it reads that setting on import, and for every context."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings(action="ignore"):
        import great_expectations
    # It logs what it cannot render with values, to the terminal.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    return great_expectations


def _config(docs: Path | None) -> Any:
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    if docs is not None:
        docs = Path(str(docs.absolute()).replace("$", r"\$"))  # GX reads $NAME as a variable
        config.stores["validation_results_store"] = {
            "class_name": "ValidationResultsStore",
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(docs / "results"),
            },
        }
        config.data_docs_sites = {
            "docs": {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "site_index_builder": {
                    "class_name": "DefaultSiteIndexBuilder",
                    "validation_results_limit": KEPT_RUNS,
                },
                "store_backend": {
                    "class_name": "TupleFilesystemStoreBackend",
                    "base_directory": str(docs / "site"),
                },
            }
        }
    return config


def _identifier(name: str) -> Any:
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    now = datetime.now(UTC)
    return ValidationResultIdentifier(
        batch_identifier="audit",
        expectation_suite_identifier=ExpectationSuiteIdentifier(name=name),
        run_id=RunIdentifier(run_name=now.strftime("%Y%m%dT%H%M%S%fZ"), run_time=now),
    )


def _buffer_results(engine: Any) -> None:
    """Fetch results at once: GX reads them after it closed the connection, when DuckDB has lost them."""
    from sqlalchemy import event
    from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

    def fetched(
        _conn: Any, cursor: Any, _sql: Any, _parameters: Any, context: Any, executemany: bool
    ) -> None:
        if cursor.description is not None and not executemany:
            context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                cursor, initial_buffer=cursor.fetchall()
            )

    event.listen(engine, "after_cursor_execute", fetched)


def _quote_keywords(engine: Any, connection: Any) -> None:
    """Have SQLAlchemy quote columns named by DuckDB's words: its dialect knows only those of PostgreSQL."""
    words = {word for (word,) in connection.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()}
    preparer = engine.dialect.identifier_preparer
    preparer.reserved_words = {*preparer.reserved_words, *words}


def _finding(result: Any, rule: DataRule) -> Finding:
    raised = _exceptions(result.exception_info)
    if raised:
        # The words of an engine's error may quote a value.
        return Finding(False, error=raised if rule.public else "its query or arguments fail (details hidden)")
    found: Mapping[str, Any] = result.result
    return Finding(
        success=bool(result.success),
        unexpected=int(found.get("unexpected_count") or 0),
        samples=tuple(found.get("partial_unexpected_list") or ()) if rule.public else (),
        observed=found.get("observed_value"),
    )


def _exceptions(info: Any) -> str:
    if not isinstance(info, Mapping):
        return ""
    if info.get("raised_exception"):
        return _first_line(info.get("exception_message") or "unknown")
    return next((found for nested in info.values() if (found := _exceptions(nested))), "")


def _first_line(error: object) -> str:
    return " ".join(str(error).split("\n[SQL", 1)[0].split())[:300]


def _mask_texts(results: Any) -> None:
    """Mask each text that comes with the data or from a contract: GX puts some of them into its pages as they are."""
    for result in results.results:
        result.result = mask(result.result)
        result.exception_info = mask(result.exception_info)
        config = result.expectation_config
        config.kwargs = mask(config.kwargs)
        config.description = mask(config.description)
        config.notes = mask(config.notes)


def _hide_values(result: Any) -> None:
    for name in _VALUES:
        result.result.pop(name, None)
    if _exceptions(result.exception_info):
        result.exception_info = {
            "raised_exception": True, "exception_message": "hidden", "exception_traceback": "hidden",
        }  # fmt: skip


def _forget(results: Path) -> None:
    """Remove old results from the index, which reads all of them; Great Expectations removes their pages."""
    runs = sorted(results.glob("**/*.json"))
    for old in runs[:-KEPT_RUNS]:
        old.unlink()
