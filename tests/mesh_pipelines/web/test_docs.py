"""The data docs in the application: each audit is found and shown, and nothing else of the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette

from mesh_pipelines.web.docs import POLICY, docs_page, in_shell
from mesh_pipelines.web.door import Door
from tests.mesh_pipelines.web.asgi import ask

AUDIT = "shop/orders/site/validations/shop/orders/20261129T100906269330Z/20261129T100906.269330Z/audit.html"
HTML = """<!DOCTYPE html><html><head>
<script src="https://cdn.example/vega@5"></script><SCRIPT>alert(1)
</SCRIPT ><link rel="stylesheet" href="https://cdn.example/bootstrap.css"/>
<link rel="shortcut icon" href="static/favicon.ico"/></head>
<body class="x"><p onclick="show()">Expectations of orders</p></body></html>"""


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Data docs of one product with two audits, and what else lies about."""
    folder = tmp_path / "docs"
    for name in (AUDIT, AUDIT.replace("20261129", "20261128")):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(HTML)
    (folder / "shop/orders/site/index.html").write_text("<html>a list that needs scripts</html>")
    (folder / "shop/orders/site/static").mkdir()
    (folder / "shop/orders/site/static/logo.svg").write_text("<svg/>")
    (folder / "shop/orders/site/static/run.js").write_text("alert(1)")
    (folder / "shop/orders/results").mkdir()
    (folder / "shop/orders/results/audit.html").write_text("raw")
    (folder / "notes.html").write_text("a note")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/master.html").write_text("secret")
    return folder


@pytest.fixture
def app(docs: Path) -> Door:
    """The data docs behind the door, without Dagster."""
    page = docs_page(docs, lambda: [page])
    return Door(Starlette(routes=[*page.routes]))


def test_an_audit_is_found_from_the_list_of_products(app: Door) -> None:
    """Products, then audits, the newest first; each list leads to the asset in Dagster."""
    listed = ask(app, "/docs/")
    assert listed.status == 200
    assert 'href="/docs/shop/orders/"' in listed.text
    assert 'href="/assets/shop/orders"' in listed.text
    for path in ("/docs/shop/orders/", "/docs/shop/orders/site/index.html"):
        audits = ask(app, path).text
        assert audits.index("2026-11-29 10:09:06") < audits.index("2026-11-28 10:09:06")
        assert f'href="/docs/{AUDIT}"' in audits
    assert ask(app, "/docs").headers["location"] == "/docs/"
    assert ask(app, "/docs/shop/nothing/").status == 404


@pytest.mark.odd_input("web pages", "leaked")
def test_an_audits_page_asks_nothing_of_other_sites(app: Door) -> None:
    """It is shown in the look of the mesh; scripts and styles from elsewhere are left out and forbidden."""
    answer = ask(app, f"/docs/{AUDIT}")
    assert answer.status == 200
    assert "Expectations of orders" in answer.text
    assert '<nav class="bar">' in answer.text
    assert "/mesh/static/mesh.css" in answer.text
    assert "static/favicon.ico" in answer.text
    for left_out in ("<script", "<SCRIPT", "alert", "cdn.example"):
        assert left_out not in answer.text
    assert answer.headers["content-security-policy"] == POLICY
    assert POLICY.startswith("default-src 'none'")
    assert "script-src" not in POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_page_without_head_or_body_is_shown_as_it_is() -> None:
    """Whatever Great Expectations writes one day."""
    assert in_shell("<p>plain</p>", "bar") == "<p>plain</p>"


def test_pictures_are_served_with_the_policy_too(app: Door) -> None:
    """An SVG is a document, which may hold scripts."""
    answer = ask(app, "/docs/shop/orders/site/static/logo.svg")
    assert answer.text == "<svg/>"
    assert answer.headers["content-security-policy"] == POLICY


@pytest.mark.odd_input("web pages", "leaked")
@pytest.mark.parametrize(
    "path",
    [
        *(
            "shop/orders/results/audit.html",
            "notes.html",
            "shop/orders/site/static/run.js",
            "shop/orders/site",
        ),
        *(
            "shop/orders/site/",
            "shop/orders/site/static",
            "shop/orders/site/nothing.html",
            "a" * 5000 + "/b/site/c.html",
        ),
        *("shop/orders/site/out.html", "shop/orders/site/away/master.html", "shop/away/site/master.html"),
        *("shop/orders/site/raw.html", "/etc/passwd", "shop/orders/site//etc/hostname"),
    ],
)
def test_nothing_else_of_the_disk_is_served(path: str, app: Door, docs: Path) -> None:
    """Results, other files, folders, and links that lead out of the sites."""
    keys = docs.parent / "keys"
    (docs / "shop/orders/site/out.html").symlink_to(keys / "master.html")
    (docs / "shop/orders/site/away").symlink_to(keys)
    (docs / "shop/orders/site/raw.html").symlink_to(docs / "shop/orders/results/audit.html")
    (docs / "shop/away").mkdir()
    (docs / "shop/away/site").symlink_to(keys)
    assert ask(app, f"/docs/{path}").status == 404


def test_docs_that_are_not_there_yet_are_none(tmp_path: Path) -> None:
    """A new home has no folder of them."""
    page = docs_page(tmp_path / "none", lambda: [page])
    app = Door(Starlette(routes=[*page.routes]))
    assert "No product has been audited yet" in ask(app, "/docs/").text
    assert ask(app, "/docs/a/b/site/c.html").status == 404


@pytest.mark.odd_input("web pages", "leaked")
def test_names_are_escaped(app: Door, docs: Path) -> None:
    """A folder's name is text, whatever it looks like."""
    odd = docs / "<b>" / '"onclick="x' / "site"
    odd.mkdir(parents=True)
    (odd / "index.html").touch()
    text = ask(app, "/docs/").text
    assert "<b>" not in text
    assert '"onclick' not in text
