"""The start page: a link to every page that there is when it is asked for."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette

from mesh_pipelines.web.page import POLICY, Page
from mesh_pipelines.web.start import PATH, start_page
from tests.mesh_pipelines.web.asgi import ask


def test_pages_that_are_added_later_are_listed() -> None:
    """The list is read at each request; the start page is in it, and has no entry of its own below."""
    pages: list[Page] = []
    start = start_page(lambda: pages)
    pages += [start, Page("Runs", "/runs", "what ran")]
    app = Starlette(routes=list(start.routes))
    assert re.findall(r"<dd>(.*?)</dd>", ask(app, PATH).text) == ["what ran"]
    pages.append(Page("Docs", "/docs/", "audits"))
    answer = ask(app, PATH)
    assert answer.status == 200
    assert answer.headers["content-security-policy"] == POLICY
    assert re.findall(r"<dd>(.*?)</dd>", answer.text) == ["what ran", "audits"]
    assert 'href="/docs/"' in answer.text


@pytest.mark.parametrize(("method", "path", "status"), [("POST", PATH, 405), ("GET", "/mesh/nothing", 404)])
def test_it_is_read_and_nothing_else(method: str, path: str, status: int) -> None:
    """There is nothing to send to it, and nothing below it."""
    start = start_page(lambda: [start])
    assert ask(Starlette(routes=list(start.routes)), path, method).status == status
