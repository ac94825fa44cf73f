"""The start page: where everything of the mesh is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mesh_pipelines.web.page import Page, respond

PATH = "/mesh"


def start_page(pages: Callable[[], Sequence[Page]]) -> Page:
    """The page that lists all pages.

    Args:
        pages: all pages of the shell.
    """

    def start(_request: Request) -> Response:
        return respond("start.html", pages=pages(), title="Mesh AI")

    return Page("Mesh AI", PATH, "this page", [Route(PATH, start)])
