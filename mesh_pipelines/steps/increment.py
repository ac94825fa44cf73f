"""The version that new rows of a table are added to, if its last publish still agrees with the table."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from mesh_pipelines.landing.landed import LandedInput
from mesh_pipelines.landing.tables import TableLanding
from mesh_pipelines.landing.watermark import difference
from mesh_pipelines.publishing.kept_rows import Increment
from mesh_pipelines.publishing.known_rows import known_rows
from mesh_pipelines.shared import shared_resources
from resources.lake.publication import Publication


def increment_of(
    landing: TableLanding, before: Publication, chosen: Sequence[LandedInput]
) -> tuple[Increment | None, str]:
    """The version that new rows add to; None, and the reason, where what it has below the mark is not the table's."""
    marks, contract = landing.watermark, landing.contract
    since = next(one.since for one in chosen if one.since)
    assert marks is not None
    increment = Increment(before.version, marks.column, since)
    came = landing.keys(chosen) if contract.key else pl.DataFrame()
    known = known_rows(shared_resources().lake, contract, increment, marks.identity, came)
    if marks.is_addition(known.moved, known.kept):
        return increment, ""
    return None, f"{landing.name} {difference(known.kept, marks.below)}"
