"""Dagster asset checks on a model's predictions: they warn, with figures and plots, and block nothing.

The findings are kept with the check, so that a policy reads them from the Dagster instance, for any number of models
in one query, and without reading rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from mesh_pipelines.dagster_names import WORK_SECONDS, asset_key, op_name
from mesh_pipelines.declaring.node import LoadedDomain, Node, PredictionsNode
from mesh_pipelines.errors import MeshError
from mesh_pipelines.monitoring.findings import ColumnDrift, Watched
from mesh_pipelines.monitoring.policy import drift_reason, has_moved, is_worse
from mesh_pipelines.plotting import in_markdown
from mesh_pipelines.shared import shared_resources
from quality.markup import markdown_cell

if TYPE_CHECKING:
    from mesh_pipelines.monitoring.performance import Performance
    from mesh_pipelines.monitoring.watching import Drifted, Live, Snapshot

INPUT_DRIFT, PREDICTION_DRIFT, LIVE_PERFORMANCE = "input_drift", "prediction_drift", "live_performance"
_TEXTS = {
    INPUT_DRIFT: "The features of the newest months look like those that the champion learnt from.",
    PREDICTION_DRIFT: "The newest predictions are spread like earlier ones.",
    LIVE_PERFORMANCE: "On what happened since, the champion is about as good as on the holdout it was judged by.",
}
MONITOR_CHECKS = tuple(_TEXTS)
_FINDINGS = "facts"
_CHARTED = 10
_LISTED = 60
Report = tuple[Watched, dict[str, Any], str]


def monitor_checks(node: Node, domain: LoadedDomain) -> list[dg.AssetChecksDefinition]:
    """The monitoring checks of predictions; none for any other node."""
    if not isinstance(node, PredictionsNode):
        return []
    key = asset_key(node.key)

    def watch(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        from mesh_pipelines.monitoring.watching import Snapshot

        wanted = [check.name for check in context.selected_asset_check_keys]
        snapshot: Snapshot | MeshError | None
        try:
            snapshot = Snapshot.at(shared_resources(), node, domain)
        except MeshError as error:
            snapshot = error
        for name in (name for name in MONITOR_CHECKS if name in wanted):
            yield _result(key, name, snapshot)

    # Dagster reads the annotation itself, which is text in this project's modules.
    watch.__annotations__["context"] = dg.AssetCheckExecutionContext
    checks = dg.multi_asset_check(
        name=op_name(f"{node.key}.watch"),
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=text, blocking=False)
            for name, text in _TEXTS.items()
        ],
        can_subset=True,
    )
    return [checks(watch)]


def latest_findings(instance: dg.DagsterInstance, keys: Sequence[str]) -> dict[str, Watched]:
    """Newest findings about models, by key of their predictions; absent for a model without one."""
    wanted = {dg.AssetCheckKey(asset_key(key), name): (key, name) for key in keys for name in MONITOR_CHECKS}
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(wanted))
    parts: dict[str, list[tuple[int, Watched]]] = {}
    for check, record in records.items():
        entry = record.event.dagster_event if record.event else None
        evaluation = entry.event_specific_data if entry else None
        if isinstance(evaluation, dg.AssetCheckEvaluation) and _FINDINGS in evaluation.metadata:
            value: Any = evaluation.metadata[_FINDINGS].value
            # Older homes have it as text.
            found = Watched.from_dict(json.loads(value) if isinstance(value, str) else value)
            parts.setdefault(wanted[check][0], []).append((record.id, found))
    return {key: _together([part for _, part in sorted(found, key=_first)]) for key, found in parts.items()}


def _first(pair: tuple[int, Watched]) -> int:
    return pair[0]


def _together(parts: Sequence[Watched]) -> Watched:
    """One finding from those of the single checks, the newest last; findings about other rows are left out."""
    newest = parts[-1]
    same = [part for part in parts if part.finding == newest.finding]
    return Watched(
        newest.model,
        newest.features,
        max(part.months for part in same),
        inputs=next((part.inputs for part in same if part.inputs), ()),
        scores=next((part.scores for part in same if part.scores), None),
        live=next((part.live for part in same if part.live), ()),
    )


def _result(key: dg.AssetKey, name: str, snapshot: Snapshot | MeshError | None) -> dg.AssetCheckResult:
    # A failed check never breaks a run: the predictions are published, and the check shows the failure.
    reason: str | None = None
    metadata: dict[str, Any] = {}
    summary = "nothing to compare yet: there are no predictions"
    if snapshot is not None and not isinstance(snapshot, MeshError):
        find, report = _LOOKS[name]
        begun = time.perf_counter()
        try:
            found = find(snapshot)
            spent = time.perf_counter() - begun
            watched, metadata, summary = report(snapshot, found)
            metadata |= {_FINDINGS: dg.MetadataValue.json(watched.to_dict()), WORK_SECONDS: spent}
            reason = drift_reason(snapshot.watch, watched)
        except MeshError as error:
            reason = f"could not be looked at: {error.without_quote()}"
    elif snapshot is not None:
        reason = f"could not be looked at: {snapshot.without_quote()}"
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=key,
        passed=reason is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=reason or summary,
        metadata=metadata,
    )


def _report_input_drift(snapshot: Snapshot, found: Drifted) -> Report:
    from mesh_pipelines.monitoring.plots import drift_plot

    watch = snapshot.watch
    ranked = sorted(found.columns, key=lambda c: -(c.psi or 0.0))
    metadata = _figures(ranked) | {
        "columns beyond bounds": sum(has_moved(watch, c) for c in ranked),
        "rows": found.rows,
        "months": ", ".join(found.months),
        "compared with": found.reference,
        "columns": _table(
            ["feature", "PSI", "KS", "missing before", "missing now", "never seen", ""],
            [
                [
                    f"`{c.column}`",
                    _number(c.psi),
                    _number(c.ks),
                    f"{c.missing_before:.2%}",
                    f"{c.missing_now:.2%}",
                    f"{c.unseen:.2%}",
                    "**beyond**" if has_moved(watch, c) else "",
                ]
                for c in ranked[:_LISTED]
            ],
        ),
        "plot": _picture(drift_plot(ranked, watch.max_psi, f"features of {snapshot.spec.name}")),
    }
    summary = f"{len(ranked)} features over {found.rows:,} rows stay within their bounds"
    if found.rows < watch.min_rows:
        summary = f"only {found.rows:,} rows are later than its training: too few to judge by"
    return _watched(snapshot, found.months, inputs=found.columns), metadata, summary


def _report_prediction_drift(snapshot: Snapshot, found: Drifted) -> Report:
    from mesh_pipelines.monitoring.plots import shares_plot

    metadata: dict[str, Any] = {
        "rows": found.rows,
        "months": ", ".join(found.months),
        "compared with": found.reference,
    }
    if not found.columns:
        return _watched(snapshot, found.months), metadata, f"compared with {found.reference}"
    moved, before, now = found.columns[0], found.before[0], found.now[0]
    bounds = [*(f"≤ {cut:.3g}" for cut in before.cuts), "above", "missing"]
    shares = [[count / max(side.rows, 1) for count in (*side.counts, side.missing)] for side in (before, now)]
    metadata |= {
        **{name: value for name, value in (("psi", moved.psi), ("ks", moved.ks)) if value is not None},
        "bins": _table(
            ["prediction", "before", "now"],
            [
                [label, f"{old:.2%}", f"{new:.2%}"]
                for label, old, new in zip(bounds, shares[0], shares[1], strict=True)
            ],
        ),
        "plot": _picture(shares_plot(shares[0], shares[1], bounds, f"predictions of {snapshot.spec.name}")),
    }
    summary = f"PSI {_number(moved.psi)}, KS {_number(moved.ks)} against {found.reference}"
    return _watched(snapshot, found.months, scores=moved), metadata, summary


def _report_live_performance(snapshot: Snapshot, live: Live) -> Report:
    from mesh_pipelines.monitoring.plots import months_plot

    watch, metric = snapshot.watch, snapshot.spec.metric
    overall = [entry for entry in live.all if not entry.column]
    metadata: dict[str, Any] = {"waiting for their outcome": live.waiting}
    if overall:
        newest = max(overall, key=lambda entry: (entry.rows >= watch.min_rows, entry.month, entry.rows))
        metadata |= {name: float(value) for name, value in newest.metrics.items()}
        metadata |= {"rows": newest.rows, "month": newest.month, "made by": newest.model_version}
    for entry in live.since:
        if not entry.column:
            metadata["drop since holdout"] = entry.drop  # the newest month comes last
    metadata["by version and month"] = _performances(overall, metric)
    metadata["by slice"] = _performances([entry for entry in live.all if entry.column], metric)
    if live.since:
        metadata["since it was judged"] = _table(
            ["month", "slice", "rows", metric, "on its holdout", "worse by", ""],
            [
                [
                    entry.month,
                    markdown_cell(entry.where),
                    f"{entry.rows:,}",
                    _number(entry.live),
                    _number(entry.reference),
                    _number(entry.drop),
                    "**beyond**" if is_worse(watch, entry) else "",
                ]
                for entry in live.since[-_LISTED:]
            ],
        )
    metadata["plot"] = _picture(months_plot(_lines(live.all, metric), metric, None, snapshot.node.key))
    judged = [entry for entry in live.since if entry.rows >= watch.min_rows]
    summary = f"too few outcomes have come in since {snapshot.champion.label} was judged"
    if judged:
        worst = max(entry.drop for entry in judged)
        summary = f"{metric} of {snapshot.champion.label} is at most {worst:.3f} worse than on its holdout"
    months = tuple(sorted({entry.month for entry in overall}))
    return _watched(snapshot, months[-1:], live=live.since), metadata, summary


_LOOKS: dict[str, tuple[Callable[[Snapshot], Any], Callable[[Snapshot, Any], Report]]] = {
    INPUT_DRIFT: (lambda snapshot: snapshot.input_drift(), _report_input_drift),
    PREDICTION_DRIFT: (lambda snapshot: snapshot.prediction_drift(), _report_prediction_drift),
    LIVE_PERFORMANCE: (lambda snapshot: snapshot.live(), _report_live_performance),
}
"""The work of each check on the data, and the result that it reports."""


def _watched(snapshot: Snapshot, months: tuple[str, ...], **found: Any) -> Watched:
    return Watched(snapshot.champion.label, snapshot.newest.data_version, months, **found)


def _figures(ranked: Sequence[ColumnDrift]) -> dict[str, Any]:
    """Numbers by name, for which Dagster plots the history."""
    figures: dict[str, Any] = {
        "max psi": max((c.psi for c in ranked if c.psi is not None), default=0.0),
        "max ks": max((c.ks for c in ranked if c.ks is not None), default=0.0),
    }
    return figures | {f"psi {c.column}": c.psi for c in ranked[:_CHARTED] if c.psi is not None}


def _performances(entries: Sequence[Performance], metric: str) -> dg.MarkdownMetadataValue:
    names = list(dict.fromkeys(name for entry in entries for name in entry.metrics)) or [metric]
    sliced = any(entry.column for entry in entries)
    return _table(
        ["month", "model", *(["slice"] if sliced else []), "rows", *names],
        [
            [
                entry.month,
                entry.model_version,
                *([f"{entry.column} {markdown_cell(entry.value)}"] if sliced else []),
                f"{entry.rows:,}",
                *(_number(entry.metrics.get(name)) for name in names),
            ]
            for entry in entries[-_LISTED:]
        ],
    )


def _lines(entries: Sequence[Performance], metric: str) -> Mapping[str, Mapping[str, float]]:
    """The metric by month, of the version with the most predictions in each; the largest slices beside it."""
    lines: dict[str, dict[str, float]] = {}
    sizes: dict[tuple[str, str], int] = {}
    for entry in sorted(entries, key=lambda entry: (bool(entry.column), entry.column, entry.month)):
        name = f"{entry.column} {entry.value}" if entry.column else "all"
        if metric in entry.metrics and entry.rows >= sizes.get((name, entry.month), 0):
            sizes[(name, entry.month)] = entry.rows
            lines.setdefault(name, {})[entry.month] = entry.metrics[metric]
    rows: dict[str, int] = {}
    for (name, _), count in sizes.items():
        rows[name] = rows.get(name, 0) + count
    shown = sorted(lines, key=lambda name: (name != "all", -rows[name]))[:9]
    return {name: lines[name] for name in shown}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> dg.MarkdownMetadataValue:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return dg.MetadataValue.md("\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]))


def _picture(svg: bytes) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(in_markdown(svg, "plot"))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
