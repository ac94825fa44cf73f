"""What each kind of asset does when it runs: make rows, pass the gate, report to Dagster."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

import dagster as dg
import polars as pl
from dagster import AssetExecutionContext

from mesh_pipelines.declaring.declarations import FeatureSetDeclaration, TableDeclaration
from mesh_pipelines.declaring.load import PARTITION, LoadedDomain, Node
from mesh_pipelines.errors import AuditRefused, MeshError, NotPublished, TransformError
from mesh_pipelines.landing.landed import LandedInput, Landing, landing_of, remembered, set_apart, undeclared
from mesh_pipelines.orchestration.assets import Produce, as_rows
from mesh_pipelines.orchestration.io_manager import Read
from mesh_pipelines.planning.plan import IF_STALE, known_of, outdated_partitions
from mesh_pipelines.publishing.kept_rows import Onto
from mesh_pipelines.publishing.publish import Candidate, Published, publish
from mesh_pipelines.reporting.reports import WORK_SECONDS
from mesh_pipelines.shared import Platform, platform
from mesh_pipelines.steps.columns import columns_shown
from quality.outcome import Outcome
from resources.lake.publication import Publication


def produce(node: Node, domain: LoadedDomain) -> Produce:
    """The step of a node.

    Args:
        node: what is to be made.
        domain: the domain that owns it.
    """
    match node.stage:
        case "source":
            return _source_step(node)
        case "model" | "champion" | "predictions":
            from mesh_pipelines.steps.model import model_step

            return model_step(node, domain)
        case _:
            return _handwritten_step(node) if node.asset else _transform_step(node)


def _source_step(node: Node) -> Produce:
    contract = node.contract
    assert contract is not None

    def step(context: AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        shared = platform()
        before = shared.record(node.key)
        with landing_of(node, shared.settings) as landing:
            made = source_candidate(
                node, landing, before, _partitions_wanted(context, node), anew=not only_if_stale(context)
            )
            if made is None:
                yield unchanged(node, before)
                return
            candidate, chosen = made
            try:
                yield from gate(node, context, shared, candidate, {})
            except TransformError as error:
                raise landing.blame(chosen, contract, error) from error

    return step


def source_candidate(
    node: Node,
    landing: Landing,
    before: Publication | None,
    partitions: tuple[str, ...] | None,
    *,
    anew: bool = False,
) -> tuple[Candidate, Sequence[LandedInput]] | None:
    """What has landed for a source since it was published, and the inputs that it is made of; ``None`` if nothing has.

    Args:
        node: the source.
        landing: where its rows come from, open.
        before: what was published of it.
        partitions: those to make, as far as they have landed; ``None`` for a source without any.
        anew: read all of it, whatever has been read before.

    Raises:
        LandingError: all that has landed is of partitions that the contract does not declare.
    """
    assert node.contract is not None
    landed = set_apart(landing.look(known_of(before)), node.contract.partition)
    there = landed.by_partition()
    wanted = tuple(name for name in partitions if name in there) if partitions is not None else None
    if before and not anew:
        outdated = outdated_partitions(node, before, landed)
        wanted = tuple(name for name in wanted if name in outdated) if wanted is not None else None
        if landed.outside and not outdated:
            raise undeclared(landed, node.contract)
        if not outdated or wanted == ():
            return None
    chosen = [one for name, group in there.items() for one in group if wanted is None or name in wanted]
    if before is None or anew or before.code_version != node.version_of_code:
        chosen = [replace(one, since="") for one in chosen]
    candidate = Candidate(
        landing.read(chosen, node.contract),
        partitions=wanted,
        merged={
            "landed": remembered(chosen),
            "made_from": {name: {"code": node.version_of_code} for name in wanted or ()},
        },
        onto=_onto(node, before, chosen),
    )
    return candidate, chosen


def _onto(node: Node, before: Publication | None, chosen: Sequence[LandedInput]) -> Onto | None:
    """What stays published beside rows that were only read from a mark on."""
    since = next((one.since for one in chosen if one.since), "")
    if not since or before is None or not isinstance(node.declaration, TableDeclaration):
        return None
    return Onto(before.version, node.declaration.watermark, since)


def _transform_step(node: Node) -> Produce:
    declared = node.declaration
    assert declared is not None

    def step(context: AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        shared = platform()
        reads = reads_of(context)
        partitions = _partitions_wanted(context, node)
        before = shared.record(node.key)
        if only_if_stale(context) and before and _same_inputs(node, before, reads, partitions):
            yield unchanged(node, before, columns_shown(node, shared.lake, reads, before.version))
            return
        _refuse_what_never_landed(node, reads, partitions)
        begun = time.perf_counter()
        with calling(node):
            rows = as_rows(declared(**inputs), node.key)
        spent = time.perf_counter() - begun
        yield from gate(node, context, shared, _candidate(node, rows, partitions, reads), reads, spent)

    return step


def _refuse_what_never_landed(
    node: Node, reads: Mapping[str, Read], partitions: tuple[str, ...] | None
) -> None:
    if partitions is None or not reads:
        return
    there = {name for read in reads.values() for name in read.partitions}
    whole = any(not read.partitions and not read.by_partition for read in reads.values())
    missing = [name for name in partitions if name not in there]
    if missing and not whole:
        raise NotPublished(
            f"nothing has been published upstream for {', '.join(missing)}",
            where=node.key,
            remedy=f"land it first, and make {', '.join(reads)} of it",
        )


def _handwritten_step(node: Node) -> Produce:
    """A domain's own ``@asset``: its function runs as Dagster would run it, and its rows pass the same gate."""
    from dagster._core.execution.plan.compute_generator import create_op_compute_wrapper

    original = create_op_compute_wrapper(node.asset.node_def)

    def step(context: AssetExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        shared = platform()
        reads = reads_of(context)
        partitions = _partitions_wanted(context, node)
        with calling(node):
            outputs = [item for item in original(context, inputs) if isinstance(item, dg.Output)]
            if len(outputs) != 1:
                raise TransformError(
                    "a hand-written asset has to return its rows",
                    where=node.key,
                    remedy="return a pl.LazyFrame; the platform audits and publishes it",
                )
            rows = as_rows(outputs[0].value, node.key)
        yield from gate(node, context, shared, _candidate(node, rows, partitions, reads), reads)

    return step


def _candidate(
    node: Node, rows: pl.LazyFrame, partitions: tuple[str, ...] | None, reads: Mapping[str, Read]
) -> Candidate:
    made_from = {
        name: {
            "code": node.version_of_code,
            **{
                key: r.partitions.get(name, r.data_version) if r.partitions else r.data_version
                for key, r in reads.items()
            },
        }
        for name in partitions or ()
    }
    order: tuple[str, ...] = ()
    if isinstance(node.declaration, FeatureSetDeclaration):
        time_of = node.declaration.time
        rows = rows.with_columns(pl.col(time_of).dt.strftime("%Y-%m").alias(PARTITION))
        order = (PARTITION, *dict.fromkeys((time_of, *node.declaration.key)))
    return Candidate(
        rows, partitions=partitions, order=order, merged={"made_from": made_from} if made_from else {}
    )


def gate(
    node: Node,
    context: dg.AssetExecutionContext,
    shared: Platform,
    candidate: Candidate,
    reads: Mapping[str, Read],
    spent: float = 0.0,
) -> Iterator[Any]:
    """Audit and publish a candidate, and tell Dagster what came of it.

    Args:
        node: what is made.
        context: the running step.
        shared: the platform.
        candidate: its rows.
        reads: what they were made from.
        spent: seconds of work that went into the rows before, such as scoring them.

    Yields:
        One check result a rule, then the output; a refused candidate yields its failed checks and raises.
    """
    try:
        published = publish(shared, node, candidate, reads, context.run.run_id)
    except AuditRefused as refusal:
        if isinstance(refusal.outcome, Outcome):
            yield from _check_results(node, refusal.outcome)
        raise
    if published.outcome is not None:
        yield from _check_results(node, published.outcome)
    yield dg.Output(
        None,
        "result",
        metadata={
            **_metadata(published, reads, spent, alone=len(candidate.partitions or ()) == 1),
            **columns_shown(node, shared.lake, reads, published.version),
        },
        data_version=dg.DataVersion(published.data_version),
    )


def _check_results(node: Node, outcome: Outcome) -> Iterator[dg.AssetCheckResult]:
    key = dg.AssetKey(node.key.split("."))
    for result in outcome.results:
        metadata: dict[str, Any] = {"checked": result.checked, "failed": result.failed}
        if result.failed:
            metadata["share failed"] = result.share
        if result.samples:
            metadata["samples"] = dg.MetadataValue.json(list(result.samples))
        if outcome.docs:
            metadata["data docs"] = _link(outcome.docs)
        yield dg.AssetCheckResult(
            check_name=result.rule,
            asset_key=key,
            passed=result.passed,
            severity=dg.AssetCheckSeverity.ERROR
            if result.severity == "error"
            else dg.AssetCheckSeverity.WARN,
            description=result.detail or result.description,
            metadata=metadata,
        )


def _metadata(
    published: Published, reads: Mapping[str, Read], spent: float, *, alone: bool
) -> dict[str, Any]:
    """What the page shows of a publish; ``alone``: its rows are those of one partition, made by itself."""
    outcome = published.outcome
    metadata: dict[str, Any] = {
        "dagster/row_count": published.total,
        **({"dagster/partition_row_count": published.rows} if alone else {}),
        "dagster/uri": published.uri,
        "version": published.version,
        **seconds_of(published.seconds, spent),
        "made from": dg.MetadataValue.md(
            "\n".join(["| input | version | content |", "|---|--:|---|"])
            + "".join(f"\n| `{r.key}` | {r.version} | `{r.data_version[:12]}` |" for r in reads.values())
        ),
    }
    if not reads:
        del metadata["made from"]
    if published.unchanged:
        metadata["content"] = "the same as published before"
    if outcome is not None:
        metadata["quarantined"] = outcome.quarantined
        metadata["audit"] = dg.MetadataValue.md(outcome.to_markdown())
        if outcome.docs:
            metadata["data docs"] = _link(outcome.docs)
    return metadata


def seconds_of(phases: Mapping[str, float], before: float = 0.0) -> dict[str, Any]:
    """What a page shows of the time that the work took.

    Args:
        phases: seconds by phase.
        before: seconds of work ahead of them.
    """
    rounded = {name: round(seconds, 3) for name, seconds in phases.items()}
    return {WORK_SECONDS: before + sum(phases.values()), "seconds": dg.MetadataValue.json(rounded)}


def _link(page: str) -> dg.MetadataValue[Any]:
    """A page of the data docs where a browser finds it: no browser follows a link from a server to the disk."""
    settings = platform().settings
    below = Path(url2pathname(urlsplit(page).path)).relative_to(settings.docs.absolute())
    return dg.MetadataValue.url(f"{settings.docs_url.rstrip('/')}/{quote(below.as_posix())}")


def unchanged(node: Node, before: Any, columns: Mapping[str, Any] | None = None) -> dg.Output[None]:
    """The output of a step that found nothing to do.

    Args:
        node: what would have been made.
        before: what is published.
        columns: what its page shows of its columns, where that is not in its contract.
    """
    return dg.Output(
        None,
        "result",
        metadata={
            "unchanged": "its inputs are what they were, so it was left as it is",
            "version": before.version,
            **(columns or {}),
        },
        data_version=dg.DataVersion(before.data_version),
    )


def _same_inputs(
    node: Node, before: Any, reads: Mapping[str, Read], partitions: tuple[str, ...] | None
) -> bool:
    if partitions is not None:
        made = before.info.get("made_from") or {}
        return all(
            (made.get(name) or {}).get("code") == node.version_of_code
            and all(
                made[name].get(key) == (r.partitions.get(name, "") if r.partitions else r.data_version)
                for key, r in reads.items()
            )
            for name in partitions
        )
    inputs = before.info.get("inputs") or {}
    same = all((inputs.get(key) or {}).get("data_version") == r.data_version for key, r in reads.items())
    return same and len(inputs) == len(reads) and before.code_version == node.version_of_code


def _partitions_wanted(context: dg.AssetExecutionContext, node: Node) -> tuple[str, ...] | None:
    if not node.partitioned:
        return None
    return tuple(context.partition_keys)


def only_if_stale(context: dg.AssetExecutionContext) -> bool:
    """Whether the run was started to bring things up to date, not to make them anew at all costs."""
    return context.run.tags.get(IF_STALE) == "true"


def reads_of(context: dg.AssetExecutionContext) -> dict[str, Read]:
    """What the step has read, by key."""
    manager = context.resources.io_manager
    return manager.reads(context.run.run_id, context.get_step_execution_context().step.key)


class calling:  # noqa: N801 (used like a function, as contextlib's own are)
    """Say whose fault it is when a domain's own function raises."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, MeshError):
            raise TransformError(
                f"its function failed: {type(error).__name__}: {error}",
                where=self.node.key,
                remedy="mend the function; the whole traceback is in the run's log",
            ) from error
