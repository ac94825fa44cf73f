"""The code servers of a mesh: one for each code location of ``workspace.yaml``, on a socket of its own.

``dagster code-server start`` is an outer process and an inner one with the domain's code. The outer one does not notice
that its inner one was killed: the domain's sensor would fail at every tick. So it is ended, and both are started again.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mesh_pipelines.declaring.workspace import Location, read_entries
from mesh_pipelines.errors import Violation
from mesh_pipelines.runtime.supervised import Part
from resources.processes import children

SECONDS = 3.0
"""Between two checks; a server that reloads its code lacks its inner process for less than that."""


@dataclass
class CodeServers:
    """The code servers of a workspace.

    Args:
        folder: where sockets, and the workspace of sockets, are made; its path is short, as sockets ask for.

    Raises:
        MeshError: workspace.yaml is missing or cannot be read.
    """

    root: Path
    folder: Path
    parts: Sequence[Part] = field(init=False)
    workspace: Path = field(init=False)
    refused: Sequence[Violation] = field(init=False)

    def __post_init__(self) -> None:
        entries = read_entries(self.root)
        self.refused = entries.refused
        # Of two folders of one name, which the rules refuse, the first: Dagster takes no name twice.
        locations = {location.name: location for location in reversed(entries.locations)}
        names = [*reversed(locations)]
        modules = [_module_of(locations[name], self.root) for name in names]
        self._sockets = [self.folder / f"{number}.sock" for number in range(len(names))]
        self.parts = [
            Part(f"the code server of {name}", _command(name, place, module), needed=False)
            for name, place, module in zip(names, self._sockets, modules, strict=True)
        ]
        self.workspace = self.folder / "workspace.yaml"
        servers = [
            {"grpc_server": {"location_name": name, "socket": str(place), "additional_metadata": module}}
            for name, place, module in zip(names, self._sockets, modules, strict=True)
        ]
        self.workspace.write_text(yaml.safe_dump({"load_from": servers}), encoding="utf-8")
        self._next = 0.0
        self._whole: set[int] = set()  # one that starts has no inner process yet
        self._orphaned: set[int] = set()

    def ready(self) -> bool:
        """True if every server answers, but for those that have ended and are started again."""
        servers = zip(self.parts, self._sockets, strict=True)
        return all(part.deaths or _answers(place) for part, place in servers)

    def end_orphaned(self) -> None:
        """Kill each outer process that had lost its inner one at the last check already."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SECONDS
        servers = {
            part.process.pid: children(part.process.pid)
            for part in self.parts
            if part.process is not None and part.code() is None
        }
        self._whole |= {server for server, inner in servers.items() if inner}
        before, self._orphaned = (
            self._orphaned,
            {server for server, inner in servers.items() if not inner} & self._whole,
        )
        for server in before & self._orphaned:
            with suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)


def _module_of(location: Location, root: Path) -> dict[str, str]:
    """A code location's parts as Dagster names them."""
    attribute = {"attribute": location.attribute} if location.attribute else {}
    folder = root / (location.working_directory or ".")
    return {"module_name": location.module, **attribute, "working_directory": str(folder)}


def _command(name: str, place: Path, module: Mapping[str, str]) -> list[str]:
    attribute = module.get("attribute")
    return [
        *("dagster", "code-server", "start", "--socket", str(place), "--location-name", name),
        *("--log-level", "warning", "--startup-timeout", "180", "--inject-env-vars-from-instance"),
        *("-m", module["module_name"], "-d", module["working_directory"]),
        *(("-a", attribute) if attribute else ()),
    ]


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(str(place))
        return True
    return False
