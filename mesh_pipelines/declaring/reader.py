"""The reader of a product, the purpose, and the protocol of the decision point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NewType, Protocol

Purpose = NewType("Purpose", str)
"""Purpose of a read, in the words of an agreement: ``delay-prediction``."""


@dataclass(frozen=True)
class Reader:
    """The party that reads, given by the code location or the caller's credential, never guessed from a name."""

    kind: Literal["domain", "person", "agent"]
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "domain" else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class AccessRequest:
    """A reader's request to read a product, by key; the purpose is ``None`` where none is stated."""

    reader: Reader
    product: str
    purpose: Purpose | None = None

    @property
    def owner(self) -> str:
        return self.product.partition(".")[0]


class DecisionPoint(Protocol):
    """Decides on every read of a port."""

    def refusal(self, request: AccessRequest) -> str:
        """Reason for refusing a request; empty where it is granted."""
        ...
