"""The recipients of a notice: the contact of a domain, and those of all domains that read what is made of the asset."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from mesh_pipelines.errors import NoticeRefused

if TYPE_CHECKING:
    from mesh_pipelines.declaring.domain_profile import DomainProfile
    from mesh_pipelines.declaring.mesh import Mesh
    from mesh_pipelines.shared import SharedResources
    from resources.settings import Settings


@dataclass(frozen=True)
class News:
    """One thing that happened to an asset, or to a whole domain, without details of its data.

    Args:
        kind: in words: ``Audit refused``.
        lines: what readers may know of it besides.
    """

    key: str
    kind: str
    lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join([f"{self.key}: {self.kind}", *self.lines])


@dataclass(frozen=True)
class Consumer:
    """A domain that reads what is made of an asset of another one."""

    profile: DomainProfile
    reads: tuple[str, ...]


@dataclass
class _Letter:
    """The notice for one address."""

    title: str = ""
    parts: list[str] = field(default_factory=list[str])


def consumers_of(mesh: Mesh, key: str) -> list[Consumer]:
    """Domains that read an asset, or anything that is made of it, through a port or under an agreement."""
    made: set[str] = {key}
    readers: dict[str, set[str]] = {}
    for node in mesh.nodes.values():  # upstream first
        for given in node.inputs:
            if given.key in made or given.key.partition(".")[0] == key:
                made.add(node.key)
                if given.key.partition(".")[0] != node.domain:
                    readers.setdefault(node.domain, set()).add(given.key)
    for one in made & set(mesh.nodes):
        contract = mesh.nodes[one].contract
        for agreement in contract.agreements if contract else ():
            readers.setdefault(agreement.consumer, set()).add(one)
    owner = key.partition(".")[0]
    return [
        Consumer(mesh.domains[name].profile, tuple(sorted(reads)))
        for name, reads in sorted(readers.items())
        if name in mesh.domains and name != owner
    ]


def compose(
    mesh: Mesh,
    shared: SharedResources,
    owner: DomainProfile | None,
    news: Sequence[News],
    *,
    title: str,
    text: str,
    settings: Settings,
) -> dict[str, tuple[str, str]]:
    """Title and text of the notice for each address; an address that is named for several people has one."""
    letters: dict[str, _Letter] = {}
    for url in urls_for(owner, settings) if owner else ():
        letters[url] = _Letter(title, [text])
    for one in news:
        for consumer in consumers_of(mesh, one.key):
            name = consumer.profile.name
            for url in urls_for(consumer.profile, settings):
                letter = letters.setdefault(url, _Letter())
                if not letter.title:
                    letter.title = f"[mesh] {one.key}: {one.kind.lower()}; {name} reads it"
                if text not in letter.parts and one.text not in letter.parts:
                    letter.parts.append(one.text)
                contact = f" ({consumer.profile.contact})" if consumer.profile.contact else ""
                letter.parts.append(f"{name}{contact} {_reading(consumer.reads, shared)}")
    return {url: (letter.title, "\n\n".join(letter.parts)) for url, letter in letters.items()}


def deliver(letters: Mapping[str, tuple[str, str]]) -> tuple[frozenset[str], NoticeRefused | None]:
    """Send each notice; an address that does not take its own keeps none from the others.

    Returns:
        Addresses, as :func:`name_of` names them, that took theirs, and the error that names the others.
    """
    taken: set[str] = set()
    refused: list[str] = []
    for url, (title, text) in letters.items():
        try:
            send([url], title, text)
            taken.add(name_of(url))
        except NoticeRefused as error:
            refused.append(error.what)
    error = (
        NoticeRefused(
            "; ".join(refused),
            where="MESH_NOTIFY, MESH_NOTIFY_DOMAINS",
            remedy="see that its address is right and its server answers; the next look sends it again",
        )
        if refused
        else None
    )
    return frozenset(taken), error


def name_of(url: str) -> str:
    """A name for an address, which is a secret, under which it can be kept."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def send(urls: Sequence[str], title: str, text: str) -> None:
    """Send a notice to every URL, as plain text.

    Raises NoticeRefused: one of them did not take it; its address is a secret and left out.
    """
    import apprise

    refused: list[str] = []
    for number, url in enumerate(urls, 1):
        box = apprise.Apprise()
        added = box.add(url)
        if not added or not box.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT):
            refused.append(f"{url.partition(':')[0]}:// (number {number})")
    if refused:
        raise NoticeRefused(
            f"the notice {title!r} was not taken by {', '.join(refused)}",
            where="MESH_NOTIFY",
            remedy="look whether its address is right and its server answers; the next failure is told again",
        )


def urls_for(profile: DomainProfile, settings: Settings) -> tuple[str, ...]:
    """URLs for notices of a domain: its own, else everybody's; ``{contact}`` and ``{domain}`` are filled in."""
    own = settings.notify_domains.get(profile.name) or settings.notify
    text = own.get_secret_value() if own else ""
    filled = {"{contact}": quote(profile.contact), "{domain}": quote(profile.name)}
    if "{contact}" in text and not profile.contact:
        return ()
    for word, value in filled.items():
        text = text.replace(word, value)
    return tuple(text.split())


def _reading(keys: Iterable[str], shared: SharedResources) -> str:
    """The versions that a consumer reads now, as the end of a sentence."""
    found: list[str] = []
    for key in keys:
        try:
            record = shared.record(key)
        except Exception:  # noqa: BLE001 (a broken table may raise anything at all)
            found.append(f"{key}, which cannot be read")
            continue
        found.append(
            f"{key} version {record.version}, published on {record.published_at:%Y-%m-%d %H:%M} UTC"
            if record
            else f"nothing of {key}, which is not published yet"
        )
    return f"reads on: {'; '.join(found)}."
