"""The data docs: a page for each audit, with the mesh's verdict above the page of Great Expectations.

Only reports of audits and the site of Great Expectations (``DOMAIN/NAME/`` below ``settings.docs``) are served. Scripts
and styles of other sites are left out of that site, and a policy forbids them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mesh_pipelines.publishing.audit_report import (
    FOLDER,
    AuditReport,
    is_name,
    moment_of,
    names_in,
    read_report,
)
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
LISTED = 100
"""Audits on the page of a product; older ones are only counted."""

_AUDIT = "audit.html"
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)
_ELSEWHERE = re.compile(r"<link\b[^>]*https?://[^>]*>", re.IGNORECASE)
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_HEAD = re.compile(r"</head\s*>", re.IGNORECASE)


def docs_page(
    folder: Path,
    pages: Callable[[], Sequence[Page]],
    missing: Callable[[Sequence[str]], Collection[str]] = lambda _keys: (),
) -> Page:
    """The page that lists the data docs, and below it the docs themselves."""
    docs = _Docs(folder, pages, missing)
    below = f"{PATH}/{{domain}}/{{name}}"
    routes: list[BaseRoute] = [
        Route(PATH, lambda _request: RedirectResponse(f"{PATH}/", 308)),
        Route(f"{PATH}/", docs.index),
        Route(f"{below}/", docs.product),
        # Where the pages of Great Expectations lead home to.
        Route(f"{below}/site/index.html", docs.product),
        Route(f"{below}/{FOLDER}/{{audit}}", docs.audit),
        Route(f"{PATH}/{{below:path}}", docs.document),
    ]
    return Page(
        "Data docs", f"{PATH}/", "each audit of a product: its verdict, and the count of each rule", routes
    )


class _Docs:
    """Answers to requests for data docs; arguments as of :func:`docs_page`."""

    def __init__(
        self,
        folder: Path,
        pages: Callable[[], Sequence[Page]],
        missing: Callable[[Sequence[str]], Collection[str]],
    ) -> None:
        self._folder, self._pages, self._missing = folder, pages, missing

    def index(self, _request: Request) -> Response:
        names = products_in(self._folder)
        keys = {name: name.replace("/", ".") for name in names}
        gone = self._missing([*keys.values()])
        found = [(name, keys[name] in gone, _last_report(self._folder / name)) for name in names]
        return respond(
            "docs.html",
            pages=self._pages(),
            title="Data docs",
            products=[(name, report) for name, left, report in found if not left],
            gone=[(name, report) for name, left, report in found if left],
        )

    def product(self, request: Request) -> Response:
        name = self._product_of(request)
        audits = audits_of(self._folder / name)
        return respond(
            "audits.html",
            pages=self._pages(),
            title=name.replace("/", "."),
            product=name,
            audits=[
                (audit, f"{moment_of(audit):%Y-%m-%d %H:%M:%S}", read_report(self._folder / name, audit))
                for audit in audits[:LISTED]
            ],
            older=max(0, len(audits) - LISTED),
        )

    def audit(self, request: Request) -> Response:
        """Lead to the page of Great Expectations, which has the report above; without one, show the report alone."""
        name, audit = self._product_of(request), request.path_params["audit"]
        report = read_report(self._folder / name, audit)
        page = report.page if report else _pages_in(self._folder / name).get(audit, "")
        if page and file_below(self._folder, f"{name}/{page}"):
            return RedirectResponse(f"{PATH}/{quote(f'{name}/{page}')}", 307)
        if report is None:
            raise HTTPException(404)
        return respond("audit.html", pages=self._pages(), title=report.key, product=name, report=report)

    def document(self, request: Request) -> Response:
        file = file_below(self._folder, request.path_params["below"])
        if file is None:
            raise HTTPException(404)
        policy = {"Content-Security-Policy": POLICY}
        if file.suffix != ".html":
            return FileResponse(file, headers=policy)
        above = render("bar.html", pages=self._pages())
        if file.name == _AUDIT:
            name = "/".join(file.relative_to(self._folder.resolve()).parts[:2])
            report = read_report(self._folder / name, file.parent.name)
            above += render("above.html", report=report, product=name, title=name.replace("/", "."))
        text = file.read_text(encoding="utf-8", errors="replace")
        return HTMLResponse(in_shell(text, above), headers=policy)

    def _product_of(self, request: Request) -> str:
        name = f"{request.path_params['domain']}/{request.path_params['name']}"
        if name not in products_in(self._folder):
            raise HTTPException(404)
        return name


def products_in(folder: Path) -> list[str]:
    """Products, as ``domain/name``, that have data docs."""
    marks = [*folder.glob(f"*/*/{FOLDER}"), *folder.glob("*/*/site/index.html")]
    return sorted({"/".join(mark.relative_to(folder).parts[:2]) for mark in marks})


def audits_of(folder: Path) -> list[str]:
    """Names of a product's audits, the newest first; those too that are older than the reports, and have none."""
    return sorted({*names_in(folder), *_pages_in(folder)}, reverse=True)


def _last_report(folder: Path) -> AuditReport | None:
    names = names_in(folder)
    return read_report(folder, names[0]) if names else None


def _pages_in(folder: Path) -> dict[str, str]:
    """Pages of Great Expectations by the name of their audit, as paths below the product's folder."""
    found = folder.glob(f"site/validations/**/{_AUDIT}")
    return {
        page.parent.name: page.relative_to(folder).as_posix() for page in found if is_name(page.parent.name)
    }


def file_below(folder: Path, below: str) -> Path | None:
    """The file that a decoded path of the docs names; None where it is none of them, or leads out of the folder."""
    try:
        root = folder.resolve()
        file = (root / below).resolve()  # where links lead
        parts = file.relative_to(root).parts
        served = len(parts) > 3 and parts[2] == "site" and file.suffix.lower() in SERVED and file.is_file()
    except (OSError, ValueError):
        return None
    return file if served else None


def in_shell(text: str, above: str) -> str:
    """A page of Great Expectations below other HTML, without what it asks of other sites."""
    text = _ELSEWHERE.sub("", _SCRIPT.sub("", text))
    style = '<link rel="stylesheet" href="/mesh/static/mesh.css"></head>'
    text = _HEAD.sub(lambda _: style, text, count=1)
    return _BODY.sub(lambda _: f'<body class="docs">{above}', text, count=1)
