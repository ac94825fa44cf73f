"""Errors and output as they may be recorded: with values only where nothing that the step reads is classified.

Whatever Dagster is given of an error (its text, its causes, their text), it keeps in its databases, logs and notices.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import io
import os
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import MeshError, NoAnswer, TransformError, may_pass, name_of_kind
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.shared import SharedResources, shared_resources

if TYPE_CHECKING:
    from types import TracebackType

    from resources.lake.publication import Publication

_HIDDEN = "(what may hold values is not recorded, for classified columns are read)"
_OURS = ("mesh_pipelines", "quality", "resources")
ENDS = (GeneratorExit, KeyboardInterrupt, DagsterExecutionInterruptedError)
"""Exceptions by which a step is ended from outside."""


def may_quote(shared: SharedResources, node: Node) -> bool:
    """True where a message about a node may hold values: no column of it, or of what it reads, is classified."""
    published = [shared.record(wanted.key) for wanted in node.inputs]
    if node.contract is None and not node.inputs:
        return False
    return (node.contract is None or node.contract.all_public) and all(
        found is not None and is_public(shared, found) for found in published
    )


def is_public(shared: SharedResources, published: Publication) -> bool:
    """True for a table without a classified column; of one without a contract, all that it is made of counts."""
    if set(published.classification.values()) <= {"public"}:
        return True
    made = PublishRecord.of(published)
    if made.contract_version:
        return False
    read = [shared.record(key) for key in made.inputs]
    return bool(read) and all(
        found is not None and set(found.classification.values()) <= {"public"} for found in read
    )


@contextlib.contextmanager
def recordable_errors(key: str, node: Node | None, folder: Path | None) -> Generator[None]:
    """Raise every error as one that may be recorded; where ``node`` is ``None`` nothing is quoted."""
    try:
        yield
    except ENDS:
        raise
    except BaseException as error:  # a panic of polars is no Exception
        if isinstance(error, Exception) and node is not None and quotes(node):
            raise
        raise recordable(error, key, folder) from None


def recordable(error: BaseException, key: str, folder: Path | None = None) -> Exception:
    """An error without any word of a library or of the domain: the kind, the domain's line, and the remedy."""
    place = place_of(error, folder)
    if isinstance(error, dg.RetryRequested):
        return dg.RetryRequested(error.max_retries, error.seconds_to_wait)
    if isinstance(error, MeshError) and _is_ours(error.__traceback__):
        words = f"{place} {_HIDDEN}".strip()
        return error.without_quote(words).with_traceback(error.__traceback__)
    reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    kind = NoAnswer if may_pass(error) else TransformError
    return kind(
        f"it failed: {name_of_kind(error)}{reason}",
        where=key,
        remedy="run it on made-up rows to see the whole error: its tests, or a frame in Python",
        quoted=f"{place} {_HIDDEN}".strip(),
    ).with_traceback(error.__traceback__)


def place_of(error: BaseException, folder: Path | None) -> str:
    """File, line and function that an error passed last: of the domain's own code, else of the platform's."""
    own, any_ours, seen, last = "", "", set[int](), error
    while last is not None and id(last) not in seen:
        seen.add(id(last))
        trace = last.__traceback__
        while trace is not None:
            code, module = trace.tb_frame.f_code, str(trace.tb_frame.f_globals.get("__name__", ""))
            file, line = Path(code.co_filename), f"line {trace.tb_lineno}, in {code.co_name}"
            if folder is not None and file.is_relative_to(folder):
                own = f"{file.relative_to(folder.parent.parent)}, {line}"
            elif module.partition(".")[0] in _OURS:
                any_ours = f"{module}, {line}"
            trace = trace.tb_next
        last = last.__cause__ or last.__context__
    return own or any_ours


class _Nowhere(io.TextIOBase):
    """Forgets what is written."""

    def write(self, text: str, /) -> int:
        return len(text)


class _NoDescriptors:
    """Sends standard output and error of the whole process nowhere: C libraries and programs write there themselves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._kept: dict[int, int] = {}

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside > 1:
                return
            for stream in (sys.__stdout__, sys.__stderr__):
                if stream is not None and not stream.closed:
                    stream.flush()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for number in (1, 2):
                with contextlib.suppress(OSError):  # it is closed
                    self._kept[number] = os.dup(number)
                    os.dup2(nowhere, number)
            os.close(nowhere)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside:
                return
            ctypes.CDLL(None).fflush(None)  # what C libraries have not written yet
            for number, kept in self._kept.items():
                os.dup2(kept, number)
                os.close(kept)
            self._kept = {}
        # The last one registered is called first: whatever the domain's code has registered meanwhile comes after it.
        atexit.unregister(_fall_silent)
        atexit.register(_fall_silent)


def _fall_silent() -> None:
    """Send nowhere what is printed while the process ends: functions for that, and last objects, may hold values."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)


_NO_DESCRIPTORS = _NoDescriptors()


def hush(quotable: bool) -> contextlib.AbstractContextManager[object]:
    """Keep what a domain's code prints and libraries warn of out of the log, unless it is ``quotable``."""
    stack = contextlib.ExitStack()
    if not quotable:
        nowhere = _Nowhere()
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        stack.enter_context(contextlib.redirect_stderr(nowhere))
        stack.enter_context(_NO_DESCRIPTORS)
    return stack


def quotes(node: Node) -> bool:
    """As :func:`may_quote`; false where the lake cannot be asked."""
    try:
        return may_quote(shared_resources(), node)
    except Exception:  # noqa: BLE001 (a lake that cannot be read does not say that all of it is public)
        return False


def _is_ours(trace: TracebackType | None) -> bool:
    """True if the platform raised it, not the domain's code."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name: str = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    return name.partition(".")[0] in _OURS


def each_recordable(
    results: Iterator[Any], key: str, node: Node | None, folder: Path | None
) -> Iterator[Any]:
    """Results of a step one by one, its errors as ones that may be recorded."""
    with recordable_errors(key, node, folder):
        yield from results
