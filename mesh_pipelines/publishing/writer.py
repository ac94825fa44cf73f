"""Stages and audits a candidate in bounded batches."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import polars.selectors as cs

from mesh_pipelines.declaring.node import PARTITION, Node, SourceNode
from mesh_pipelines.errors import CommitConflict, MeshError, TransformError, name_of_kind
from mesh_pipelines.landing.landed import FILE, ROW
from mesh_pipelines.publishing.audit_report import FOLDER, name_at
from mesh_pipelines.publishing.candidate import Candidate
from mesh_pipelines.publishing.kept_rows import KeptRows
from mesh_pipelines.publishing.quarantine import (
    COLUMNS_PROMISE,
    QUARANTINE,
    count_refused,
    refuse_doubles,
    refuse_strays,
    whole_results,
)
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.publishing.recorded import hush, quotes
from mesh_pipelines.publishing.refusal import Places
from mesh_pipelines.shared import SharedResources
from quality.contract import Contract
from quality.outcome import RULES, Outcome, RuleResult, Tally
from quality.rules import DataRule, dataset_rules, rules_of
from resources.scratch import own_scratch

if TYPE_CHECKING:
    from quality.dataset import DatasetAudit
    from resources.lake.publication import Publication


BATCH = 1_000_000
"""Rows of a batch: large enough to be fast, small enough to bound memory whatever the product's size."""


class Stopwatch:
    """Wall time by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun


class Writer:
    """One attempt at publishing: two stages (accepted and refused rows), one audit."""

    def __init__(self, shared: SharedResources, node: Node, candidate: Candidate, watch: Stopwatch) -> None:
        self.shared, self.node, self.candidate, self.watch = shared, node, candidate, watch
        self.contract: Contract | None = node.contract
        self.rules: tuple[DataRule, ...] = rules_of(self.contract) if self.contract else ()
        self.column = node.partition_column
        self.accepted = 0
        self.places = Places()
        self._refused: dict[str, int] = {}
        self._page: Path | None = None
        self._audit: DatasetAudit | None = None
        self._good: Any = None
        self._bad: Any = None

    def stage(self, held: ExitStack) -> Outcome | None:
        """Stage everything and audit it; ``None`` for a table without a contract."""
        if self.contract is None:
            self._stage_unpromised(held)
            return None
        tally = self._stage_split(held, {})
        results = self._dataset_results()
        doubled = [r for r in results if r.kind == "unique" and not r.passed and r.severity == "error"]
        if doubled and self.contract.tolerance:
            # Rows that repeat a key are refused one by one, so the rest can be published: a second, rarer pass.
            keys = {rule: self._doubled_keys(rule) for rule in doubled}
            self._discard()
            tally = self._stage_split(held, keys)
            results = tuple(count_refused(r, tally, self._refused) for r in self._dataset_results())
        results = (*whole_results(self.contract, tally), *tally.results(), *results)
        self.accepted = tally.rows - tally.quarantined
        return Outcome(
            key=self.node.key,
            contract_version=self.contract.version,
            rows=tally.rows,
            quarantined=tally.quarantined,
            tolerance=self.contract.tolerance,
            results=results,
            docs=self._docs(),
        )

    def refuse_columns(self, problem: str) -> Outcome | None:
        """The audit of a candidate whose columns are not the contract's: no row is checked."""
        if self.contract is None:
            return None
        found = RuleResult(
            "columns_conform", False, "error", 0, 0, detail=problem, description=COLUMNS_PROMISE
        )
        results, docs = (found,), self._docs()
        return Outcome(self.node.key, self.contract.version, 0, 0, self.contract.tolerance, results, docs)

    @property
    def docs_folder(self) -> Path:
        return self.shared.settings.docs / self.node.domain / self.node.name

    @property
    def page(self) -> str:
        """Page of Great Expectations, as a path below the product's data docs; empty without one."""
        return self._page.relative_to(self.docs_folder.absolute()).as_posix() if self._page else ""

    def publish_page(self) -> None:
        """Have the page of Great Expectations written, beside what follows."""
        if self._audit is not None:
            self._audit.publish()

    def _docs(self) -> str:
        # A page's folder is named by the moment of its audit.
        name = self._page.parent.name if self._page else name_at(datetime.now(UTC))
        return f"{self.node.domain}/{self.node.name}/{FOLDER}/{name}"

    def commit(self, record: PublishRecord) -> Any:
        """Commit what was staged: the quarantine first, so that no refused row is ever without a place."""
        scope = "all" if self.candidate.partitions is None or self.column is None else "partitions"
        only = None if scope == "all" else self.candidate.partitions
        if self._bad is not None:
            refused = PublishRecord(
                run_id=record.run_id,
                code_version=record.code_version,
                contract_version=record.contract_version,
                contract_digest=record.contract_digest,
            )
            self._bad.commit(refused.to_json(), replace=scope, partitions=only)

        def record_after(before: Publication | None) -> Mapping[str, Any]:
            kept = self.candidate.increment
            if kept and (before is None or before.version != kept.version):
                raise CommitConflict(
                    f"it adds to version {kept.version}, and another run has published since",
                    where=self.node.key,
                    remedy="run it again",
                )
            if scope == "all":
                return record.to_json()
            return record.adding_to(PublishRecord.of(before)).to_json()

        return self._good.commit(record_after, replace=scope, partitions=only)

    # -- staging -----------------------------------------------------------------------------------------------

    def _stage_unpromised(self, held: ExitStack) -> None:
        frame = self.candidate.frame
        # The categories of an Enum would stand in the table's log in clear; a model learns its own from the texts.
        frame = frame.with_columns(cs.enum().cast(pl.String), cs.categorical().cast(pl.String))
        if self.candidate.order:
            frame = frame.sort(*self.candidate.order, maintain_order=True)
        with self.watch.phase("read"), _explain_errors(self.shared, self.node):
            schema = dict(frame.collect_schema())
        kinds = {name: "public" if name == PARTITION else "internal" for name in schema}
        self._good = held.enter_context(
            self.shared.lake.stage(self.node.key, schema, kinds, partition_by=self.column)
        )
        for batch in self._batches(frame):
            self.accepted += batch.height
            with self.watch.phase("write"):
                self._good.write(batch)

    def _stage_split(self, held: ExitStack, doubled: Mapping[RuleResult, pl.DataFrame]) -> Tally:
        from quality.rows import RowAudit

        assert self.contract is not None
        audit = RowAudit(self.contract, self.rules)
        kept, kinds = self._layout(self.contract)
        lake = self.shared.lake
        self._good = held.enter_context(lake.stage(self.node.key, kept, kinds, partition_by=self.column))
        self._audit = self._dataset_audit(held, kept)
        tally = Tally(self.rules)
        self.places = Places()
        seen: dict[str, set[Any]] = {}
        increment = self.candidate.increment
        kept_rows = KeptRows(lake, self.contract, increment, BATCH) if increment else None
        for batch in self._batches(self.candidate.frame):
            with self.watch.phase("audit"):
                split = audit.split(batch, provenance=(FILE, ROW, PARTITION))
                split = refuse_strays(split, self.column, self.candidate.partitions)
                for rule, keys in doubled.items():
                    split = refuse_doubles(split, rule, keys, seen.setdefault(rule.rule, set()))
                    self._refused[rule.rule] = self._refused.get(rule.rule, 0) + split.failed.get(
                        rule.rule, 0
                    )
                tally.add(split)
                self.places.add(split.bad)
                if kept_rows:
                    kept_rows.add_batch(split.good, split.bad)
            self._keep(split.good.select(*kept))
            with self.watch.phase("write"):
                if split.bad.height:
                    self._quarantine(held).write(self._label(split.bad))
        if kept_rows:
            for batch in kept_rows.published_rows():
                self._keep(batch.select(*kept))
            with self.watch.phase("write"):
                refused = kept_rows.quarantined_rows(self.node.key + QUARANTINE)
                if refused.height:
                    self._quarantine(held).write(refused)
        if self._bad is None and lake.exists(self.node.key + QUARANTINE):
            self._quarantine(held)  # an empty one: what was refused before has been put right
        for staged in (self._good, self._bad):
            if staged is not None:
                staged.flush()  # its last files are made while the dataset rules are judged
        return tally

    def _keep(self, rows: pl.DataFrame) -> None:
        with self.watch.phase("write"):
            self._good.write(rows)
        if self._audit is not None:
            with self.watch.phase("audit"):
                self._audit.add(rows)

    def _layout(self, contract: Contract) -> tuple[dict[str, pl.DataType], dict[str, str]]:
        kept: dict[str, Any] = dict(contract.dtypes)
        if isinstance(self.node, SourceNode):
            kept |= {FILE: pl.String(), ROW: pl.Int64()}
        if self.column and self.column not in kept:
            kept[self.column] = pl.String()
        return kept, {name: contract.classification.get(name, "public") for name in kept}

    def _quarantine(self, held: ExitStack) -> Any:
        if self._bad is None:
            assert self.contract is not None
            columns: dict[str, Any] = dict.fromkeys(self.contract.dtypes, pl.String())
            columns |= {FILE: pl.String(), ROW: pl.Int64(), RULES: pl.List(pl.String())}
            if self.column:
                columns[self.column] = pl.String()
            kinds = {name: self.contract.classification.get(name, "public") for name in columns}
            # A refused value may be anything at all, so nothing in quarantine is taken to be public.
            kinds |= {
                name: "internal"
                for name in self.contract.dtypes
                if kinds[name] == "public" and name != self.column
            }
            self._bad = held.enter_context(
                self.shared.lake.stage(
                    self.node.key + QUARANTINE,
                    columns,
                    kinds,
                    partition_by=self.column,
                    gathered=True,
                )
            )
            self._bad_columns = tuple(columns)
        return self._bad

    def _label(self, bad: pl.DataFrame) -> pl.DataFrame:
        """Refused rows in the quarantine's columns; provenance is null where rows come without it."""
        missing = [
            pl.lit(None, dtype=pl.Int64 if name == ROW else pl.String).alias(name)
            for name in (FILE, ROW)
            if name not in bad.columns
        ]
        labelled = bad.with_columns(pl.col(ROW).cast(pl.Int64) if ROW in bad.columns else [], *missing)
        if self.column:
            whole = self.candidate.partitions
            only = whole[0] if whole and len(whole) == 1 else "unknown"
            known = pl.col(self.column).is_in(list(whole)) if whole else pl.col(self.column).is_not_null()
            labelled = labelled.with_columns(
                pl.when(known).then(self.column).otherwise(pl.lit(only)).alias(self.column)
            )
        return labelled.select(*self._bad_columns)

    def _batches(self, frame: pl.LazyFrame) -> Iterator[pl.DataFrame]:
        """Bounded batches of the candidate, in order; waiting for one counts as reading."""
        with _explain_errors(self.shared, self.node):
            quotable = isinstance(self.node, SourceNode) or quotes(self.node)
            with self.watch.phase("read"), hush(quotable):
                batches = iter(frame.collect_batches(chunk_size=BATCH, maintain_order=True))
            while True:
                with self.watch.phase("read"), hush(quotable):
                    batch = next(batches, None)
                if batch is None:
                    return
                yield batch

    def _discard(self) -> None:
        if self._audit is not None:
            self._audit.close()  # before the rows are held a second time
        for staged in (self._good, self._bad):
            if staged is not None:
                staged.discard()
        self._good = self._bad = None

    # -- auditing what was staged --------------------------------------------------------------------------------

    def _dataset_audit(self, held: ExitStack, schema: Mapping[str, pl.DataType]) -> DatasetAudit | None:
        rules = dataset_rules(self.rules)
        if not rules:
            return None
        from quality.dataset import DatasetAudit

        settings = self.shared.settings
        with self.watch.phase("audit"):
            validation = self.shared.auditor.validation(
                self.node.key,
                seconds=settings.rule_seconds,
                docs=self.docs_folder,
                memory_limit=settings.memory_limit,
                temp_directory=own_scratch(settings.scratch),
                threads=settings.threads,
            )
            return held.enter_context(DatasetAudit(rules, schema, validation))

    def _dataset_results(self) -> tuple[RuleResult, ...]:
        if self._audit is None:
            return ()
        with self.watch.phase("audit"):
            verdict = self._audit.judge(self._good.scan)
        self._page = verdict.page
        return verdict.results

    def _doubled_keys(self, rule: RuleResult) -> pl.DataFrame:
        from quality.dataset import find_duplicates

        with self.watch.phase("audit"):
            return find_duplicates(self._good.scan(), rule.columns)


@contextmanager
def _explain_errors(shared: SharedResources, node: Node) -> Generator[None]:
    """Raise the mesh's own error when rows cannot be computed: stored bytes, keys, or the domain's function."""
    try:
        yield
    except MeshError:
        raise
    # A Python function that polars calls may raise anything.
    except (Exception, pl.exceptions.PanicException) as error:
        for read in [wanted.key for wanted in node.inputs if shared.lake.exists(wanted.key)]:
            explained = shared.lake.explain(error, read)
            if explained is not error:
                raise explained from error
        reason = (str(error).strip().splitlines() or [""])[0][:300]
        raise TransformError(
            f"its rows could not be computed: {name_of_kind(error)}{_columns_in(error, node)}",
            where=node.key,
            remedy="mend the domain's function; its tests run it on made-up rows, and show the whole error",
            quoted=reason,
        ) from error


def _columns_in(error: BaseException, node: Node) -> str:
    """Columns of the contract that an error names; polars quotes the values that it could not take after them."""
    named = [name for name in (node.contract.dtypes if node.contract else ()) if f"'{name}'" in str(error)]
    return f" in column {', '.join(named)}" if named else ""
