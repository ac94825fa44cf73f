"""Reports of audits: what is kept of each is read again as it was, and nothing else is taken for one."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mesh_pipelines.publishing.audit_report import (
    FOLDER,
    AuditReport,
    RuleReport,
    is_name,
    moment_of,
    name_at,
    names_in,
    read_report,
)

REPORT = AuditReport(
    "20261129T100906.269330Z", "shop.orders", "published", "run", "urn:shop:orders", "1.0.0", 10, 3, 0.5, ("a reason",),
    (RuleReport("amount_minimum", "row", "error", True, 3, 10, "amount: minimum 0"),), ("2013-01",), 7, False, "site/x",
)  # fmt: skip


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The later one of the same audit takes the place of the earlier; nothing else is left in its folder."""
    replace(REPORT, verdict="not published", version=None).write(tmp_path)
    REPORT.write(tmp_path)
    assert read_report(tmp_path, REPORT.name) == REPORT
    assert [file.name for file in (tmp_path / FOLDER).iterdir()] == [f"{REPORT.name}.json"]


def test_names_are_moments(tmp_path: Path) -> None:
    """The newest is the first; other files are none."""
    moment = datetime(2026, 11, 29, 10, 9, 6, 269330, UTC)
    assert name_at(moment) == REPORT.name
    assert REPORT.moment == moment_of(REPORT.name) == moment
    for name in ("20261128T000000.000000Z", "20261130T000000.000000Z", REPORT.name):
        replace(REPORT, name=name).write(tmp_path)
    (tmp_path / FOLDER / "notes.json").write_text("{}")
    assert names_in(tmp_path) == ["20261130T000000.000000Z", REPORT.name, "20261128T000000.000000Z"]
    assert names_in(tmp_path / "none") == []


@pytest.mark.parametrize(
    "name", ["", "x", "..", "20261329T100906.269330Z", "20261129T100906Z", f"{REPORT.name}\n"]
)
def test_no_other_name_is_read(name: str, tmp_path: Path) -> None:
    """Not even where such a file is there."""
    assert not is_name(name)
    assert read_report(tmp_path, name) is None


WHOLE = asdict(REPORT)
CUT = [
    {name: value for name, value in WHOLE.items() if name != left_out}
    for left_out in ("key", "rules", "rows")
]


@pytest.mark.parametrize(
    "document",
    [
        *(
            None,
            [],
            "x",
            {},
            {"name": REPORT.name},
            *CUT,
            {**WHOLE, "rows": "many"},
            {**WHOLE, "verdict": "fine"},
        ),
        *({**WHOLE, "rules": [{}]}, {**WHOLE, "reasons": 3}, {**WHOLE, "name": "20261128T000000.000000Z"}),
    ],
)
def test_another_document_is_no_report(document: object, tmp_path: Path) -> None:
    """Cut short, of another kind, or of another audit."""
    REPORT.write(tmp_path)
    (tmp_path / FOLDER / f"{REPORT.name}.json").write_text(json.dumps(document))
    assert read_report(tmp_path, REPORT.name) is None


def test_a_rule_says_whether_it_held() -> None:
    """Within its allowance is not the same as without a failure; a broken warning refuses nothing."""
    held, allowed = (
        RuleReport("a", "row", "error", True, 0, 9, ""),
        RuleReport("a", "row", "error", True, 1, 9, ""),
    )
    assert (held.verdict, allowed.verdict) == ("held", "held, within its allowance")
    assert replace(held, passed=False).verdict == "broken"
    assert replace(held, passed=False, severity="warning").verdict == "warning"
