"""The publish record: the JSON document in the Delta commit of one version of a table.

The lake keeps it unread. Planning, steps, status and access read it here, by attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from mesh_pipelines.landing.landed import NO_MARK, Known, SeenInput
from quality.contract import Agreement
from resources.lake.table_version import TableVersion

if TYPE_CHECKING:
    from quality.outcome import Outcome
    from resources.lake.publication import Publication

FORMAT: Final = 2
"""Of the JSON. Format 1 has no number: ``made_from`` mixes code and inputs, predictions keep theirs beside the rest."""


@dataclass(frozen=True)
class Origin:
    """Code of one partition, and the content hash of each input by key; those of a source are ``landed``."""

    code: str
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class RuleCount:
    """Rows that broke one rule, of the rows that it checked."""

    rule: str
    passed: bool
    failed: int
    checked: int


@dataclass(frozen=True)
class Audit:
    """Result of auditing the candidate: ``passed`` or ``passed with quarantine``, and its rows."""

    verdict: str
    rows: int
    quarantined: int
    rules: tuple[RuleCount, ...] = ()

    @classmethod
    def of(cls, outcome: Outcome) -> Audit:
        rules = (RuleCount(r.rule, r.passed, r.failed, r.checked) for r in outcome.results)
        return cls(outcome.verdict, outcome.rows, outcome.quarantined, tuple(rules))


@dataclass(frozen=True)
class Scoring:
    """The models that made predictions, by label, and the features that they scored.

    ``unseen`` has, by text feature, the number of values that the champion never saw and took as missing.
    """

    champion: int
    models: tuple[str, ...] = ()
    unseen: Mapping[str, int] = field(default_factory=dict[str, int])
    features: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class PublishRecord:
    """Record of one publish.

    Args:
        inputs: version of every table that was read, by key.
        origins: code and inputs of each partition; empty for a table that is not made by partition.
        landed: of a source, the inputs that it was read from, by partition and name.
        contract_digest: SHA-256; contract and audit are empty where the node has no contract.
        scoring: of predictions.
    """

    stage: str = ""
    run_id: str = ""
    code_version: str = ""
    inputs: Mapping[str, TableVersion] = field(default_factory=dict[str, TableVersion])
    origins: Mapping[str, Origin] = field(default_factory=dict[str, Origin])
    landed: Known = field(default_factory=dict)
    contract_version: str = ""
    contract_digest: str = ""
    agreements: tuple[Agreement, ...] = ()
    audit: Audit | None = None
    scoring: Scoring | None = None

    @classmethod
    def of(cls, publication: Publication | None) -> PublishRecord:
        """The record of a published version; an empty record where nothing is published."""
        return cls.from_json(publication.info) if publication else NOTHING

    @property
    def notes(self) -> dict[str, str]:
        """Remarks on the inputs of a source, as its page says them."""
        found = [seen.note for inputs in self.landed.values() for seen in inputs.values() if seen.note]
        label = "watermark" if any(note.startswith(NO_MARK) for note in found) else "not read"
        return {label: "; ".join(dict.fromkeys(found))} if found else {}

    def adding_to(self, before: PublishRecord) -> PublishRecord:
        """This record with the entries of the earlier one for partitions that are not made anew."""
        return replace(
            self,
            origins={**before.origins, **self.origins},
            landed={**before.landed, **self.landed},
        )

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "format": FORMAT,
            "stage": self.stage,
            "run_id": self.run_id,
            "code_version": self.code_version,
            "inputs": {
                key: {"version": read.version, "data_version": read.data_version}
                for key, read in self.inputs.items()
            },
        }
        if self.origins:
            document["origins"] = {
                partition: {"code": origin.code, "inputs": dict(origin.inputs)}
                for partition, origin in self.origins.items()
            }
        if self.landed:
            document["landed"] = {
                partition: {name: list(seen) for name, seen in inputs.items()}
                for partition, inputs in self.landed.items()
            }
        if self.scoring:
            document["scoring"] = {
                "champion": self.scoring.champion,
                "models": list(self.scoring.models),
                "unseen": dict(self.scoring.unseen),
                "features": dict(self.scoring.features),
            }
        if self.contract_version:
            document |= {
                "contract_version": self.contract_version,
                "contract_digest": self.contract_digest,
                "agreements": [_agreement_to_json(agreement) for agreement in self.agreements],
            }
        if self.audit:
            document["outcome"] = {
                "verdict": self.audit.verdict,
                "rows": self.audit.rows,
                "quarantined": self.audit.quarantined,
                "results": [dict(vars(count)) for count in self.audit.rules],
            }
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PublishRecord:
        """The record in a commit of this format, or of an older one."""
        scoring, origins = document.get("scoring"), document.get("origins") or {}
        if "format" not in document:
            scoring, origins = _scoring_before(document), _origins_before(document)
        outcome = document.get("outcome")
        return cls(
            stage=document.get("stage", ""),
            run_id=document.get("run_id", ""),
            code_version=document.get("code_version", ""),
            inputs={
                key: TableVersion(key, read.get("version"), read["data_version"])
                for key, read in (document.get("inputs") or {}).items()
            },
            origins={name: Origin(origin["code"], origin["inputs"]) for name, origin in origins.items()},
            landed={
                partition: {name: SeenInput(*seen) for name, seen in inputs.items()}
                for partition, inputs in (document.get("landed") or {}).items()
            },
            contract_version=document.get("contract_version") or "",
            contract_digest=document.get("contract_digest") or "",
            agreements=tuple(_agreement_from_json(entry) for entry in document.get("agreements") or ()),
            audit=Audit(
                outcome["verdict"],
                outcome["rows"],
                outcome["quarantined"],
                tuple(RuleCount(**count) for count in outcome["results"]),
            )
            if outcome
            else None,
            scoring=Scoring(
                scoring["champion"], tuple(scoring["models"]), scoring["unseen"], scoring["features"]
            )
            if scoring
            else None,
        )


NOTHING: Final = PublishRecord()
"""The record of a table that was never published."""


def _origins_before(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Origins in format 1: code and inputs in one map; predictions keep the features' content there instead."""
    made_from: Mapping[str, Any] = {} if "champion" in document else document.get("made_from") or {}
    return {
        partition: {"code": made["code"], "inputs": {k: v for k, v in made.items() if k != "code"}}
        for partition, made in made_from.items()
    }


def _scoring_before(document: Mapping[str, Any]) -> dict[str, Any] | None:
    if "champion" not in document:
        return None
    return {
        "champion": document["champion"],
        "models": document.get("scored by") or (),
        "unseen": document.get("unseen") or {},
        "features": document.get("made_from") or {},
    }


def _agreement_to_json(agreement: Agreement) -> dict[str, Any]:
    until = agreement.until.isoformat() if agreement.until else None
    return {"consumer": agreement.consumer, "purpose": agreement.purpose, "until": until}


def _agreement_from_json(entry: Mapping[str, Any]) -> Agreement:
    until = entry.get("until")
    return Agreement(entry["consumer"], entry["purpose"], date.fromisoformat(until) if until else None)
