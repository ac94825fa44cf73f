"""Write, audit, publish: the one way into the lake.

Rows come in bounded batches. Each batch meets the contract's row rules; good rows are staged as encrypted files and
shown to the dataset rules, refused rows are staged for the quarantine. Only if the whole outcome passes is it
committed: a candidate that fails leaves the published version as it was.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import AuditRefused, LandingError
from mesh_pipelines.publishing.audit_report import AuditReport, Verdict
from mesh_pipelines.publishing.candidate import Candidate, Published
from mesh_pipelines.publishing.read import Read
from mesh_pipelines.publishing.record import Audit, PublishRecord
from mesh_pipelines.publishing.recorded import quotes
from mesh_pipelines.publishing.refusal import refusal_error
from mesh_pipelines.publishing.writer import Stopwatch, Writer
from mesh_pipelines.shared import SharedResources
from quality.outcome import Outcome


def publish(
    shared: SharedResources,
    node: Node,
    candidate: Candidate,
    reads: Mapping[str, Read],
    run_id: str,
    *,
    keep_refusal: bool = True,
) -> Published:
    """Publish a candidate if it keeps its contract.

    Args:
        keep_refusal: false where a refused candidate is tried again in parts: the data docs then show those alone.

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
            if keep_refusal and isinstance(refused.outcome, Outcome):
                _report(writer, refused.outcome, "refused", run_id)
            raise
        refuses = outcome is not None and outcome.verdict == "refused"
        if outcome is not None and (keep_refusal or not refuses or outcome.only_rules_fail):
            writer.publish_page()
            # Kept before the commit: a run that ends in between leaves a report that says so.
            _report(writer, outcome, "refused" if refuses else "not published", run_id)
        if outcome is not None and candidate.records not in (None, outcome.rows):
            raise _lost_rows_error(node, outcome.rows, candidate.records)
        if candidate.verify is not None:
            candidate.verify()
        if outcome is not None and node.contract is not None and refuses:
            raise refusal_error(node.key, node.contract, outcome, writer.places)
        with watch.phase("commit"):
            commit = writer.commit(_record(node, candidate, reads, run_id, outcome))
        if outcome is not None:
            published = {"version": commit.version, "unchanged": commit.unchanged}
            _report(writer, outcome, "published", run_id, **published)
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


def _report(writer: Writer, outcome: Outcome, verdict: Verdict, run_id: str, **published: Any) -> None:
    """Keep the report of an audit in the data docs; a disk that refuses it holds nothing up."""
    assert writer.contract is not None
    assert outcome.docs is not None
    name = outcome.docs.rpartition("/")[2]
    given = {
        "run_id": run_id,
        "page": writer.page,
        "partitions": writer.candidate.partitions or (),
        **published,
    }
    try:
        AuditReport.of(outcome, writer.contract, name, verdict, **given).write(writer.docs_folder)
    except OSError as error:
        sys.stderr.write(f"A page of the data docs was not written: {type(error).__name__}\n")


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
