"""Plans the functions of the mesh in a fork of the trial process: one that ends or hangs its process is named.

A function is the domain's own Python, called without rows. It may exit, crash, loop, or take all memory; whoever
asks then asks again without it.
"""

from __future__ import annotations

import base64
import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from typing import Any

from mesh_pipelines.declaring.load import load_domain
from mesh_pipelines.governance.rules.federation import Federation
from mesh_pipelines.governance.rules.plans import plan_functions
from quality.child import memory_of, resident

_GLANCE = 0.1
"""Seconds between two looks at the clock and the memory of the fork."""
_LATER = 2.0
"""Seconds that a fork has to end after it has closed its answer."""
_END = b"\n.\n"
_PRINTED = 10_000
"""Characters that are kept of what functions print."""


class _Printed(StringIO):
    """What functions print; one that closes it closes it for no other."""

    def close(self) -> None:
        return None


def plan_in_fork(
    request: Mapping[str, Any], requests: int, enter: Callable[[Mapping[str, Any]], None]
) -> dict[str, Any]:
    """The plans of all functions, or the key of the one that ended the fork.

    Args:
        request: its ``packages``, the keys to ``skip``, the ``seconds`` and ``memory`` that one function may take.
        requests: the descriptor that closes when nobody waits for the answer any more.
        enter: makes the fork what the process that asks is.
    """
    answers, write = os.pipe()
    number = os.fork()
    if number == 0:
        try:
            os.close(answers)
            enter(request)
            _plan(request, write)
        except KeyboardInterrupt:
            os._exit(130)
        finally:
            os._exit(70)
    os.close(write)
    try:
        return _follow(request, number, answers, requests)
    finally:
        os.close(answers)


def _plan(request: Mapping[str, Any], answers: int) -> None:
    """Plan all functions and send their plans; before each, its key. Runs in the fork."""
    printed = _Printed()
    with redirect_stdout(printed), redirect_stderr(printed):
        federation = Federation(tuple(load_domain(package) for package in request["packages"]))
        plans = plan_functions(
            federation.ordered,
            begin=lambda key: _send(answers, f"{key}\n".encode()),
            without=request["skip"],
        )
    _send(answers, base64.b64encode(pickle.dumps((dict(plans), printed.getvalue()[:_PRINTED]))) + _END)
    os._exit(0)


def _send(answers: int, content: bytes) -> None:
    while content:
        content = content[os.write(answers, content) :]


def _follow(request: Mapping[str, Any], number: int, answers: int, requests: int) -> dict[str, Any]:
    text, least, limit = b"", resident(number) or 0, memory_of(request["memory"])
    seconds: float = request["seconds"]
    end = time.monotonic() + seconds
    while True:
        ready = select.select([requests, answers], [], [], _GLANCE)[0]
        if requests in ready:  # no second request comes before the answer: it is closed
            _kill(number)
            sys.exit()
        if answers in ready:
            read = os.read(answers, 1_048_576)
            text, end = text + read, time.monotonic() + seconds
            if text.endswith(_END):
                _kill(number)
                return {"planned": text.removesuffix(_END).rpartition(b"\n")[2].decode()}
            if not read:
                return _ended(text, _words_of(_status(number)))
        elif time.monotonic() > end:
            _kill(number)
            return _ended(text, f"does not come to an end: it was stopped after {seconds:g} s")
        elif limit is not None and (resident(number) or 0) > least + limit:
            _kill(number)
            return _ended(text, f"needs more memory than {request['memory']}, and was stopped")


def _ended(text: bytes, hazard: str) -> dict[str, Any]:
    """The answer for the function whose key was sent last; the key is empty where none had begun."""
    keys = text.decode(errors="replace").split("\n")
    return {"ended": keys[-2] if len(keys) > 1 else "", "hazard": hazard}


def _words_of(status: int) -> str:
    if status < 0:
        return f"crashes the process ({signal.Signals(-status).name})"
    return f"ends the process, with exit code {status}"


def _status(number: int) -> int:
    """The status of a fork whose end of the pipe is closed: it ends at this moment, or is killed."""
    until = time.monotonic() + _LATER
    while time.monotonic() < until:
        ended, status = os.waitpid(number, os.WNOHANG)
        if ended:
            with suppress(ProcessLookupError):  # nothing of what it has started is left
                os.killpg(number, signal.SIGKILL)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return _kill(number)


def _kill(number: int) -> int:
    """End a fork and what it has started; its status."""
    for end in (os.killpg, os.kill):  # it may have no session of its own yet
        with suppress(ProcessLookupError):
            end(number, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
