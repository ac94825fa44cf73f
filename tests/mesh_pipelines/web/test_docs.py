"""The data docs in the application: each audit is found and shown, and nothing else of the disk."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from mesh_pipelines.publishing.audit_report import FOLDER, AuditReport, RuleReport
from mesh_pipelines.web import docs as data_docs
from mesh_pipelines.web.docs import POLICY, docs_page, in_shell
from mesh_pipelines.web.door import Door
from tests.mesh_pipelines.web.asgi import ask

AUDIT = "shop/orders/site/validations/shop/orders/20261129T100906269330Z/20261129T100906.269330Z/audit.html"
NAME = "20261129T100906.269330Z"
MARKUP = "<script>alert(1)</script> {{ 7 * 7 }}"
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


def site(docs: Path, gone: Collection[str] = ()) -> Door:
    """The data docs behind the door, without Dagster; of some keys the mesh has no asset."""

    def missing(keys: Sequence[str]) -> Collection[str]:
        return [key for key in keys if key in gone]

    page = docs_page(docs, lambda: [page], missing)
    return Door(Starlette(routes=[*page.routes]))


@pytest.fixture
def app(docs: Path) -> Door:
    """The data docs as they are."""
    return site(docs)


def report(docs: Path, name: str = NAME, product: str = "shop/orders", **given: Any) -> None:
    """Keep the report of an audit in the docs: 3 of 10 rows broke a rule over each row, and none that over all."""
    rules = (
        RuleReport("key_unique", "dataset", "error", True, 0, 10, "(id) is unique"),
        RuleReport("amount_minimum", "row", "error", False, 3, 10, "amount: minimum 0"),
        RuleReport("city_known", "row", "warning", False, 1, 10, MARKUP),
    )
    known: dict[str, Any] = {
        "verdict": "refused", "run_id": "0f5a1b2c-run", "contract_id": "urn:shop:orders", "contract_version": "1.2.0",
        "rows": 10, "quarantined": 3, "tolerance": 0.01, "reasons": (f"3 of 10 rows would be quarantined {MARKUP}",),
        "page": AUDIT.removeprefix("shop/orders/") if name == NAME else "",
    }  # fmt: skip
    AuditReport(name, product.replace("/", "."), rules=rules, **{**known, **given}).write(docs / product)


def test_an_audit_is_found_from_the_list_of_products(app: Door) -> None:
    """Products, then audits, the newest first; each list leads to the asset in Dagster."""
    listed = ask(app, "/docs/")
    assert listed.status == 200
    assert 'href="/docs/shop/orders/"' in listed.text
    assert 'href="/assets/shop/orders"' in listed.text
    for path in ("/docs/shop/orders/", "/docs/shop/orders/site/index.html"):
        audits = ask(app, path).text
        assert audits.index("2026-11-29 10:09:06") < audits.index("2026-11-28 10:09:06")
        assert f'href="/docs/shop/orders/audits/{NAME}"' in audits
    assert ask(app, f"/docs/shop/orders/audits/{NAME}").headers["location"] == f"/docs/{AUDIT}"
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


def test_the_verdict_stands_above_the_page_of_great_expectations(app: Door, docs: Path) -> None:
    """A candidate that row rules refused: its page does not begin with "100 %", which is of the rules over all rows."""
    report(docs)
    text = ask(app, f"/docs/{AUDIT}").text
    above, below = text.split("The rules over all rows together, by Great Expectations")
    assert "Expectations of orders" in below
    for part in (
        *(
            "Refused: nothing was published",
            "amount_minimum",
            "broken",
            "key_unique",
            "held",
            "3 of 10 rows would",
        ),
        *("urn:shop:orders 1.2.0", "2026-11-29 10:09:06", "1.00%", "none", 'href="/runs/0f5a1b2c-run"'),
        'href="/docs/shop/orders/"',
    ):
        assert part in above, part
    assert above.index("amount_minimum") < above.index("key_unique"), "what is broken stands first"


@pytest.mark.parametrize(
    ("given", "headline"),
    [
        ({"verdict": "published", "version": 7, "quarantined": 0}, "Published<"),
        ({"verdict": "published", "version": 7, "quarantined": 1}, "Published, with 1 row in quarantine"),
        (
            {"verdict": "published", "version": 7, "quarantined": 1234},
            "Published, with 1,234 rows in quarantine",
        ),
        (
            {"verdict": "published", "version": 7, "unchanged": True, "quarantined": 0},
            "Published, the same as before",
        ),
        ({"verdict": "not published"}, "Passed, but not published"),
        ({}, "Refused: nothing was published"),
    ],
)
def test_each_list_shows_the_verdict(given: dict[str, Any], headline: str, app: Door, docs: Path) -> None:
    """On the page of all products that of the last audit, on the page of a product that of each."""
    report(docs, **given)
    for path in ("/docs/", "/docs/shop/orders/", f"/docs/{AUDIT}"):
        text = ask(app, path).text
        assert headline in text, path
        assert ('"number">7<' in text or "<dd>7</dd>" in text) is ("version" in given), path
    assert "no verdict was kept" in ask(app, "/docs/shop/orders/").text, (
        "of the audit that is older than reports"
    )


def test_an_audit_of_row_rules_alone_has_a_page(app: Door, docs: Path) -> None:
    """Great Expectations has none of it; one that is still to come, or could not be written, is missed by name."""
    for name, page in (("20261130T000000.000000Z", ""), ("20261130T000000.000001Z", "site/x/audit.html")):
        report(docs, name, "shop/returns", page=page)
        answer = ask(app, f"/docs/shop/returns/{FOLDER}/{name}")
        assert answer.status == 200
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "Refused: nothing was published" in answer.text
        assert ("could not be written" in answer.text) is bool(page)
    assert "shop.returns" in ask(app, "/docs/").text


def test_an_audit_without_a_kept_verdict_says_so(app: Door) -> None:
    """A page that is older than the reports."""
    assert "No verdict was kept of this audit" in ask(app, f"/docs/{AUDIT}").text
    assert "no verdict was kept" in ask(app, "/docs/").text


def test_assets_that_are_gone_are_listed_apart(docs: Path) -> None:
    """As the sample with which a domain began: their docs stay, and what is there now stands first."""
    report(docs, product="shop/sample")
    text = ask(site(docs, ["shop.sample"]), "/docs/").text
    there, gone = text.split("<details>")
    assert "shop.orders" in there
    assert "shop.sample" not in there
    assert "shop.sample" in gone
    assert ask(site(docs, ["shop.sample"]), "/docs/shop/sample/").status == 200
    assert "<details>" not in ask(site(docs), "/docs/").text


def test_a_long_history_is_cut(app: Door, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are shown, the others counted."""
    monkeypatch.setattr(data_docs, "LISTED", 1)
    text = ask(app, "/docs/shop/orders/").text
    assert "2026-11-29" in text
    assert "2026-11-28" not in text
    assert "1 more are older" in text


@pytest.mark.odd_input("web pages", "leaked")
def test_texts_of_a_report_are_escaped(app: Door, docs: Path) -> None:
    """Rules and reasons are text of a domain, whatever they look like."""
    report(docs)
    report(docs, "20261130T000000.000000Z", partitions=(MARKUP,), run_id=MARKUP)
    for path in (
        f"/docs/{AUDIT}",
        "/docs/shop/orders/",
        f"/docs/shop/orders/{FOLDER}/20261130T000000.000000Z",
    ):
        answer = ask(app, path)
        assert answer.status == 200
        assert "<script" not in answer.text
        assert "49" not in answer.text.replace("&#49", ""), "no template of theirs is filled in"


@pytest.mark.odd_input("web pages", "leaked", "held up")
@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": 1}', "null", "\x00", '{"rules": [{}]}'])
def test_a_report_that_cannot_be_read_holds_up_no_other(text: str, app: Door, docs: Path) -> None:
    """A disk that was full, or a file of somebody else."""
    report(docs)
    (docs / "shop/orders" / FOLDER / "20261130T000000.000000Z.json").write_text(text)
    (docs / "shop/orders" / FOLDER / "notes.json").write_text("{}")
    listed = ask(app, "/docs/shop/orders/")
    assert listed.status == 200
    assert "Refused: nothing was published" in listed.text
    assert "notes" not in listed.text
    assert ask(app, "/docs/").status == 200
    assert ask(app, f"/docs/shop/orders/{FOLDER}/20261130T000000.000000Z").status == 404


@pytest.mark.odd_input("web pages", "leaked")
@pytest.mark.parametrize(
    "name", ["..", "x", "notes", "20261329T100906.269330Z", "20261129T100906.269330Z.json", NAME[1:]]
)
def test_only_reports_are_read(name: str, app: Door, docs: Path) -> None:
    """A name is a moment on the calendar, and nothing that leads elsewhere."""
    report(docs)
    (docs / "shop/orders/x.json").write_text("{}")
    assert ask(app, f"/docs/shop/orders/{FOLDER}/{name}").status in (400, 404)
    assert ask(app, f"/docs/shop/nothing/{FOLDER}/{NAME}").status == 404


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
