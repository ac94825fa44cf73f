"""The data docs: one page for each audit of a product, written by Great Expectations below ``settings.docs``.

They lie at ``DOMAIN/NAME/site/``; nothing else of the folder is served. The pages ask for scripts and styles of other
sites: these are left out, and a policy forbids them. Great Expectations lists the audits by such a script, so the
list of a product's audits is a page of the mesh.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mesh_pipelines.web.page import Page, render, respond

PATH = "/docs"
POLICY = "; ".join(
    [
        *("default-src 'none'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data:"),
        *("base-uri 'none'", "form-action 'none'", "frame-ancestors 'self'"),
    ]
)
"""Content-Security-Policy of an audit's page: it shows text of a domain, and runs no script."""
SERVED = frozenset({".html", ".css", ".png", ".jpg", ".gif", ".svg", ".ico"})

_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)
_ELSEWHERE = re.compile(r"<link\b[^>]*https?://[^>]*>", re.IGNORECASE)
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_HEAD = re.compile(r"</head\s*>", re.IGNORECASE)


def docs_page(folder: Path, pages: Callable[[], Sequence[Page]]) -> Page:
    """The page that lists the data docs, and below it the docs themselves.

    Args:
        folder: ``settings.docs``.
        pages: all pages of the shell.
    """

    def index(_request: Request) -> Response:
        return respond("docs.html", pages=pages(), title="Data docs", products=products_in(folder))

    def product(request: Request) -> Response:
        name = f"{request.path_params['domain']}/{request.path_params['name']}"
        if name not in products_in(folder):
            raise HTTPException(404)
        title = name.replace("/", ".")
        return respond(
            "audits.html", pages=pages(), title=title, product=name, audits=audits_of(folder / name)
        )

    def document(request: Request) -> Response:
        file = file_below(folder, request.path_params["below"])
        if file is None:
            raise HTTPException(404)
        policy = {"Content-Security-Policy": POLICY}
        if file.suffix != ".html":
            return FileResponse(file, headers=policy)
        text = file.read_text(encoding="utf-8", errors="replace")
        return HTMLResponse(in_shell(text, render("bar.html", pages=pages())), headers=policy)

    routes: list[BaseRoute] = [
        Route(PATH, lambda _request: RedirectResponse(f"{PATH}/", 308)),
        Route(f"{PATH}/", index),
        Route(f"{PATH}/{{domain}}/{{name}}/", product),
        # Where the pages of Great Expectations lead home to.
        Route(f"{PATH}/{{domain}}/{{name}}/site/index.html", product),
        Route(f"{PATH}/{{below:path}}", document),
    ]
    return Page(
        "Data docs",
        f"{PATH}/",
        "each audit of a product: the rules over all its rows together; its row rules stand in Dagster",
        routes,
    )


def products_in(folder: Path) -> list[str]:
    """Products, as ``domain/name``, that have data docs."""
    return sorted(
        "/".join(index.relative_to(folder).parts[:2]) for index in folder.glob("*/*/site/index.html")
    )


def audits_of(folder: Path) -> list[tuple[str, str]]:
    """Audits of a product, the newest first: when it was (UTC), and the page's path below the product's folder.

    Args:
        folder: of the product's data docs.
    """
    found: list[tuple[str, str]] = []
    for page in folder.glob("site/validations/**/audit.html"):
        with suppress(ValueError):
            moment = datetime.strptime(page.parent.name, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
            found.append((f"{moment:%Y-%m-%d %H:%M:%S}", page.relative_to(folder).as_posix()))
    return sorted(found, reverse=True)


def file_below(folder: Path, below: str) -> Path | None:
    """The file that a path of the docs names; None where it is none of them, or leads out of the folder.

    Args:
        below: the path below PATH, decoded.
    """
    try:
        root = folder.resolve()
        file = (root / below).resolve()  # where links lead
        parts = file.relative_to(root).parts
        served = len(parts) > 3 and parts[2] == "site" and file.suffix.lower() in SERVED and file.is_file()
    except (OSError, ValueError):
        return None
    return file if served else None


def in_shell(text: str, bar: str) -> str:
    """A page of Great Expectations without what it asks of other sites, below the bar of the mesh's pages."""
    text = _ELSEWHERE.sub("", _SCRIPT.sub("", text))
    style = '<link rel="stylesheet" href="/mesh/static/mesh.css"></head>'
    text = _HEAD.sub(lambda _: style, text, count=1)
    return _BODY.sub(lambda body: f'<body class="docs">{bar}', text, count=1)
