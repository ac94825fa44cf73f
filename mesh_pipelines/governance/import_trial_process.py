"""The process whose forks try imports: each import in a fork of its own, watched, and ended at a limit.

    python -m mesh_pipelines.governance.import_trial_process

A request is one line of JSON on standard input, and so is the answer on standard output. It ends, and kills what it
tries, when its standard input closes.
"""

from __future__ import annotations

import faulthandler
import json
import os
import re
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mesh_pipelines.declaring.load import load_domain
from mesh_pipelines.governance.lint import lint_domain
from mesh_pipelines.governance.plan_trial_process import plan_in_fork
from resources.settings import get_settings

_LATER = 2.0
"""Seconds beyond the limit after which an import is killed that has stopped the clock of its own process."""
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_TIMEOUT = "Timeout ("


def main() -> None:
    """Answer requests until standard input closes."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    while line := requests.readline():
        request = json.loads(line)
        answer = (
            plan_in_fork(request, requests.fileno(), _enter)
            if "skip" in request
            else _try_all(request, requests.fileno())
        )
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class _Attempt:
    """One import, in a fork."""

    def __init__(self, given: Mapping[str, Any], package: str) -> None:
        self.package, self._given, self._text = package, given, b""
        self.answers, write = os.pipe()
        self.number = os.fork()
        if self.number == 0:
            try:
                _import(given, package, write)
            finally:
                os._exit(70)
        os.close(write)
        self._end = time.monotonic() + given["seconds"] + _LATER

    def take(self) -> dict[str, Any] | None:
        """Read what it has sent; its result once it has answered, has ended, or is past the limit."""
        if time.monotonic() > self._end:
            return self._result(_TIMEOUT, self.kill())
        if not select.select([self.answers], [], [], 0)[0]:
            return None
        read = os.read(self.answers, 65_536)
        self._text += read
        if read and not self._text.endswith(b"}\n"):
            return None
        return self._result("", self.kill() if read else self._status())

    def kill(self) -> int:
        """End it and what it has started; its status, negative for a signal."""
        for end in (os.killpg, os.kill):  # it may have no session of its own yet
            with suppress(ProcessLookupError):
                end(self.number, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.number, 0)[1])

    def _status(self) -> int:
        until = time.monotonic() + _LATER
        while time.monotonic() < until:
            number, status = os.waitpid(self.number, os.WNOHANG)
            if number:
                with suppress(ProcessLookupError):  # nothing of what it has started is left
                    os.killpg(self.number, signal.SIGKILL)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        return self.kill()

    def _result(self, more: str, code: int) -> dict[str, Any]:
        os.close(self.answers)
        text = self._text.decode(errors="replace") + more
        last = text.rstrip("\n").rpartition("\n")[2]
        if last.startswith("{"):
            return json.loads(last)
        if _TIMEOUT in text:
            hazard = f"its import does not come to an end: it was stopped after {self._given['seconds']:g} s"
        elif code < 0:
            hazard = f"its import crashes the process ({signal.Signals(-code).name})"
        else:
            hazard = f"its import ends the process, with exit code {code}"
        return {"hazard": hazard, "place": _place_in(text, self._given, self.package), "outside": []}


def _try_all(request: Mapping[str, Any], requests: int) -> dict[str, dict[str, Any]]:
    """Results by package; as many imports at a time as there are processors."""
    waiting: list[str] = list(request["packages"])
    running: list[_Attempt] = []
    found: dict[str, dict[str, Any]] = {}
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            running.append(_Attempt(request, waiting.pop(0)))
        ready = select.select([requests, *(one.answers for one in running)], [], [], 0.1)[0]
        if requests in ready:  # no second request comes before the answer: it is closed
            for one in running:
                one.kill()
            sys.exit()
        for one in list(running):
            result = one.take()
            if result is not None:
                found[one.package] = result
                running.remove(one)
    return found


def _import(given: Mapping[str, Any], package: str, answers: int) -> None:
    """Import a domain as the process that asks would, and send what came of it. Runs in the fork."""
    _enter(given)
    before = set(sys.modules)
    faulthandler.enable(answers)
    faulthandler.dump_traceback_later(given["seconds"], exit=True, file=answers)
    hazard = ""
    try:
        lint_domain(load_domain(package))
    except KeyboardInterrupt:
        hazard = "its import raises KeyboardInterrupt"
    except BaseException as error:  # noqa: BLE001 (the one who imports it is shown it)
        del error
    faulthandler.cancel_dump_traceback_later()
    outside = [] if hazard else _outside(set(sys.modules) - before, Path(given["root"]), package)
    answer = {"hazard": hazard, "place": "", "outside": outside}
    os.write(answers, f"\n{json.dumps(answer)}\n".encode())
    os._exit(0)


def _enter(given: Mapping[str, Any]) -> None:
    """Make this fork what the process that asks is: folder, environment, settings and search path."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(given["folder"])
    os.environ.clear()
    os.environ.update(given["environment"])
    get_settings.cache_clear()
    sys.path[:] = [given["root"], *given["path"]]


def _outside(modules: set[str], root: Path, package: str) -> list[str]:
    """Files of modules of the workspace that are not in a domain's own folder, relative to it."""
    own = root.joinpath(*package.split("."))
    files = [Path(str(getattr(sys.modules[name], "__file__", None) or "/")) for name in sorted(modules)]
    return [
        str(file.relative_to(root))
        for file in files
        if file.is_relative_to(root) and not file.is_relative_to(own) and "site-packages" not in file.parts
    ]


def _place_in(text: str, given: Mapping[str, Any], package: str) -> str:
    """The innermost line of the domain's own files in a traceback of :mod:`faulthandler`; empty without one."""
    root = Path(given["root"])
    own = root.joinpath(*package.split("."))
    frames: Sequence[tuple[str, str]] = _FRAME.findall(text)
    found = [(Path(file), line) for file, line in frames if Path(file).is_relative_to(own)]
    return f"{found[0][0].relative_to(root).as_posix()}:{found[0][1]}" if found else ""


if __name__ == "__main__":
    main()
