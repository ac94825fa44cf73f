"""Write, audit, publish: the one way into the lake.

Rows come in bounded batches. Each batch meets the contract's row rules; good rows are staged as encrypted files and
shown to the dataset rules, refused rows are staged for the quarantine. Only if the whole outcome passes is it
committed: a candidate that fails leaves the published version as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import AuditRefused, LandingError
from mesh_pipelines.publishing.candidate import Candidate, Published
from mesh_pipelines.publishing.read import Read
from mesh_pipelines.publishing.record import Audit, PublishRecord
from mesh_pipelines.publishing.recorded import quotes
from mesh_pipelines.publishing.refusal import refusal_error
from mesh_pipelines.publishing.writer import Stopwatch, Writer
from mesh_pipelines.shared import SharedResources
from quality.outcome import Outcome


def publish(
    shared: SharedResources, node: Node, candidate: Candidate, reads: Mapping[str, Read], run_id: str
) -> Published:
    """Publish a candidate if it keeps its contract.

    Args:
        reads: the tables that its rows were made from, by key.
        run_id: the Dagster run.

    Raises:
        AuditRefused: the candidate broke its contract beyond the tolerance; nothing was published.
        RuleTooCostly: a dataset rule took more time or memory than it may; nothing was published.
        TransformError: the domain's function failed while its rows were computed.
        SourceUnavailable, StorageFull, CommitConflict: it may work later, unchanged.
    """
    watch = Stopwatch()
    writer = Writer(shared, node, candidate, watch)
    with ExitStack() as held:
        try:
            outcome = writer.stage(held)
        except AuditRefused as refused:
            names = f": {refused.quoted}" if refused.quoted and quotes(node) else ""
            refused.outcome = refused.outcome or writer.refuse_columns(refused.what + names)
            raise
        if outcome is not None and candidate.records not in (None, outcome.rows):
            raise _lost_rows_error(node, outcome.rows, candidate.records)
        if candidate.verify is not None:
            candidate.verify()
        if outcome is not None and outcome.verdict == "refused":
            raise refusal_error(node.key, outcome, writer.places)
        with watch.phase("commit"):
            commit = writer.commit(_record(node, candidate, reads, run_id, outcome))
    return Published(
        key=node.key,
        version=commit.version,
        data_version=commit.data_version,
        rows=writer.accepted,
        total=commit.rows,
        unchanged=commit.unchanged,
        outcome=outcome,
        uri=shared.lake.uri(node.key),
        seconds=watch.seconds,
    )


def _lost_rows_error(node: Node, rows: int, records: int | None) -> LandingError:
    return LandingError(
        f"{rows:,} rows were read of {records:,} records that had landed, so nothing was published",
        where=node.key,
        remedy="run it again: a file may have changed meanwhile; if it stays so, land the rows as Parquet",
    )


def _record(
    node: Node, candidate: Candidate, reads: Mapping[str, Read], run_id: str, outcome: Outcome | None
) -> PublishRecord:
    record = PublishRecord(
        stage=node.stage,
        run_id=run_id,
        code_version=node.version_of_code,
        inputs={key: read.table for key, read in reads.items()},
        origins=candidate.origins,
        landed=candidate.landed,
        scoring=candidate.scoring,
    )
    contract = node.contract
    if contract is None or outcome is None:
        return record
    return replace(
        record,
        contract_version=contract.version,
        contract_digest=contract.digest,
        agreements=contract.agreements,
        audit=Audit.of(outcome),
    )
