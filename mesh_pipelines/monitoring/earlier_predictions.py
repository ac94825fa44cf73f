"""Predictions as they were before their outcome came.

A new champion predicts anew what it did not learn from, and so replaces what was said before. How good the version
before it really was would then be lost. So whoever looks at a model keeps its predictions that still wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from mesh_pipelines.errors import TransientError
from mesh_pipelines.modeling.scoring import MODEL_VERSION
from resources.lake.lake import Lake

SAID = "__said"
"""Ending of the key below which they are kept, each column as protected as in the predictions themselves."""


def said_before(lake: Lake, key: str, columns: Sequence[str]) -> pl.DataFrame | None:
    """All that was kept; None where nothing was, or under other columns.

    Args:
        lake: where it is.
        key: of the predictions.
        columns: of the row, the version and what it said.
    """
    if not lake.exists(key + SAID) or set(lake.schema(key + SAID)) != set(columns):
        return None
    with lake.reading(key + SAID):
        return lake.scan(key + SAID).select(columns).collect()


def keep_said(
    lake: Lake, key: str, rows: pl.DataFrame, known: pl.DataFrame | None, classification: Mapping[str, str]
) -> None:
    """Keep predictions whose outcome is not known yet, each once for each version.

    Args:
        lake: where to.
        key: of the predictions.
        rows: columns that name a row, the version, and what it said.
        known: what was kept before.
        classification: of the columns.
    """
    named = [*rows.columns[:-2], MODEL_VERSION]
    fresh = rows if known is None else rows.join(known, on=named, how="anti")
    if not fresh.height:
        return
    classes = {name: classification[name] for name in rows.columns}
    try:
        with lake.stage(key + SAID, dict(rows.schema), classes) as stage:
            stage.write(fresh)
            stage.commit({"of": key}, replace="all" if known is None else "append")
    except TransientError:
        pass  # The next look keeps them, unless their outcome has come by then.
