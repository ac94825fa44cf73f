"""What is recorded of an error: kind, place and remedy, and none of the words that may hold a value."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.errors import LandingError, NoAnswer, TransformError
from mesh_pipelines.publishing.recorded import hush, place_of, recordable, recordable_errors

pytestmark = pytest.mark.odd_input("messages carry data", "leaked")

VALUE = "a value"
HERE = Path(__file__).parent


class Odd(BaseException):
    """No Exception, as a panic of polars."""


FAULTS = [
    ValueError(VALUE),
    KeyError(VALUE),
    OSError(errno.ENOSPC, "No space left on device", VALUE),
    OSError(errno.EIO, VALUE),
    ExceptionGroup(VALUE, [ValueError(VALUE)]),
    dg.Failure(VALUE, metadata={"row": VALUE}),
    UnicodeDecodeError("utf-8", VALUE.encode(), 0, 1, VALUE),
    TransformError(VALUE, where=VALUE, remedy=VALUE),  # as the domain's own code raises it
    Odd(VALUE),
    SystemExit(VALUE),
    KeyboardInterrupt(VALUE),  # nobody who interrupts a run gives a reason
]


def refuse(value: str) -> None:
    """Raise an error that quotes a value, as a room of the platform does.

    Raises:
        LandingError: always.
    """
    code = "raise LandingError('refused', where='a.csv', remedy='land it again', quoted=value)"
    module = {"__name__": "mesh_pipelines.landing.files", "LandingError": LandingError, "value": value}
    exec(code, module)


def fail(fault: BaseException) -> None:
    """Raise an error with a cause."""
    try:
        raise KeyError(VALUE)
    except KeyError as cause:
        raise fault from cause


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_no_word_of_an_error_of_a_domain_is_recorded(fault: BaseException) -> None:
    """Not of its causes either: kind, and the line of the domain's code that it passed last."""
    kind = NoAnswer if isinstance(fault, OSError) else TransformError
    with pytest.raises(kind) as raised, recordable_errors("shop.orders", None, HERE):
        fail(fault)
    error = raised.value
    assert type(fault).__name__ in str(error)
    assert "publishing/test_recorded.py, line" in str(error)
    assert error.where == "shop.orders"
    assert error.__cause__ is None
    assert error.__suppress_context__
    for words in (str(error), repr(error), str(vars(error))):
        assert VALUE not in words


def test_a_function_is_named_where_it_stands_in_its_file() -> None:
    """One that was made as the program ran may be named by a value: its line is named alone."""
    made: dict[str, Any] = {}
    exec(compile("def a_NAME(): int('x')".replace("NAME", "patient"), __file__, "exec"), made)
    with pytest.raises(ValueError, match="invalid literal") as raised:
        made["a_" + "patient"]()
    assert place_of(raised.value, HERE) == "mesh_pipelines/publishing/test_recorded.py, line 1"


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (type(VALUE, (ValueError,), {}), "ValueError"),
        (type(VALUE, (type("another", (KeyError,), {}),), {}), "KeyError"),
        (type(VALUE, (BaseException,), {"__module__": VALUE}), "BaseException"),
        (type("Path", (ValueError,), {"__module__": "pathlib"}), "ValueError"),
        (Odd, "Odd"),
    ],
)
def test_a_class_that_is_made_of_data_gives_no_name(kind: type[BaseException], named: str) -> None:
    """Only the name of a class that stands in a module is recorded, else that of its base."""
    error = recordable(kind(VALUE), "shop.orders")
    assert f"it failed: {named}" in str(error)
    assert VALUE not in str(error)


def test_the_platforms_own_error_stays_but_for_what_it_quotes() -> None:
    """Its kind, place and remedy, so that the planner, the notice and a person take it as before."""
    with pytest.raises(LandingError) as raised:
        refuse(VALUE)
    error = recordable(raised.value, "shop.orders")
    assert isinstance(error, LandingError)
    assert (error.what, error.where, error.remedy) == ("refused", "a.csv", "land it again")
    assert VALUE in str(raised.value)
    assert VALUE not in str(error)


def test_a_retry_is_asked_for_as_before() -> None:
    """Without the error that it was asked for."""
    again = recordable(dg.RetryRequested(max_retries=2, seconds_to_wait=3), "shop.orders")
    assert isinstance(again, dg.RetryRequested)
    assert (again.max_retries, again.seconds_to_wait) == (2, 3)


@pytest.mark.parametrize("ends", [KeyboardInterrupt, GeneratorExit])
def test_the_end_of_a_process_is_no_error(ends: type[BaseException]) -> None:
    """Ctrl-C is not taken for a failed function."""
    with pytest.raises(ends), recordable_errors("shop.orders", None, HERE):
        raise ends


def test_of_an_error_of_the_platform_its_own_line_is_named() -> None:
    """Where no line of the domain's was passed."""
    with pytest.raises(LandingError) as raised:
        refuse("a value")
    assert place_of(raised.value, None).startswith("mesh_pipelines.landing.files, line 1, in <module>")
    assert "publishing/test_recorded.py" in place_of(raised.value, HERE)


def test_what_is_printed_over_classified_rows_is_kept_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither on standard output nor on standard error; elsewhere both are as they were."""
    for quotable in (False, True):
        with hush(quotable):
            sys.stdout.write(VALUE)
            sys.stderr.write(VALUE)
            os.write(1, VALUE.encode())
            os.write(2, VALUE.encode())
            subprocess.run(["/bin/sh", "-c", f"echo {VALUE}; echo {VALUE} >&2"], check=True)
        out, err = capfd.readouterr()
        assert (VALUE in out, VALUE in err) == (quotable, quotable)


@pytest.mark.parametrize("quotable", [True, False])
def test_what_is_printed_while_the_process_ends_is_kept_nowhere(quotable: bool) -> None:
    """By functions that the domain's code registered, and by objects that live until then."""
    script = f"""
import atexit, os
from mesh_pipelines.publishing.recorded import hush

class Late:
    def __del__(self):
        os.write(1, b"{VALUE}")

def say():
    print("{VALUE}")
    os.write(2, b"{VALUE}")

with hush({quotable}):
    atexit.register(say)
    late = Late()
print("before")
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "before" in done.stdout
    assert (VALUE in done.stdout, VALUE in done.stderr) == (quotable, quotable)
