"""Starts the processes of `mesh ui`, starts again what was killed, and ends all of them together.

Code servers first; web and daemon follow when the domains answer. Each is a session of its own below this process.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from types import FrameType

from mesh_pipelines.errors import MeshError
from mesh_pipelines.runtime.supervised import Part
from resources.processes import processes_by_session, start_of

TICK = 0.25
GRACE = 1.5
"""Seconds that web and daemon are given to end by themselves, and with them the runs; the daemon takes all of it.

Of the five in which everything ends, that leaves a machine under load the rest to kill and reap.
"""
LAST_GRACE = 0.3
"""Seconds that the code servers have then, which hold nothing that could be lost."""
KILLED_TOO_OFTEN = 4
"""Times that a part may be killed soon after its start, one after the other."""
PATIENCE = 60.0
"""Seconds that web and daemon wait for the code servers; one that answers later is taken up then."""


class Supervisor:
    """The processes of one mesh."""

    def __init__(self, folder: Path, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._folder, self._environment, self._say = folder, environment, say
        self._running: list[Part] = []
        self._again: dict[Part, float] = {}  # parts that wait, and until when

    def run(
        self,
        first: Sequence[Part],
        then: Sequence[Part],
        *,
        ready: Callable[[], bool],
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP; a second signal kills at once what still ends.

        Args:
            look: called now and then, to look after what the parts have started themselves.

        Raises:
            MeshError: a part that is needed ends by itself at its start, or is killed again and again.
        """
        # Handled here, the signals have their default effect in whatever is started below.
        with _signals() as (stop, hurry):
            try:
                for part in first:
                    self._start(part)
                until = time.monotonic() + PATIENCE
                waiting = list(then)
                while not stop.wait(TICK):
                    if waiting and (ready() or time.monotonic() > until):
                        for part in waiting:
                            self._start(part)
                        waiting = []
                    self._restart_ended()
                    look()
            finally:
                self._end(then, first, hurry)

    def _start(self, part: Part) -> None:
        part.start(self._folder, self._environment)
        if part not in self._running:
            self._running.append(part)

    def _restart_ended(self) -> None:
        for part in self._running:
            code = part.code()
            part.forget_ended()
            if code is None:
                continue
            if part not in self._again:
                self._again[part] = time.monotonic() + self._pause(part, code)
            if time.monotonic() >= self._again[part]:
                del self._again[part]
                self._start(part)

    def _pause(self, part: Part, code: int) -> float:
        """Seconds after which a part that has ended is started again."""
        quick = part.count_death()
        ended = f"was killed by signal {-code}" if code < 0 else f"ended by itself with code {code}"
        if part.needed and quick and (code >= 0 or part.deaths >= KILLED_TOO_OFTEN):
            often = f", {part.deaths} times one after the other" if part.deaths > 1 else ""
            raise MeshError(
                f"{part.name} {ended}{often}",
                where=" ".join(part.command)[:200],
                remedy="its log above says why; `mesh check` finds what is wrong with the domains",
            )
        if part.deaths == 1 or part.needed:
            self._say(f"{part.name} {ended} and is started again.")
        return min(30.0, 2.0 ** (part.deaths - 1) - 1)

    def _end(self, leading: Sequence[Part], following: Sequence[Part], hurry: Event) -> None:
        """End the leading parts, then the others; kill what does not end in time."""
        started = [part for part in (*leading, *following) if part.process is not None]
        processes = processes_by_session()
        for part in started:
            part.follow(processes)
        begun = time.monotonic()
        for parts, until in ((leading, begun + GRACE), (following, begun + GRACE + LAST_GRACE)):
            # All processes of this machine are looked through once; under load that takes a while.
            known = [number for part in parts for number in part.living(processes)]
            _send(known, signal.SIGTERM)
            while any(map(start_of, known)) and time.monotonic() < until and not hurry.wait(0.1):
                pass
        while living := _living(started):  # one may start another while it is killed
            _send(living, signal.SIGKILL)
            time.sleep(0.05)
        for part in started:
            part.close()


def _living(parts: Sequence[Part]) -> list[int]:
    processes = processes_by_session()
    return [number for part in parts for number in part.living(processes)]


def _send(processes: Sequence[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


@contextmanager
def _signals() -> Generator[tuple[Event, Event]]:
    """Set the first event at the first signal, both at the second."""
    stop, hurry = Event(), Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        (hurry if stop.is_set() else stop).set()

    # `nohup` asks that the end of a terminal ends nothing. SIGINT is ignored in every background job of a script, which
    # asks for nothing of the kind.
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, *hangup)}
    try:
        yield stop, hurry
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
