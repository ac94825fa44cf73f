"""The publish record comes back from JSON as it was written, and so do records of the format before."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from datetime import date

import pytest

from mesh_pipelines.landing.landed import SeenInput
from mesh_pipelines.publishing.record import NOTHING, Audit, Origin, PublishRecord, RuleCount, Scoring
from quality.contract import Agreement
from resources.lake.table_version import TableVersion

READ = TableVersion("operations.departures", 4, "abc")
FULL = PublishRecord(
    stage="product",
    run_id="run-1",
    code_version="code-promise",
    inputs={READ.key: READ},
    origins={"2013-01": Origin("code-promise", {READ.key: "january"})},
    landed={"2013-01": {"departures-2013-01.csv": SeenInput("10-20", "sha", "")}},
    contract_version="1.0.0",
    contract_digest="digest",
    agreements=(Agreement("fleet", "planning", date(2030, 1, 1)), Agreement("weather", "research")),
    audit=Audit("passed", 10, 1, (RuleCount("has_rows", True, 0, 10),)),
    scoring=Scoring(2, ("delay@2", "delay@1"), {"carrier": 3}, {"2013-01": "features"}),
)
BEFORE = {
    "stage": "product",
    "run_id": "run-1",
    "code_version": "code-promise",
    "inputs": {"operations.departures": {"version": 4, "data_version": "abc"}},
    "made_from": {"2013-01": {"code": "code-promise", "operations.departures": "january"}},
    "landed": {"2013-01": {"departures-2013-01.csv": ["10-20", "sha", ""]}},
    "contract_version": "1.0.0",
    "contract_digest": "digest",
    "agreements": [
        {"consumer": "fleet", "purpose": "planning", "until": "2030-01-01"},
        {"consumer": "weather", "purpose": "research", "until": None},
    ],
    "outcome": {
        "verdict": "passed",
        "rows": 10,
        "quarantined": 1,
        "results": [{"rule": "has_rows", "passed": True, "failed": 0, "checked": 10}],
    },
}
"""As the format without a number has it."""


@pytest.mark.parametrize("record", [FULL, NOTHING, PublishRecord(run_id="r", inputs={READ.key: READ})])
def test_a_record_survives_json(record: PublishRecord) -> None:
    """Every field, through the text of a commit."""
    assert PublishRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_a_record_is_frozen() -> None:
    """What was written down is not changed afterwards."""
    with pytest.raises(FrozenInstanceError):
        FULL.run_id = "another"  # type: ignore[misc]


def test_a_record_of_the_format_before_is_read() -> None:
    """What was made by partition: code and inputs stood in one map."""
    read = PublishRecord.from_json(BEFORE)
    assert read.origins == FULL.origins
    assert read.landed == FULL.landed
    assert read.inputs == FULL.inputs
    assert read.agreements == FULL.agreements
    assert read.audit == FULL.audit
    assert read.scoring is None


def test_predictions_of_the_format_before_are_read() -> None:
    """They kept the content of the features where products kept their origins."""
    document = {
        "stage": "predictions",
        "champion": 2,
        "scored by": ["delay@2", "delay@1"],
        "unseen": {"carrier": 3},
        "made_from": {"2013-01": "features"},
    }
    read = PublishRecord.from_json(document)
    assert read.scoring == FULL.scoring
    assert read.origins == {}


def test_a_publish_of_one_partition_keeps_what_is_known_of_the_others() -> None:
    """Origins and landed inputs add up by partition; everything else is of the newest publish."""
    february = PublishRecord(run_id="run-2", origins={"2013-02": Origin("code-2")})
    both = february.adding_to(FULL)
    assert both.origins == {**FULL.origins, **february.origins}
    assert both.landed == FULL.landed
    assert (both.run_id, both.audit) == ("run-2", None)


def test_nothing_published_has_an_empty_record() -> None:
    """So that a reader asks it the same questions."""
    assert PublishRecord.of(None) is NOTHING
