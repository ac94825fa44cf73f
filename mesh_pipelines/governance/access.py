"""The one decision point for reads of products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from mesh_pipelines.declaring.reader import AccessRequest, Reader
from mesh_pipelines.governance.agreements import agreement_refusal
from mesh_pipelines.publishing.record import PublishRecord
from quality.contract import Agreement
from resources.lake.publication import Publication


@dataclass(frozen=True)
class AgreementPoint:
    """Grants a domain its own products, and those that an agreement lets it read; refuses everything else."""

    agreements: Sequence[Agreement]
    today: Callable[[], date] = lambda: datetime.now(UTC).date()

    def refusal(self, request: AccessRequest) -> str:
        if request.reader == Reader("domain", request.owner):
            return ""
        if request.reader.kind != "domain":
            return f"there is no agreement with {request.reader}"
        if request.purpose is None:
            return "no purpose is stated"
        return agreement_refusal(self.agreements, request.reader.name, request.purpose, self.today())


def decision_point(published: Publication | None) -> AgreementPoint:
    """The decision point for one publication; its agreements are those that it was published with."""
    return AgreementPoint(PublishRecord.of(published).agreements)
