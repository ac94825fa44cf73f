"""Tries imports of domains in processes that may be lost, so that no other process imports what would end or hang it.

A domain's modules are Python that may do anything: exit, crash, loop, wait for ever. What was tried is remembered below
MESH_HOME by the content of its files, so that a child process is started only when these have changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from resources.settings import get_settings
from resources.whole_file import write_whole

AGAIN = 600.0
"""Seconds after which an import that did not come to an end is tried again, though no file has changed."""
_UNASKED = "its import cannot be tried: it ends the process that tries it"


@dataclass(frozen=True)
class ImportTrial:
    """Result of trying one import.

    Args:
        hazard: why no other process may import it, in words; empty where the import comes to an end, by an error too.
        outside: further modules that the import read, files relative to the workspace.
    """

    hazard: str = ""
    place: str = ""
    outside: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ImportTrial:
        return cls(str(document["hazard"]), str(document["place"]), tuple(document["outside"]))


class TrialProcess:
    """The process whose forks try imports (:mod:`mesh_pipelines.governance.import_trial_process`)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mesh_pipelines.governance.import_trial_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for the process that asks; this one ends with its pipe
        )

    def ask(self, root: Path, packages: Sequence[str], seconds: float, **more: Any) -> dict[str, Any] | None:
        """Try some imports, each in a process of its own; None if the answer does not come.

        Args:
            more: of a request to plan functions (:mod:`mesh_pipelines.governance.plan_trial_process`).
        """
        request = {
            "root": str(root),
            "folder": str(Path.cwd()),
            "path": sys.path,
            "environment": dict(os.environ),
            "packages": list(packages),
            "seconds": seconds,
            **more,
        }
        answer = ""
        with suppress(OSError):  # it has ended
            self._given.write(json.dumps(request) + "\n")
            self._given.flush()
            answer = self._answers.readline()
        return json.loads(answer) if answer else None

    def close(self) -> None:
        for pipe in (self._given, self._answers):
            with suppress(OSError):
                pipe.close()
        self._process.wait()

    @property
    def _given(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _answers(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout


@dataclass
class _Kept:
    """The process that is kept, for the one process that asked for it: its forks share the pipes."""

    owner: int = 0
    process: TrialProcess | None = None


_KEPT = _Kept()


@contextmanager
def keep_trial_process() -> Generator[None]:
    """Keep one process for all trials within, for a program that loads many workspaces."""
    _KEPT.owner = os.getpid()
    try:
        yield
    finally:
        _KEPT.owner = 0
        if _KEPT.process is not None:
            _KEPT.process.close()
            _KEPT.process = None


def hazards_of(root: Path, packages: Iterable[str], *, anew: bool = False) -> dict[str, ImportTrial]:
    """Packages that may not be imported, each with its trial.

    Args:
        anew: try again what did not come to an end before.
    """
    known = {package: _recall(root, package, anew=anew) for package in packages}
    untried = [package for package, trial in known.items() if trial is None]
    tried = _try(root, untried) if untried else {}
    for package, trial in tried.items():
        _remember(root, package, trial)
    found = {package: trial or tried[package] for package, trial in known.items()}
    return {package: trial for package, trial in found.items() if trial.hazard}


def ask_trial(root: Path, packages: Sequence[str], **more: Any) -> dict[str, Any] | None:
    """The answer of the process that is kept, or of a new one; None if it ended without one."""
    kept = _KEPT.owner == os.getpid()
    process = (_KEPT.process if kept else None) or TrialProcess()
    found = None
    try:
        found = process.ask(root, packages, get_settings().load_seconds, **more)
    finally:
        _KEPT.process = process if kept and found is not None else None
        if _KEPT.process is None:
            process.close()
    return found


def _try(root: Path, packages: Sequence[str]) -> dict[str, ImportTrial]:
    """Try imports together, and one by one where one of them ends the process that tries them."""
    found = ask_trial(root, packages)
    if found is not None:
        return {package: ImportTrial.from_json(one) for package, one in found.items()}
    if len(packages) == 1:
        return {packages[0]: ImportTrial(_UNASKED)}
    return {package: trial for one in packages for package, trial in _try(root, [one]).items()}


def _recall(root: Path, package: str, *, anew: bool) -> ImportTrial | None:
    """The trial of a package's files as they are; None where they were not tried."""
    try:
        document = json.loads(_memory(package).read_text(encoding="utf-8"))
        trial = ImportTrial.from_json(document["trial"])
        if document["digest"] != digest_of(root, package, trial.outside):
            return None
        stale = trial.hazard and (anew or not 0 <= time.time() - document["at"] < AGAIN)
    except (OSError, ValueError, KeyError, TypeError):  # never tried, or cut off
        return None
    return None if stale else trial


def _remember(root: Path, package: str, trial: ImportTrial) -> None:
    """Write a trial down; where that cannot be done, the import is tried each time."""
    file = _memory(package)
    document = {
        "digest": digest_of(root, package, trial.outside),
        "at": time.time(),
        "trial": asdict(trial),
    }
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(document))


def _memory(package: str) -> Path:
    return get_settings().home / "loads" / f"{package}.json"


def digest_of(root: Path, package: str, outside: Iterable[str] = ()) -> str:
    """Hash of the code that an import of a package reads: its files, modules beside it, the platform's version."""
    digest = hashlib.sha256(json.dumps([str(root), *_platform()]).encode())
    for file in _files(root, package, outside):
        digest.update(file.encode())
        with suppress(OSError):  # gone: its name alone is part of the hash
            digest.update((root / file).read_bytes())
    return digest.hexdigest()


def _files(root: Path, package: str, outside: Iterable[str]) -> list[str]:
    folder = root.joinpath(*package.split("."))
    above = [place / "__init__.py" for place in folder.parents if place.is_relative_to(root)]
    found = [file for file in (*folder.rglob("*.py"), *above) if "__pycache__" not in file.parts]
    return sorted({*(str(file.relative_to(root)) for file in found), *outside})


@lru_cache(maxsize=1)
def _platform() -> tuple[str, ...]:
    """Versions of Python and of the platform's way of loading, and the last change of the packages beside it."""
    places = (Path(__file__), Path(__file__).parent.parent / "declaring", Path(sysconfig.get_path("purelib")))
    return (sys.version, *(str(place.stat().st_mtime_ns) for place in places))
