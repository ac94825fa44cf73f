"""One rule of the federation over a contract: class name = rule, docstring = why."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from quality.lint.draft import Draft

Finding = tuple[tuple[object, ...], str, str]


class Lint(ABC):
    """One rule of the federation over a contract."""

    @abstractmethod
    def check(self, draft: Draft) -> Iterable[Finding]:
        """Place, problem and fix of everything that breaks the rule."""
