"""The shell of every page of the mesh's own: one look, a list of the pages, text that is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute

HERE = Path(__file__).resolve().parent
POLICY = "; ".join(
    [
        *("default-src 'none'", "style-src 'self'", "img-src 'self' data:"),
        *("base-uri 'none'", "form-action 'self'", "frame-ancestors 'self'"),
    ]
)
"""Content-Security-Policy of these pages: no script at all, and nothing of another place."""


@dataclass(frozen=True)
class Page:
    """One page of the application, or a part that is mounted in it.

    Args:
        title: in the list of pages.
        path: where it begins.
        about: one line for the start page.
        routes: of this page and those below it; none where something else answers there.
    """

    title: str
    path: str
    about: str
    routes: Sequence[BaseRoute] = ()


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
    )


def render(template: str, **given: Any) -> str:
    """A template filled in; values are escaped."""
    return _templates().get_template(template).render(**given)


def respond(
    template: str,
    *,
    pages: Sequence[Page],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **given: Any,
) -> HTMLResponse:
    """The answer with a page in the shell, which lists ``pages``."""
    content = render(template, pages=pages, **given)
    return HTMLResponse(content, status, headers={"Content-Security-Policy": POLICY, **(headers or {})})
