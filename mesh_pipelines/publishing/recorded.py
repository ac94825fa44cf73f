"""Errors and output as they may be recorded: with values only where nothing that the step reads is classified.

Whatever Dagster is given of an error (its text, its causes, their text), it keeps in its databases, logs and notices.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import io
import linecache
import logging
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core import log_manager
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.context.metadata_logging import OutputMetadataAccumulator

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import MeshError, NoAnswer, TransformError, may_pass, name_of_kind
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.shared import SharedResources, shared_resources

if TYPE_CHECKING:
    from types import CodeType, TracebackType

    from resources.lake.publication import Publication

_HIDDEN = "(what may hold values is not recorded, for classified columns are read)"
_OURS = ("mesh_pipelines", "quality", "resources")
_ROOT = Path(__file__).parents[2]
_LIBRARIES = Path(dg.__file__).parents[1]
_TRUSTED = (
    *(f"{_LIBRARIES / name}{os.sep}" for name in ("dagster", "dagster_mlflow")),
    *(f"{_ROOT / name}{os.sep}" for name in _OURS),
)
"""Folders of code whose lines in a run's log hold no value."""
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
    except ENDS as end:
        if end.args:  # nobody from outside gives it words: the domain's code raised it
            raise recordable(end, key, folder) from None
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
    # Its own words may be anybody's: only the number says what the operating system said.
    reason = f": {os.strerror(error.errno)}" if isinstance(error, OSError) and error.errno else ""
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
            file, line = Path(code.co_filename), f"line {trace.tb_lineno}{_function(code)}"
            if folder is not None and file.is_relative_to(folder):
                own = f"{file.relative_to(folder.parent.parent)}, {line}"
            elif module.partition(".")[0] in _OURS:
                any_ours = f"{module}, {line}"
            trace = trace.tb_next
        last = last.__cause__ or last.__context__
    return own or any_ours


def _function(code: CodeType) -> str:
    """The function's name where it stands in the file: of one that was made as the program ran, it may be a value."""
    written = code.co_name in ("<module>", "<lambda>", "<genexpr>", "<listcomp>") or any(
        code.co_name in line for line in linecache.getlines(code.co_filename)
    )
    return f", in {code.co_name}" if written else ""


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


class _OwnRecords:
    """Keeps lines and events that a domain's code logs out of the run's log where they may hold values.

    Whatever Dagster logs of a step itself, it logs between the results of the step: see :meth:`paused`.

    Args:
        handlers: of the step's own log.
        node: the asset; ``None`` where it is not known what is read.
    """

    def __init__(self, handlers: Sequence[logging.Handler], node: Node | None) -> None:
        self._node, self._usual = node, {handler: handler.filter for handler in handlers}

    def __enter__(self) -> _OwnRecords:
        for (
            handler,
            usual,
        ) in self._usual.items():  # filters that are added to Dagster's handler are not asked
            handler.filter = lambda record, usual=usual: self._may_pass(record) and usual(record)
        return self

    def __exit__(self, *error: object) -> None:
        for handler, usual in self._usual.items():
            handler.filter = usual

    @contextlib.contextmanager
    def paused(self) -> Generator[None]:
        """Let everything pass while Dagster has the word."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def _may_pass(self, record: logging.LogRecord) -> bool:
        own = (
            log_manager.has_log_record_event(record)
            or record.pathname == log_manager.__file__  # `log.log(...)`, whoever calls it
            or not record.pathname.startswith(_TRUSTED)
        )
        return not own or (self._node is not None and quotes(self._node))


def _forget_own_events(context: Any, node: Node | None) -> None:
    """Forget events and metadata that a domain's code gave its context, where they may hold values."""
    own = context.op_execution_context
    step = own.get_step_execution_context()
    given = own.has_events() or step._metadata_accumulator.per_output_metadata
    if given and (node is None or not quotes(node)):
        list(own.consume_events())
        step._metadata_accumulator = OutputMetadataAccumulator.empty()


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


def recordable_results(
    context: Any, results: Callable[[], Iterator[Any]], key: str, node: Node | None, folder: Path | None
) -> Iterator[Any]:
    """Results of a step one by one; its errors, lines and events as ones that may be recorded.

    Args:
        context: of the step.
        results: makes them; nothing is recorded of it by itself.
        key: see :func:`recordable_errors`, as for the rest.
    """
    with recordable_errors(key, node, folder), _OwnRecords(context.log.handlers, node) as own:
        try:
            for result in results():
                _forget_own_events(context, node)
                with own.paused():
                    yield result
        finally:
            _forget_own_events(context, node)
