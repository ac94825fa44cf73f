"""Notices: the contact of a domain, and those of its readers, get each failure or refused audit once, without data.

Their addresses are a secret (``MESH_NOTIFY``, ``MESH_NOTIFY_DOMAINS``): URLs as Apprise reads them, for e-mail, Slack,
webhooks and others. Without an address no notice is sent.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from mesh_pipelines.dagster_names import REASON, asset_key, dotted, op_name
from mesh_pipelines.declaring.node import LoadedDomain, Node, OwnCheck
from mesh_pipelines.errors import MeshError, NoticeRefused
from mesh_pipelines.orchestration.audience import News, compose, deliver, urls_for
from mesh_pipelines.orchestration.check_events import FailedChecks
from mesh_pipelines.orchestration.standing_notices import note_failure
from mesh_pipelines.orchestration.tick import mesh_of
from mesh_pipelines.planning.verdicts import remedy_of
from mesh_pipelines.shared import shared_resources
from quality.markup import printable
from resources.settings import get_settings
from resources.ui_address import ui_url

if TYPE_CHECKING:
    from resources.settings import Settings

SENT = "mesh/told"
"""Prefix of the run tags that list the failures of the run whose notice was sent."""

_QUOTING = ("LandingError", "NoAnswer", "TransformError")
"""Errors that may quote what landed; a notice has their text only where nothing in the asset is classified."""
_A_DAY = 86_400.0
_SECONDS = 15


@dataclass(frozen=True)
class Failure:
    """One asset that failed in a run.

    Args:
        key: ``domain.name``; of a run that failed without a step, the domain.
        what: details, empty where they might hold data.
        rules: rules that rows broke: name, rows that broke it, rows that were checked.
        published: true if it is published, and followed by nobody.
    """

    key: str
    kind: str
    what: str = ""
    remedy: str = ""
    rules: tuple[tuple[str, int, int], ...] = ()
    published: bool = False

    @property
    def cause(self) -> str:
        """Hash of the failure, equal in every run in which it happens."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    @property
    def lines(self) -> tuple[str, ...]:
        """Rules that were broken, each with its rows: details without data."""
        return tuple(
            f"- {rule}: {failed:,} of {checked:,} rows" if checked else f"- {rule}"
            for rule, failed, checked in self.rules
        )

    @property
    def text(self) -> str:
        lines = [f"{self.key}: {self.kind}", *([self.what] if self.what else []), *self.lines]
        return "\n".join([*lines, *([f"What to do: {self.remedy}"] if self.remedy else [])])


def notice_sensor(domain: LoadedDomain) -> dg.SensorDefinition:
    """The sensor that notifies a domain's contact of failed runs; it runs where an address is set."""
    settings = get_settings()
    active = bool(urls_for(domain.profile, settings))

    @dg.run_failure_sensor(
        name=f"{domain.name}_notices",
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if active else dg.DefaultSensorStatus.STOPPED,
        description=(
            f"Tells {domain.profile.contact} what failed or was refused in {domain.name}, each cause once: which "
            "asset, which rule, how many rows, what to do. It runs where MESH_NOTIFY or MESH_NOTIFY_DOMAINS is set."
        ),
    )
    def tell(context: dg.RunFailureSensorContext) -> Any:
        description = context.failure_event.message or ""
        found = failures_of(context.instance, context.dagster_run, domain, description)
        fresh = [failure for failure in found if not _is_sent(context.instance, failure)]
        if not fresh:
            return dg.SkipReason("notified before" if found else "it will be tried again")
        taken, error = _tell(domain, context.dagster_run, fresh)
        for failure in fresh:
            if "." in failure.key:  # a run as a whole has no state to be well again
                note_failure(context.instance, domain.name, failure.key, failure.kind, taken)
        tags = {f"{SENT}/{failure.cause}": "yes" for failure in fresh if taken or "." in failure.key}
        context.instance.add_run_tags(context.dagster_run.run_id, tags)
        if error:
            raise error
        return dg.SkipReason(
            f"notified {domain.profile.contact} of {', '.join(failure.key for failure in fresh)}"
        )

    return tell


def _tell(
    domain: LoadedDomain, run: dg.DagsterRun, failures: Sequence[Failure]
) -> tuple[frozenset[str], NoticeRefused | None]:
    """Tell the contacts of a domain and of all who read what failed."""
    settings = get_settings()
    title, text = message(run, failures, settings)
    news = [News(failure.key, failure.kind, failure.lines) for failure in failures if "." in failure.key]
    return deliver(
        compose(
            mesh_of(domain),
            shared_resources(),
            domain.profile,
            news,
            title=title,
            text=text,
            settings=settings,
        )
    )


def failures_of(
    instance: dg.DagsterInstance, run: dg.DagsterRun, domain: LoadedDomain, description: str = ""
) -> list[Failure]:
    """Failures of a run; none where Dagster will retry it by itself."""
    if run.tags.get("dagster/will_retry") == "true":
        return []
    steps = {op_name(node.key): node for node in domain.nodes.values()}
    by_hand = FailedChecks(domain.nodes.values())
    rules: dict[str, list[tuple[str, int, int]]] = {}
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        event = entry.dagster_event
        check = event.asset_check_evaluation_data if event else None
        if check is not None and not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            counts = (_count(check.metadata, "failed"), _count(check.metadata, "checked"))
            rules.setdefault(dotted(check.asset_key), []).append((check.check_name, *counts))
        if event is not None and by_hand.concerns(event.step_key):
            by_hand.of(event)
    found: list[Failure] = []
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        node = steps.get(str(event.step_key)) if event else None
        if event is not None and node is not None:
            kind, what, remedy = _of_error(event.step_failure_data.error, _all_public(node))
            found.append(Failure(node.key, kind, what, remedy, tuple(rules.get(node.key, ()))))
        elif event is not None and by_hand.concerns(event.step_key):
            found += _of_checks(by_hand.of(event), event.step_failure_data.error, rules, domain)
    return found or [Failure(domain.name, "A run failed", description, "see its log")]


def message(run: dg.DagsterRun, failures: Sequence[Failure], settings: Settings) -> tuple[str, str]:
    """Subject and text of a notice."""
    first = failures[0]
    more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
    link = f"{ui_url(settings)}/runs/{run.run_id}"
    parts = [failure.text for failure in failures]
    refused = [failure for failure in failures if not failure.published]
    stays = (
        "Nothing of what failed was published; what was published before stays as it is.\n" if refused else ""
    )
    parts.append(f"{stays}The run: {link}")
    if run.tags.get(REASON):
        parts.append(f"It was started because: {run.tags[REASON]}")
    # In a chat, these signs of a file's name or a header would be a link, or a call to everybody.
    text = printable("\n\n".join(parts)).translate({ord("<"): "\u2039", ord(">"): "\u203a"})
    return f"[mesh] {first.key}: {first.kind.lower()}{more}", text


def _is_sent(instance: dg.DagsterInstance, failure: Failure) -> bool:
    """True if a notice of this failure was sent, and the asset has not been well since."""
    tags = {f"{SENT}/{failure.cause}": "yes"}
    records = instance.get_run_records(filters=dg.RunsFilter(tags=tags), limit=1)
    if not records:
        return False
    then = records[0].end_time or records[0].create_timestamp.timestamp()
    if "." not in failure.key:
        return time.time() - then < _A_DAY  # a run has no state to be well again
    well = instance.get_latest_materialization_event(asset_key(failure.key))
    return well is None or well.timestamp < then


def _of_checks(
    failed: Sequence[tuple[OwnCheck, str | None]],
    error: Any,
    rules: Mapping[str, Sequence[tuple[str, int, int]]],
    domain: LoadedDomain,
) -> Iterator[Failure]:
    """Failures of hand-written checks, without their descriptions, which may quote rows."""
    nodes = {node.key: node for node in domain.nodes.values()}
    for check, description in failed:
        node = nodes[check.asset]
        if description is None:
            kind, what, remedy = _of_error(error, _all_public(node))
            yield Failure(node.key, f"Check {check.name} {kind}", what, remedy, published=True)
        else:
            held = "It is published, and nobody follows it until the check passes."
            broken = tuple(rule for rule in rules.get(node.key, ()) if rule[0] == check.name)
            yield Failure(
                node.key, "A blocking check failed", held, remedy_of(node.key), broken, published=True
            )


def _of_error(error: Any, public: bool) -> tuple[str, str, str]:
    """Kind, text and remedy of the mesh's own error in a chain of causes; no text where it may quote data."""
    last, own = error, None
    while error is not None:
        last = error
        head, _, rest = str(error.message).strip().partition(": ")
        if head.startswith(f"{MeshError.__module__}."):
            own = (head.rpartition(".")[2], rest)
            break
        error = error.cause
    if own is None:
        text = str(last.message).strip() if public and last is not None else ""
        return f"failed: {getattr(last, 'cls_name', 'error')}", text, "see the run's log"
    kind, rest = own
    what, _, remedy = rest.partition("\n  -> ")
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind).strip()
    # Rules and counts of a refused audit only: the details of a rule may name values that broke it.
    hidden = kind == "AuditRefused" or (kind in _QUOTING and not public)
    return words.capitalize(), "" if hidden else what, remedy


def _all_public(node: Node) -> bool:
    return node.contract is not None and node.contract.all_public


def _count(metadata: Mapping[str, Any], name: str) -> int:
    value = getattr(metadata.get(name), "value", 0)
    return int(value) if isinstance(value, int | float) else 0
