"""Errors that may pass by themselves, and errors of the content: by the error itself, and by Dagster's record of it."""

from __future__ import annotations

import sys
import urllib.error
from email.message import Message

import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from mesh_pipelines.errors import (
    AuditRefused,
    IntegrityError,
    KeyUnavailable,
    LandingError,
    NoAnswer,
    RuleTooCostly,
    SourceUnavailable,
    StorageFull,
    StorageUnusable,
    TransformError,
    may_pass,
    record_may_pass,
)

pytestmark = pytest.mark.odd_input("neighbours", "lost", "held up")


class ConnectTimeout(ConnectionError):
    """As a client of HTTP names it."""


HTTP = urllib.error.HTTPError("http://a", 404, "not found", Message(), None)


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
