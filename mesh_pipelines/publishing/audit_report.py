"""Report of one audit: verdict, version and the count of each rule, as the data docs show it.

It lies as JSON beside the pages of Great Expectations, which know only the rules over all rows together. It holds names
and counts, and only of public columns values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from quality.markup import printable
from resources.whole_file import write_whole

if TYPE_CHECKING:
    from quality.contract import Contract
    from quality.outcome import Outcome

FOLDER = "audits"
"""Folder of the reports, below that of a product's data docs."""
Verdict = Literal["published", "refused", "not published"]
_MOMENT = "%Y%m%dT%H%M%S.%fZ"
_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")


@dataclass(frozen=True)
class RuleReport:
    """Rows that broke one rule, of the rows that it checked."""

    rule: str
    scope: str
    severity: str
    passed: bool
    failed: int
    checked: int
    promise: str

    @property
    def verdict(self) -> str:
        if self.passed:
            return "held" if not self.failed else "held, within its allowance"
        return "broken" if self.severity == "error" else "warning"


@dataclass(frozen=True)
class AuditReport:
    """Report of the audit of one candidate.

    Args:
        name: its moment (UTC), as Great Expectations names the folder of its page.
        verdict: "not published" where the audit passed and no commit followed.
        unchanged: the same content had been published before.
        page: of Great Expectations, as a path below the product's data docs; empty without rules over all rows.
    """

    name: str
    key: str
    verdict: Verdict
    run_id: str
    contract_id: str
    contract_version: str
    rows: int
    quarantined: int
    tolerance: float
    reasons: tuple[str, ...]
    rules: tuple[RuleReport, ...]
    partitions: tuple[str, ...] = ()
    version: int | None = None
    unchanged: bool = False
    page: str = ""

    @classmethod
    def of(
        cls, outcome: Outcome, contract: Contract, name: str, verdict: Verdict, **given: Any
    ) -> AuditReport:
        """The report of an outcome."""
        return cls(
            name=name,
            key=outcome.key,
            verdict=verdict,
            contract_id=contract.id,
            contract_version=outcome.contract_version,
            rows=outcome.rows,
            quarantined=outcome.quarantined,
            tolerance=outcome.tolerance,
            # The number of refused rows is given once, at the beginning.
            reasons=tuple(
                printable(reason) for reason in outcome.reasons if not reason.startswith("within_tolerance: ")
            ),
            rules=tuple(
                RuleReport(
                    r.rule, r.scope, r.severity, r.passed, r.failed, r.checked, printable(r.description)
                )
                for r in outcome.results
            ),
            **given,
        )

    @property
    def moment(self) -> datetime:
        return moment_of(self.name)

    @property
    def headline(self) -> str:
        if self.verdict == "refused":
            return "Refused: nothing was published"
        if self.verdict == "not published":
            return "Passed, but not published"
        same = ", the same as before" if self.unchanged else ""
        rows = f"{self.quarantined:,} row{'' if self.quarantined == 1 else 's'}"
        return f"Published{same}{f', with {rows} in quarantine' if self.quarantined else ''}"

    def write(self, folder: Path) -> None:
        """Write it, in place of an earlier one of the same audit."""
        file = folder / FOLDER / f"{self.name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(asdict(self)))


_REPORTS = TypeAdapter(AuditReport)


def name_at(moment: datetime) -> str:
    """Name of the report of an audit at a moment (UTC)."""
    return moment.strftime(_MOMENT)


def moment_of(name: str) -> datetime:
    """Moment (UTC) of the audit whose report has a name."""
    return datetime.strptime(name, _MOMENT).replace(tzinfo=UTC)


def is_name(text: str) -> bool:
    """True for a text that may name a report."""
    try:
        return bool(_NAME.fullmatch(text) and moment_of(text))
    except ValueError:
        return False


def names_in(folder: Path) -> list[str]:
    """Names of the reports of a product, the newest first."""
    found: Iterable[Path] = (folder / FOLDER).glob("*.json")
    return sorted((file.stem for file in found if is_name(file.stem)), reverse=True)


def read_report(folder: Path, name: str) -> AuditReport | None:
    """One report; ``None`` where there is none of that name, or it cannot be read."""
    if not is_name(name):
        return None
    try:
        report = _REPORTS.validate_json((folder / FOLDER / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return None
    return report if report.name == name else None
