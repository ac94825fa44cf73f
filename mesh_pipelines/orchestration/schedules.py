"""Schedules: ask planning when a contract expects a delivery, or a model may have grown too old.

A domain's sensor ticks all the time; a schedule ticks at the promised moment, and names what is late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from mesh_pipelines.dagster_names import DOMAIN
from mesh_pipelines.declaring.node import LoadedDomain, ModelNode, Node, SourceNode
from mesh_pipelines.orchestration.tick import EVERY_ASSET, ask, run_request
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.lag import late_nodes
from mesh_pipelines.planning.next_run import NoRun
from quality.contract import Contract

HOUR = 6
"""Hour of the day at which a contract that names no schedule expects its rows, in the domain's time zone."""


@dataclass(frozen=True)
class Due:
    """Contracts and models that are due at the same moments.

    Args:
        contracts: sources, products and predictions whose contracts expect new rows then.
        models: models whose age is to be checked then.
    """

    name: str
    cron: str
    timezone: str
    contracts: tuple[Node, ...] = ()
    models: tuple[Node, ...] = ()


def due_in(domain: LoadedDomain) -> tuple[Due, ...]:
    """Moments at which something is due in a domain; its time zone counts where a contract names none."""
    found: dict[tuple[str, str], list[Node]] = {}
    for node in domain.nodes.values():
        when = _when(node, domain.profile.timezone)
        if when is not None:
            found.setdefault(when, []).append(node)
    names: dict[str, int] = {}
    entries: list[Due] = []
    for (cron, zone), nodes in found.items():
        word = _cadence(cron)
        names[word] = names.get(word, 0) + 1
        entries.append(
            Due(
                f"{domain.name}_{word}" + (f"_{names[word]}" if names[word] > 1 else ""),
                cron,
                zone,
                tuple(node for node in nodes if not isinstance(node, ModelNode)),
                tuple(node for node in nodes if isinstance(node, ModelNode)),
            )
        )
    return tuple(entries)


def due_schedules(domain: LoadedDomain) -> list[dg.ScheduleDefinition]:
    """A running schedule for each moment at which something is due in a domain."""
    return [_schedule(domain, due) for due in due_in(domain)]


def overdue_sources(due: Due, facts: Facts, since: datetime) -> list[str]:
    """Sources without a publish since they were last due, in words."""
    return [
        f"nothing of {node.key} has come since {since:%Y-%m-%d %H:%M} UTC, and its contract expects it by now"
        for node in due.contracts
        if isinstance(node, SourceNode)
        and ((record := facts.of(node.key)) is None or record.published_at < since)
    ]


def cron_of(contract: Contract) -> str | None:
    """The schedule that a contract names, or one that fits its frequency; ``None`` where it promises neither."""
    frequency = contract.sla.frequency
    if contract.sla.cron or frequency is None:
        return contract.sla.cron
    if frequency <= timedelta(hours=1):
        return "0 * * * *"
    if frequency <= timedelta(days=1):
        return (
            f"0 {HOUR} * * *"
            if frequency > timedelta(hours=12)
            else f"0 */{frequency // timedelta(hours=1)} * * *"
        )
    if frequency <= timedelta(days=7):
        return f"0 {HOUR} * * 1"
    return f"0 {HOUR} 1 * *" if frequency <= timedelta(days=31) else f"0 {HOUR} 1 1 *"


def _schedule(domain: LoadedDomain, due: Due) -> dg.ScheduleDefinition:
    what = _in_words(due)

    @dg.schedule(
        name=due.name,
        cron_schedule=due.cron,
        execution_timezone=due.timezone,
        job_name=EVERY_ASSET,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{what[0].upper()}{what[1:]}. It makes what is out of date then, or says why it makes nothing.",
        tags={DOMAIN: domain.name},
    )
    def tick(context: dg.ScheduleEvaluationContext) -> Any:
        mesh, facts, wanted = ask(domain, context.instance)
        if not isinstance(wanted, NoRun):
            return run_request(mesh, replace(wanted, reason=f"{what}; {wanted.reason}"))
        now = context.scheduled_execution_time.astimezone(UTC)
        reasons = [wanted.reason, *overdue_sources(due, facts, _time_before(due, now))]
        reasons += [f"{key} {text}" for key, text in late_nodes(due.contracts, facts, now).items()]
        return dg.SkipReason("; ".join(reasons))

    # Dagster looks at the annotation itself, which is text in this project's modules.
    return tick


def _time_before(due: Due, now: datetime) -> datetime:
    from dagster._utils.schedules import reverse_cron_string_iterator

    moments = reverse_cron_string_iterator(now.timestamp() - 1, due.cron, due.timezone)
    return next(iter(moments)).astimezone(UTC)


def _when(node: Node, zone: str) -> tuple[str, str] | None:
    if isinstance(node, ModelNode):
        age = node.declared.retrain.max_age
        hourly = age is not None and str(age).endswith("h")
        return None if age is None else ("0 * * * *" if hourly else f"0 {HOUR} * * *", zone)
    if node.contract is None:
        return None
    cron = cron_of(node.contract)
    return (cron, node.contract.sla.timezone or zone) if cron else None


def _cadence(cron: str) -> str:
    _, hour, day, month, weekday = cron.split()
    for field, word in ((month, "yearly"), (day, "monthly"), (weekday, "weekly")):
        if field != "*":
            return word
    return "daily" if hour.isdecimal() else "hourly"


def _in_words(due: Due) -> str:
    parts: Mapping[str, tuple[Node, ...]] = {
        "new rows are due of": due.contracts,
        "old age is due to be looked at of": due.models,
    }
    return " and ".join(
        f"{words} {', '.join(node.name for node in nodes)}" for words, nodes in parts.items() if nodes
    )
