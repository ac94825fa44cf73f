"""Notices of states: what is late, left out, unreadable or not answering, and that any of it is well again, each once.

The state that was last notified stands in Dagster's own storage, by domain, so that a restart repeats nothing and
forgets nothing. ``notices`` notifies of failures of runs when they happen; this module, of their end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

import dagster as dg

from mesh_pipelines.dagster_names import asset_key
from mesh_pipelines.declaring.domain_profile import DomainProfile, read_profile
from mesh_pipelines.declaring.node import ChampionNode, LoadedDomain, Node, SourceNode
from mesh_pipelines.errors import MeshError, NoticeRefused
from mesh_pipelines.orchestration.audience import News, compose, deliver, name_of, urls_for
from mesh_pipelines.orchestration.tick import mesh_of
from mesh_pipelines.planning.judge import judge
from mesh_pipelines.planning.lag import late_nodes
from mesh_pipelines.planning.lookup import facts_of
from mesh_pipelines.shared import shared_resources
from resources.settings import get_settings

if TYPE_CHECKING:
    from mesh_pipelines.declaring.mesh import Mesh
    from mesh_pipelines.planning.facts import Facts

_SECONDS = 15
_STATES = ("Late", "Left out", "Cannot be read", "Rolled back")
"""Kinds of states that are over when they are not found again; any other kind is a failure."""
_QUOTING = ("LandingError", "NoAnswer", "TransformError")
_LOOKS = 2
"""Looks in a row at which a store does not answer, or records cannot be read, before anybody is notified."""
_WRITING = Lock()
"""Held while a log is read, changed and written: both sensors of a domain live in one process."""


@dataclass(frozen=True)
class NoticedState:
    """One state of an asset or domain that people are notified of.

    Args:
        what: details for the owner; empty where they might hold data.
        at: time at which it was first found (s since 1970).
        well: true once it is over, until everybody who was notified knows that.
    """

    key: str
    kind: str
    what: str = ""
    remedy: str = ""
    looks: int = 0
    notified: tuple[str, ...] = ()
    at: float = 0.0
    well: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind} {self.key}"

    @property
    def waits(self) -> bool:
        """True for what may pass by itself within a moment."""
        return self.kind == "Cannot be read"


@dataclass
class NoticeLog:
    """States of one domain that were found and notified, kept in Dagster's storage."""

    instance: dg.DagsterInstance
    domain: str
    states: dict[str, NoticedState] = field(default_factory=dict[str, NoticedState])

    @classmethod
    def of(cls, instance: dg.DagsterInstance, domain: str) -> NoticeLog:
        key = _key(domain)
        text = instance.daemon_cursor_storage.get_cursor_values({key}).get(key) or "[]"
        entries: list[dict[str, Any]] = json.loads(text)
        states = [
            replace(NoticedState("", ""), **(entry | {"notified": tuple(entry["notified"])}))
            for entry in entries
        ]
        return cls(instance, domain, {state.name: state for state in states})

    def save(self) -> None:
        text = json.dumps([asdict(state) for state in self.states.values()])
        self.instance.daemon_cursor_storage.set_cursor_values({_key(self.domain): text})


def standing_sensor(domain: LoadedDomain) -> dg.SensorDefinition:
    """The sensor that notifies the contacts of a domain, and of its readers, of states and of their end."""
    active = bool(urls_for(domain.profile, get_settings()))

    @dg.sensor(
        name=f"{domain.name}_states",
        minimum_interval_seconds=max(_SECONDS, get_settings().sensor_seconds),
        default_status=dg.DefaultSensorStatus.RUNNING if active else dg.DefaultSensorStatus.STOPPED,
        description=(
            f"Tells {domain.profile.contact} and the contacts of all readers, each once, what of {domain.name} is "
            "late, left out or cannot be read, and that it, or what failed, is well again. It runs where MESH_NOTIFY "
            "or MESH_NOTIFY_DOMAINS is set."
        ),
    )
    def look(context: dg.SensorEvaluationContext) -> Any:
        notified = tell_states(domain, context.instance)
        return dg.SkipReason(f"notified: {'; '.join(notified)}" if notified else "nothing new")

    return look


def tell_states(domain: LoadedDomain, instance: dg.DagsterInstance) -> list[str]:
    """Tell what is new of a domain's states, and of those of domains that do not load.

    Returns:
        Each state that somebody was notified of.

    Raises:
        NoticeRefused: an address did not take its notice; the next call sends it again, and to no other.
    """
    mesh, shared = mesh_of(domain), shared_resources()
    facts = facts_of(
        mesh.nodes, shared, settle=shared.settings.settle_seconds, instance=lambda: instance,
        without_registry=True,
    )  # fmt: skip
    notified: list[str] = []
    refused: list[NoticeRefused] = []
    subjects = {domain.name: domain.profile}
    if domain.name == min(mesh.domains, default=""):  # nobody else speaks for them
        subjects |= dict(_absent(mesh))
    for name, profile in subjects.items():
        with _WRITING:
            changed, errors = _tell_of(name, profile, mesh, facts, instance)
        notified += changed
        refused += errors
    if refused:
        raise refused[0]
    return notified


def _tell_of(
    name: str, profile: DomainProfile, mesh: Mesh, facts: Facts, instance: dg.DagsterInstance
) -> tuple[list[str], list[NoticeRefused]]:
    """Tell what is new of one domain; the states that somebody was notified of, and the errors of addresses."""
    notified: list[str] = []
    refused: list[NoticeRefused] = []
    log = NoticeLog.of(instance, name)
    _update(log, {state.name: state for state in states_of(mesh, facts, name, instance)}, mesh, facts)
    for state in list(log.states.values()):
        after, error = _tell(state, profile, mesh)
        if after.notified != state.notified:
            notified.append(f"{state.name}{' is well again' if state.well else ''}")
        refused += [error] if error else []
        log.states[state.name] = after
        if after.well and not after.notified:
            del log.states[state.name]
    log.save()
    return notified, refused


def note_failure(
    instance: dg.DagsterInstance, domain: str, key: str, kind: str, notified: frozenset[str]
) -> None:
    """Keep a failure, so that its end is notified too, and the failure itself to contacts that were not reached."""
    state = NoticedState(
        key, kind, notified=tuple(sorted(notified)), at=datetime.now(UTC).timestamp(), looks=1
    )
    with _WRITING:
        log = NoticeLog.of(instance, domain)
        log.states[state.name] = state
        log.save()


def states_of(mesh: Mesh, facts: Facts, domain: str, instance: dg.DagsterInstance) -> Iterator[NoticedState]:
    """States of a domain that people are to be notified of."""
    for key, found in mesh.refused_of(domain).items():
        first = found[0]
        if key not in first.about:
            continue  # left out with another asset, which has its own notice
        # The error of an import may quote anything; its kind stands in `mesh check`.
        problem = "cannot be imported" if first.rule == "DomainLoads" else first.problem
        yield NoticedState(key, "Left out", f"{first.where}: {problem} [{first.rule}]", first.fix)
    nodes = mesh.domains[domain].nodes.values() if domain in mesh.domains else ()
    for key, text in late_nodes(nodes, facts, facts.now).items():
        yield NoticedState(key, "Late", text, f"`mesh why {key}` says what it waits for")
    for node in nodes:
        if isinstance(node, ChampionNode) and (move := _rollback_of(node, instance)):
            yield NoticedState(node.key, "Rolled back", move)
        fault = judge(node, facts).fault
        if fault is not None and judge(node, facts).waits and not _is_of_an_input(node, fault):
            yield NoticedState(node.key, "Cannot be read", _words(fault, node), fault.remedy)


def _absent(mesh: Mesh) -> Iterator[tuple[str, DomainProfile]]:
    for location in mesh.locations:
        if location.domain in mesh.refused:
            folder = mesh.root.joinpath(*location.package.split("."))
            yield location.domain, read_profile(folder)[0]


def _rollback_of(node: ChampionNode, instance: dg.DagsterInstance) -> str:
    """The words of a rollback after which no other champion has come; empty where there was none."""
    event = instance.get_latest_materialization_event(asset_key(node.key))
    made = event.asset_materialization if event else None
    words = {name: str(value.value) for name, value in made.metadata.items()} if made else {}
    if words.get("action") != "rollback":
        return ""
    return f"to {words.get('champion')} by {words.get('who')}: {words.get('because')}"


def _update(log: NoticeLog, found: Mapping[str, NoticedState], mesh: Mesh, facts: Facts) -> None:
    for name, state in found.items():
        known = log.states.get(name)
        if known is None or known.well:
            known = replace(state, at=facts.now.timestamp())
        log.states[name] = replace(known, looks=known.looks + 1)
    for name, state in list(log.states.items()):
        if name in found or state.well:
            continue
        if state.kind in _STATES or _is_mended(state, mesh, facts, log.instance):
            log.states[name] = replace(state, well=True)


def _is_mended(state: NoticedState, mesh: Mesh, facts: Facts, instance: dg.DagsterInstance) -> bool:
    """True if an asset that failed is well: made since, or it has no reason left to be made."""
    node = mesh.nodes.get(state.key)
    if node is None:
        return not mesh.refusal(state.key)  # taken out of the domain
    judged = judge(node, facts)
    if judged.fault or judged.unfit or (isinstance(node, SourceNode) and facts.landed(node).unfinished):
        return False
    if not judged.reasons and not judged.waits:
        return True
    made = instance.get_latest_materialization_event(asset_key(node.key))
    return made is not None and made.timestamp > state.at


def _tell(
    state: NoticedState, profile: DomainProfile, mesh: Mesh
) -> tuple[NoticedState, NoticeRefused | None]:
    """Tell of a state, or of its end, all who do not know it yet."""
    if not state.well and state.waits and state.looks < _LOOKS:
        return state, None
    kind = f"Well again, after: {state.kind.lower()}" if state.well else state.kind
    news = News(state.key, kind)
    lines = [news.text, *([state.what] if state.what and not state.well else [])]
    lines += [f"What to do: {state.remedy}"] if state.remedy and not state.well else []
    settings = get_settings()
    title = f"[mesh] {state.key}: {'well again' if state.well else kind.lower()}"
    letters = compose(
        mesh, shared_resources(), profile, [news], title=title, text="\n".join(lines), settings=settings
    )
    if state.well:
        wanted = {url: letter for url, letter in letters.items() if name_of(url) in state.notified}
        taken, error = deliver(wanted)
        left = {name_of(url) for url in wanted} - taken
        return replace(state, notified=tuple(sorted(left))), error
    taken, error = deliver({u: letter for u, letter in letters.items() if name_of(u) not in state.notified})
    return replace(state, notified=tuple(sorted({*state.notified, *taken}))), error


def _words(fault: MeshError, node: Node) -> str:
    """The text of an error, or its kind where the text may quote what landed."""
    public = node.contract is not None and node.contract.all_public
    return "" if type(fault).__name__ in _QUOTING and not public else fault.what


def _is_of_an_input(node: Node, fault: MeshError) -> bool:
    """True for the error of an asset that another one is made of, and that has a notice of its own."""
    return isinstance(node, ChampionNode) or any(fault.where == given.key for given in node.inputs)


def _key(domain: str) -> str:
    return f"mesh/notices/{domain}"
