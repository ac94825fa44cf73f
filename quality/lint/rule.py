"""The one form of a rule over what people write: class name = rule, docstring = why, each violation with its fix."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Generic, TypeVar

from mesh_pipelines.errors import Violation

Subject = TypeVar("Subject", contravariant=True)


class Rule(ABC, Generic[Subject]):
    """A rule over subjects of one type: a draft contract, a domain, or all domains together."""

    @abstractmethod
    def check(self, subject: Subject, /) -> Iterator[Violation]:
        """Yield a violation for each place at which the subject breaks the rule."""

    def violation(self, where: str, problem: str, fix: str, *about: str) -> Violation:
        """A violation of this rule, about the assets or domains at fault; about the whole domain without ``about``."""
        return Violation(type(self).__name__, where, problem, fix, about)
