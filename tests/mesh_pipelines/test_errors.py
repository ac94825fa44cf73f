"""Errors say what, where and the remedy; they survive a process, and lose what may be a value where they have to."""

from __future__ import annotations

import pickle
import sys
import urllib.error
from email.message import Message
from types import SimpleNamespace
from typing import Any

import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from mesh_pipelines import errors
from mesh_pipelines.errors import (
    AuditRefused,
    DomainError,
    IntegrityError,
    KeyUnavailable,
    LandingError,
    MeshError,
    NoAnswer,
    RuleTooCostly,
    SelectionError,
    SourceUnavailable,
    StorageFull,
    StorageUnusable,
    TransformError,
    TransientError,
    Violation,
    cause_in_words,
    may_pass,
    record_may_pass,
)

VIOLATION = Violation("ContractIsValid", "orders.odcs.yaml: $.name", "no name", "write one")
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MeshError)]


def test_the_tree_of_the_docstring_is_the_tree_of_the_classes() -> None:
    """Each class stands below its base, and no other class does."""
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        body = line.lstrip(" │├└─")
        name = body.split(" ")[0]
        if name.isidentifier() and hasattr(errors, name):
            drawn.append((len(line) - len(body), name))
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for depth, name in drawn:
        path = [(level, above) for level, above in path if level < depth]
        parents[name] = path[-1][1] if path else "Exception"
        path.append((depth, name))
    assert parents == {kind.__name__: kind.__bases__[0].__name__ for kind in KINDS}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "no rows"),
        ({"where": "a.csv"}, "a.csv: no rows"),
        ({"quoted": "id 7"}, "no rows: id 7"),
        ({"remedy": "land some"}, "no rows\n  -> land some"),
        ({"where": "a.csv", "quoted": "id 7", "remedy": "land some"}, "a.csv: no rows: id 7\n  -> land some"),
    ],
)
def test_an_error_says_what_where_and_the_remedy(given: dict[str, str], text: str) -> None:
    """Each where it is known."""
    assert str(MeshError("no rows", **given)) == text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_the_same_in_another_process(kind: type[MeshError]) -> None:
    """An auditing process raises it, and this one shows it: kind, words and what it carries."""
    made: Any = kind
    error = (
        made("the mesh", [VIOLATION])
        if issubclass(kind, errors.DefinitionError)
        else made("no rows", where="a.csv", remedy="land some", quoted="id 7")
    )
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_an_error_without_its_quote_is_a_copy() -> None:
    """Of the same kind, with all else that it carries; the cause, which may hold the value too, is left behind."""
    error = AuditRefused("refused", where="a.b", remedy="mend it", quoted="hunter2", outcome="the audit")
    error.__cause__ = ValueError("hunter2")
    error.add_note("hunter2")
    bare = error.without_quote()
    assert isinstance(bare, AuditRefused)
    assert (str(bare), bare.outcome, bare.__cause__) == ("a.b: refused\n  -> mend it", "the audit", None)
    assert "hunter2" not in f"{bare!r} {vars(bare)}"
    assert error.quoted == "hunter2", "the error itself stays"


@pytest.mark.parametrize(("quoted", "shown"), [("hunter2", "no rows: (left out)"), ("", "no rows")])
def test_words_in_place_of_a_quote_stand_where_one_was(quoted: str, shown: str) -> None:
    """An error that quoted nothing has nothing to be replaced."""
    assert str(LandingError("no rows", quoted=quoted).without_quote("(left out)")) == shown


@pytest.mark.parametrize(
    ("count", "head"), [(0, "0 violations found"), (1, "1 violation found"), (2, "2 violations found")]
)
def test_a_definition_error_has_every_violation_with_its_fix(count: int, head: str) -> None:
    """And counts them."""
    error = DomainError("domain shop", [VIOLATION] * count)
    assert str(error).splitlines()[0] == f"domain shop: {head}"
    assert str(error).count("\n  -> write one") == count
    assert error.violations == (VIOLATION,) * count


def test_violations_are_equal_whatever_they_keep_back() -> None:
    """What nothing is made of until it is mended is no part of what was broken."""
    about = Violation(
        VIOLATION.rule, VIOLATION.where, VIOLATION.problem, VIOLATION.fix, about=("shop.orders",)
    )
    assert about == VIOLATION
    assert len({about, VIOLATION}) == 1


def test_what_may_be_tried_again_is_known_by_its_kind() -> None:
    """Retrying is decided by class, not by words."""
    transient = {kind.__name__ for kind in KINDS if issubclass(kind, TransientError)}
    assert {"CommitConflict", "SourceUnavailable", "TrackingUnavailable"} < transient
    assert not transient & {"AuditRefused", "IntegrityError", "KeyUnavailable", "LandingError"}


def told(*messages: str) -> Any:
    """Dagster's record of an error, each with the next for its cause."""
    record = None
    for message in reversed(messages):
        record = SimpleNamespace(message=message, cause=record)
    return record


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ((), ""),
        (("ValueError: boom\n",), "ValueError: boom"),
        (("DagsterExecutionStepExecutionError: in step\n", "KeyError: 'x'\n"), "KeyError: 'x'"),
        (
            (
                "Dagster: in step",
                "mesh_pipelines.errors.LandingError: a.csv: no rows\n  -> land some",
                "OSError: no",
            ),
            "a.csv: no rows\n  -> land some",
        ),
        (("mesh_pipelines.errors_of_others.Error: no", "ValueError: boom"), "ValueError: boom"),
    ],
)
def test_the_meshs_own_words_come_before_the_first_cause(messages: tuple[str, ...], words: str) -> None:
    """They have the remedy, even where another library's error lies below."""
    assert cause_in_words(told(*messages)) == words


def test_every_kind_is_caught_as_one_of_the_mesh() -> None:
    """The command line shows each as a message."""
    assert MeshError in KINDS
    with pytest.raises(MeshError):
        raise SelectionError("nothing is named so")


class ConnectTimeout(ConnectionError):
    """As a client of HTTP names it."""


HTTP = urllib.error.HTTPError("http://a", 404, "not found", Message(), None)


@pytest.mark.odd_input("neighbours", "lost", "held up")
@pytest.mark.parametrize(
    ("error", "cause", "passes"),
    [
        (SourceUnavailable("x"), None, True),
        (NoAnswer("x"), None, True),
        (StorageFull("x"), OSError(28, "full"), True),
        (StorageUnusable("x"), None, True),
        (KeyUnavailable("x"), None, True),
        (TimeoutError("x"), None, True),
        (ConnectTimeout("x"), None, True),
        (TransformError("x"), ConnectionRefusedError("x"), True),
        (TransformError("x"), OSError(5, "input/output error"), True),
        (RuntimeError("x"), KeyUnavailable("x"), True),
        (TransformError("x"), ValueError("x"), False),
        (TransformError("x"), FileNotFoundError("x"), False),
        (TransformError("x"), HTTP, False),
        (LandingError("x"), OSError(5, "no Parquet"), False),
        (AuditRefused("x"), ConnectionError("x"), False),
        (RuleTooCostly("x"), TimeoutError("x"), False),
        (IntegrityError("x"), None, False),
        (ZeroDivisionError("x"), None, False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_of_content_is_told_from_one_that_may_pass(
    error: Exception, cause: Exception | None, passes: bool
) -> None:
    """The first of the mesh's own decides, and of a function that failed its cause."""
    assert may_pass(_raised(error, cause)) is passes
    assert record_may_pass(_record(error, cause)) is passes


@pytest.mark.odd_input("neighbours", "lost", "held up")
def test_no_record_says_nothing() -> None:
    """Of a step that failed without an error."""
    assert not record_may_pass(None)


def _raised(error: Exception, cause: Exception | None) -> Exception:
    error.__cause__ = cause
    return error


def _record(error: Exception, cause: Exception | None) -> object:
    try:
        raise RuntimeError("a step failed") from _raised(error, cause)
    except RuntimeError:
        return serializable_error_info_from_exc_info(sys.exc_info())
