"""The application of `mesh ui`: the mesh's own pages, and Dagster's webserver for every other path."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dagster_webserver.webserver import DagsterWebserver
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from mesh_pipelines.web.docs import docs_page
from mesh_pipelines.web.door import Door
from mesh_pipelines.web.page import HERE, Page
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
    started: Callable[[], None] = lambda: None,
) -> Door:
    """The whole application, behind its door.

    Args:
        workspace: Dagster's process context.
        docs: folder of the data docs.
        names: host names that it answers for, besides those of this machine.
        origin: where its pages are for a browser, if a proxy stands before it.
        started: called when it answers.
    """
    pages: list[Page] = []
    pages += [start_page(lambda: pages), *DAGSTER, docs_page(docs, lambda: pages)]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        started()
        yield

    dagster = DagsterWebserver[Any, Any](workspace, live_data_poll_rate=POLL_MILLISECONDS)
    routes: list[BaseRoute] = [
        Mount(f"{PATH}/static", StaticFiles(directory=HERE / "static")),
        *(route for page in pages for route in page.routes),
        Mount("/", dagster.create_asgi_app()),
    ]
    return Door(Starlette(routes=routes, lifespan=lifespan), names, origin)
