"""The shell of a page: texts are escaped, all pages are listed, no script is allowed."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from mesh_pipelines.web.page import HERE, POLICY, Page, render, respond


def test_one_stylesheet_and_no_script() -> None:
    """There is nothing to build, and nothing that another place has to send."""
    assert [file.name for file in (HERE / "static").iterdir()] == ["mesh.css"]
    for file in [*(HERE / "static").iterdir(), *(HERE / "templates").iterdir()]:
        assert "://" not in file.read_text(), file.name
        assert "@import" not in file.read_text(), file.name
        assert "<script" not in file.read_text(), file.name


PAGES = [Page("Start", "/mesh", "this page"), Page('<b>"Runs"', "/runs", "what <i>ran</i>")]


def test_texts_are_escaped_and_all_pages_are_listed() -> None:
    """In the list of pages, in their descriptions and in the title."""
    shown = render("start.html", pages=PAGES, title="Mesh <script>")
    assert "<title>Mesh &lt;script&gt;</title>" in shown
    assert "&lt;b&gt;&#34;Runs&#34;" in shown
    assert "what &lt;i&gt;ran&lt;/i&gt;" in shown
    assert [shown.count(f'href="{page.path}"') for page in PAGES] == [1, 2], (
        "the start page does not list itself"
    )


def test_a_value_that_was_forgotten_is_an_error() -> None:
    """A page with a hole in it is found by whoever wrote it."""
    with pytest.raises(UndefinedError, match="title"):
        render("start.html", pages=PAGES)


def test_an_answer_forbids_scripts_whatever_else_it_says() -> None:
    """Other headers are added, and a page may have a narrower policy of its own."""
    answer = respond("start.html", pages=PAGES, title="Mesh", headers={"Cache-Control": "no-store"})
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert "script-src" not in POLICY
    assert "default-src 'none'" in POLICY
    narrow = respond("start.html", pages=PAGES, title="Mesh", headers={"Content-Security-Policy": "sandbox"})
    assert narrow.headers["content-security-policy"] == "sandbox"
