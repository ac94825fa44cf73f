"""Every error the mesh raises on purpose, in one tree.

    MeshError                        what is wrong, where, and the remedy
    ├── DefinitionError              a team's definitions are not sound (carries every violation, not just the first)
    │   ├── ContractError            a contract file breaks ODCS or the federation's rules
    │   └── DomainError              a domain breaks the federation's rules
    ├── SelectionError               a name on the command line fits nothing in the mesh
    ├── LandingError                 landed data does not fit the source's contract, or cannot be read
    ├── TransformError               a domain's own function failed, or returned something else than rows
    ├── AuditRefused                 a candidate broke its contract beyond the tolerance: nothing was published
    ├── RuleTooCostly                a dataset rule took more time or memory than it may: nothing was published
    ├── AccessRefused                no agreement lets this domain read that product for that purpose
    ├── KeyUnavailable               a data key or the master key is missing or wrong
    ├── IntegrityError               stored bytes are not the bytes that were written
    ├── NotPublished                 a product, version or model that does not exist (yet)
    ├── StorageUnusable              a folder that the settings name cannot be read or written
    ├── GateRefused                  a model may not be moved to where it was asked to go
    ├── NoticeRefused                a notice to people was taken by nobody
    └── TransientError               the same call may succeed later, unchanged
        ├── AuditorLost              the process that audits for this one has ended
        ├── CommitConflict           another writer published first, and kept doing so
        ├── NoAnswer                 what a domain's function asked, or a part of the platform, did not answer
        ├── SourceUnavailable        the database or store that a source reads does not answer
        ├── StorageFull              no space left where the lake, or another part of the home, lives
        └── TrackingUnavailable      the MLflow server does not answer

This module imports nothing of the project, so every room may import it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


class MeshError(Exception):
    """Base of all errors that the mesh raises on purpose.

    Args:
        what: the problem, one sentence.
        where: file, key, column or row at fault, as exactly as is known.
        remedy: the reader's next step.
        quoted: words of a library or of the domain's code, or names that come with the data: they may hold values, and
            are recorded only where nothing that the step reads is classified.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", quoted: str = "") -> None:
        self.what, self.where, self.remedy, self.quoted = what, where, remedy, quoted
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        quoted = f": {self.quoted}" if self.quoted else ""
        hint = f"\n  -> {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{quoted}{hint}"

    def without_quote(self, instead: str = "") -> MeshError:
        """A copy without the words that may hold values, and without a cause."""
        state = {name: value for name, value in self.__dict__.items() if not name.startswith("__")}
        return _rebuild(type(self), {**state, "quoted": instead if self.quoted else ""})

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.__dict__.copy()))


def _rebuild(kind: type[MeshError], state: dict[str, object]) -> MeshError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    Exception.__init__(error, state.get("what"), state.get("where"), state.get("remedy"))
    return error


@dataclass(frozen=True)
class Violation:
    """One broken rule of the federation.

    Args:
        rule: name of the rule, e.g. ``ContractIsValid``.
        fix: the text to write instead.
        about: domains (``name``) or assets (``domain.name``) that nothing is made of until it is mended; the
            domain whose rule it is where none is named.
    """

    rule: str
    where: str
    problem: str
    fix: str
    about: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.where}: {self.problem} [{self.rule}]\n  -> {self.fix}"


class DefinitionError(MeshError):
    """A team's definitions are not sound; ``violations`` lists every fault, each with its fix."""

    def __init__(self, subject: str, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        count = len(self.violations)
        found = f"{count} violation{'s' if count != 1 else ''}"
        super().__init__(f"{found} found\n" + "\n".join(str(v) for v in self.violations), where=subject)


class ContractError(DefinitionError):
    """A contract file breaks the Open Data Contract Standard or the federation's rules."""


class DomainError(DefinitionError):
    """A domain breaks the federation's rules."""


class SelectionError(MeshError):
    """A name on the command line fits nothing in the mesh."""


class LandingError(MeshError):
    """Landed data does not fit the source's contract, or cannot be read."""


class TransformError(MeshError):
    """A domain's own function failed, or returned something else than rows."""


class AuditRefused(MeshError):
    """A candidate broke its contract beyond the tolerance: nothing was published; ``outcome`` is the whole audit."""

    def __init__(
        self, what: str, *, where: str = "", remedy: str = "", quoted: str = "", outcome: object = None
    ) -> None:
        super().__init__(what, where=where, remedy=remedy, quoted=quoted)
        self.outcome = outcome


class RuleTooCostly(MeshError):
    """A dataset rule took more time or memory than it may; its process was ended and nothing was published."""


class AccessRefused(MeshError):
    """No agreement lets this domain read that product for that purpose."""


class KeyUnavailable(MeshError):
    """A data key or the master key is missing or wrong."""


class IntegrityError(MeshError):
    """Stored bytes are not the bytes that were written."""


class NotPublished(MeshError):
    """A product, version or model that does not exist (yet)."""


class StorageUnusable(MeshError):
    """A folder that the settings name cannot be read or written."""


class GateRefused(MeshError):
    """A model may not be moved to where it was asked to go."""


class NoticeRefused(MeshError):
    """A notice to people was not taken where it was sent."""


class TransientError(MeshError):
    """The same call may succeed later, unchanged."""


class AuditorLost(TransientError):
    """The process that audits for this one has ended."""


class CommitConflict(TransientError):
    """Another writer published first, and kept doing so."""


class NoAnswer(TransientError):
    """A service, database or store that a step asked did not answer."""


class SourceUnavailable(TransientError):
    """The database or object store that a source reads does not answer."""


class StorageFull(TransientError):
    """No space is left where the lake, or another part of the home, lives."""


class TrackingUnavailable(TransientError):
    """The MLflow server does not answer."""


def cause_in_words(error: Any) -> str:
    """The mesh's own error, which has the remedy, even where another library's lies below it; else the first cause."""
    text = ""
    while error is not None:
        text = str(error.message).strip()
        head, _, rest = text.partition(": ")
        if head.startswith(f"{MeshError.__module__}."):
            return rest
        error = error.cause
    return text


_PASSING = (TransientError, KeyUnavailable, StorageUnusable)
"""Errors that say nothing of the content of an asset: mended elsewhere, the same content succeeds."""
_NO_ANSWER = frozenset(
    ("ConnectionError", "TimeoutError", "Timeout", "URLError", "TransportError", "TimeoutException")
)
"""Names of classes, and of their bases, by which Python and its usual clients say that nobody answers."""
_DATABASES = ("psycopg", "psycopg2", "pymysql")


def may_pass(error: BaseException) -> bool:
    """True if an error may not happen again for the same content.

    The first error of the mesh among it and its causes decides; for one that wraps a function's error, the cause does.
    """
    seen = set[int]()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        if isinstance(one, _PASSING) or got_no_answer(one):
            return True
        if isinstance(one, MeshError) and not isinstance(one, TransformError):
            return False
        one = one.__cause__
    return False


def got_no_answer(error: BaseException) -> bool:
    """True for an error of another library by which it says that what it asked does not answer."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "HTTPError" in names:  # an answer
        return False
    database = type(error).__module__.partition(".")[0] in _DATABASES and "OperationalError" in names
    return bool(names & _NO_ANSWER) or type(error) is OSError or database


def record_may_pass(error: Any) -> bool:
    """As :func:`may_pass`, of Dagster's record of an error, which may be ``None``: it has the names of the classes."""
    passing = {kind.__name__ for parent in _PASSING for kind in _with_subclasses(parent)}
    passing |= _NO_ANSWER | {kind.__name__ for kind in (OSError, *ConnectionError.__subclasses__())}
    decided = {kind.__name__ for kind in _with_subclasses(MeshError)} - {TransformError.__name__}
    while error is not None:
        if error.cls_name in passing:
            return True
        if error.cls_name in decided:
            return False
        error = error.cause
    return False


def name_of_kind(error: BaseException) -> str:
    """The name of an error's class, or of its nearest base, that a module holds."""
    return held_name(type(error), "Exception")


def held_name(cls: type[Any], otherwise: str = "object") -> str:
    """The name of a class, or of its nearest base, that a module holds: others may be made of data."""
    for kind in cls.__mro__:
        held: Any = sys.modules.get(kind.__module__)
        for name in kind.__qualname__.split("."):
            held = getattr(held, name, None)
        if held is kind or not kind.__flags__ & _MADE_BY_PYTHON:
            return kind.__name__
    return otherwise


_MADE_BY_PYTHON = 1 << 9
"""Flag of a class that was made as the program ran (CPython's ``Py_TPFLAGS_HEAPTYPE``)."""


def _with_subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _with_subclasses(below)
