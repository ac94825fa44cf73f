"""Values on pages: whatever they hold, a page shows it as text."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.dataset import audit_dataset
from quality.markup import markdown_cell, mask, printable, unmask
from quality.outcome import Outcome, RuleResult
from quality.rules import DataRule

pytestmark = pytest.mark.odd_input("messages carry data", "leaked")

PAYLOADS = [
    "<script>alert('attack')</script>",
    "<img src=x onerror=\"alert('attack')\">",
    "\"><svg onload=alert('attack')>",
    "' onmouseover='alert(1)' class='attack",
    "</style></script></textarea><iframe src=//attack.example>",
    "[attack](javascript:alert(1))",
    "![attack](https://attack.example/pixel.png)",
    "<javascript:alert(1)>",
    "${table} $column $$ $PARAMETER ${attack}",
    "{{ 7 * 7 }} {% include 'attack' %} {# attack #}",
    "&lt;script&gt; &#60; &amp;",
    "\x1b[31mred\x1b[0m \x1b]0;attack\x07",
    "back\\slash `tick` | pipe",
    "right \u202e to left",
    "private \ue13c use",
]


class Page(HTMLParser):
    """A page as a browser takes it: its text, and each tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.tags = "", list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(f"{tag} {attrs}")

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(folder: Path, value: str) -> str:
    """The page of the data docs on which GX lists a value: in a table, as observed, as argument and as description."""
    rules = [
        DataRule(
            name, "expectation", ("id",), "dataset", {"type": kind, "kwargs": {"column": "id", "value_set": known}},
            public=True, description=f"Not {value}.",
        )
        for name, kind, known in (
            ("known", "expect_column_values_to_be_in_set", ["well", value + "!"]),
            ("common", "expect_column_most_common_value_to_be_in_set", ["well"]),
        )
    ]  # fmt: skip
    audited = audit_dataset(rules, pl.LazyFrame({"id": [value, "b"]}), name="shop.orders", docs=folder)
    assert audited.page is not None
    return audited.page.read_text(encoding="utf-8")


def test_a_page_of_the_data_docs_shows_each_value_as_text(tmp_path: Path) -> None:
    """The same tags for a harmless value and for one of all payloads, whose every sign is shown as it is."""
    value = " ".join(PAYLOADS)
    harmless = Page(page_of(tmp_path / "harmless", "harmless"))
    content = page_of(tmp_path / "attack", value)
    page = Page(content)
    assert [tag.split()[0] for tag in page.tags] == [tag.split()[0] for tag in harmless.tags]
    for sign in ("attack", "onmouseover", "alert("):
        assert sign not in "".join(page.tags)
    assert page.text.count(printable(value.replace("\ue13c", "\ufffd"))) >= 2
    assert "\x1b" not in content


@given(st.text())
def test_what_is_masked_comes_out_as_it_was(value: str) -> None:
    """Masked text holds no sign of markup; on the page it is the value."""
    masked = mask([{"deep": value}])[0]["deep"]
    assert not set(masked) & set("<>&\"'`${}[]()\\")
    there = "".join(char for char in value if not 0xE100 <= ord(char) < 0xE180)
    assert html.unescape(unmask(masked)).replace("\ufffd", "") == printable(there).replace("\ufffd", "")


@pytest.mark.parametrize("value", PAYLOADS)
def test_an_audit_in_markdown_has_no_markup_of_a_value(value: str) -> None:
    """On an asset's page in Dagster: no tag, link, picture, code or column of the table."""
    result = RuleResult("known", False, "error", 2, 1, (value,), f"observed {value}", description=value)
    text = Outcome("shop.orders", "1.0.0", 2, 0, 0.0, (result,)).to_markdown()
    for sign in ("<", "](", "\x1b"):
        assert sign not in text.replace("\\](", "")
    assert text.splitlines()[-1].replace("\\|", "").count("|") == 7
    assert "\n" not in markdown_cell("a\nb")
