"""Code that the running `mesh ui` has loaded, compared with that of the folder.

Its code servers decide at each tick by the code with which they were started. Where that is older, `mesh why` and
`mesh status` would promise what no tick does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from mesh_pipelines.declaring.mesh import Mesh
from resources.settings import Settings
from resources.ui_address import running_ui, ui_url

SECONDS = 3.0
"""Longest that the answer is waited for."""
_QUERY = "{ assetNodes { assetKey { path } opVersion isMaterializable } }"


def reload_remark(mesh: Mesh, settings: Settings, domains: Iterable[str]) -> str:
    """The remark that `mesh ui` runs other code of some domains; empty where it runs the same, or none runs here."""
    url = running_ui(settings)
    loaded = loaded_versions(url) if url else None
    if loaded is None:
        return ""
    here = {name: mesh.domains[name].by_key for name in sorted({*domains} & {*mesh.domains})}
    other = [
        name
        for name, nodes in here.items()
        if any(loaded.get(key) != node.version_of_code for key, node in nodes.items())
    ]
    if not other:
        return ""
    if not all(any(key in loaded for key in here[name]) for name in other):
        remedy = "start it again"
    else:
        remedy = f"reload the code location at {ui_url(settings)}/locations"
    return f"`mesh ui` runs other code of {', '.join(other)} than the folder has: {remedy}"


def loaded_versions(url: str) -> Mapping[str, str] | None:
    """Version of code and contract by key of each asset that `mesh ui` has loaded; ``None`` if it does not answer."""
    place = urlsplit(url)
    body, headers = json.dumps({"query": _QUERY}), {"Content-Type": "application/json"}
    with suppress(OSError, HTTPException, ValueError, KeyError, TypeError):
        connection = HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
        try:
            connection.request("POST", "/graphql", body, headers)
            nodes: list[dict[str, Any]] = json.load(connection.getresponse())["data"]["assetNodes"]
        finally:
            connection.close()
        return {
            ".".join(node["assetKey"]["path"]): str(node["opVersion"])
            for node in nodes
            if node["isMaterializable"]
        }
    return None
