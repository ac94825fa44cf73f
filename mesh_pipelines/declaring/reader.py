"""The reader of a product, the purpose, and the protocol of the one place that decides about both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NewType, Protocol

Purpose = NewType("Purpose", str)
"""What a product is read for, in the words of an agreement: ``delay-prediction``."""


@dataclass(frozen=True)
class Reader:
    """Who reads. It is given by the code location, or by the caller's own credential; it is never guessed from a name.

    Args:
        kind: a domain's code, a person, or an agent.
        name: of the domain, person or agent.
    """

    kind: Literal["domain", "person", "agent"]
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "domain" else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class AccessRequest:
    """A reader that wants to read a product.

    Args:
        reader: who.
        product: key of the product.
        purpose: what for; ``None`` where none is stated.
    """

    reader: Reader
    product: str
    purpose: Purpose | None = None

    @property
    def owner(self) -> str:
        """The domain that owns the product."""
        return self.product.partition(".")[0]


class DecisionPoint(Protocol):
    """Decides whether a product may be read; every read of a port asks it."""

    def refusal(self, request: AccessRequest) -> str:
        """The reason why a request is refused, in words; empty where it is granted."""
        ...
