"""The start page: a list of the pages of the mesh."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mesh_pipelines.web.page import Page, respond

PATH = "/mesh"


def start_page(pages: Callable[[], Sequence[Page]]) -> Page:
    """The page that lists all pages."""

    def start(_request: Request) -> Response:
        return respond("start.html", pages=pages(), title="Mesh AI")

    def below(request: Request) -> Response:
        if request.path_params["rest"]:
            raise HTTPException(404)  # Dagster would answer with its own shell
        return RedirectResponse(PATH, 308)

    return Page("Mesh AI", PATH, "this page", [Route(PATH, start), Route(f"{PATH}/{{rest:path}}", below)])
