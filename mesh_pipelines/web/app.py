"""The application of `mesh ui`: the mesh's own pages, and Dagster's webserver for every other path."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dagster_webserver.webserver import DagsterWebserver
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from mesh_pipelines.dagster_names import asset_key
from mesh_pipelines.web.docs import docs_page
from mesh_pipelines.web.door import Door
from mesh_pipelines.web.page import HERE, Page, respond
from mesh_pipelines.web.start import PATH, start_page

POLL_MILLISECONDS = 2000
"""Between two times that Dagster's pages ask for what is new."""
DAGSTER = (
    Page("Lineage", "/asset-groups", "every asset of every domain, from what lands to predictions"),
    Page("Runs", "/runs", "what ran, runs and waits, with its log"),
    Page("Domains", "/locations", "code locations, their sensors and schedules"),
)
"""Pages of Dagster that the shell leads to."""


def application(
    workspace: Any,
    docs: Path,
    names: Iterable[str] = (),
    *,
    origin: str = "",
    largest: int = 10_000_000,
    started: Callable[[], None] = lambda: None,
) -> Door:
    """The whole application, behind its door.

    Args:
        origin: where its pages are for a browser, if a proxy stands before it.
        largest: bytes that the body of a request may have.
        started: called when it answers.
    """
    pages: list[Page] = []
    pages += [
        start_page(lambda: pages),
        *DAGSTER,
        docs_page(docs, lambda: pages, lambda keys: missing_assets(workspace, keys)),
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        started()
        yield

    def not_found(_request: Request, _error: Exception) -> Response:
        return respond("missing.html", pages=pages, title="Not found", status=404)

    dagster = DagsterWebserver[Any, Any](workspace, live_data_poll_rate=POLL_MILLISECONDS)
    routes: list[BaseRoute] = [
        Mount(f"{PATH}/static", StaticFiles(directory=HERE / "static")),
        *(route for page in pages for route in page.routes),
        Mount("/", dagster.create_asgi_app()),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: not_found})
    return Door(app, names, origin, largest=largest)


def missing_assets(workspace: Any, keys: Sequence[str]) -> set[str]:
    """Those of some keys (``domain.name``) of which no code location has an asset."""
    loaded = workspace.get_current_workspace()
    broken = {name for name, entry in loaded.code_location_entries.items() if entry.load_error}
    return {
        key
        for key in keys
        if key.partition(".")[0] not in broken and not loaded.asset_graph.has(asset_key(key))
    }
