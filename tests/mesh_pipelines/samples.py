"""A small mesh as it may stand: one of each case that the terminal has to show."""

from __future__ import annotations

from datetime import UTC, datetime

from mesh_pipelines.reporting.reports import MeshState, ModelState, ModelVersionState, ProductState

NOON = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)

MESH = MeshState(
    products=(
        ProductState(
            key="operations.departures",
            version=9,
            rows=336_776,
            quarantined=12,
            contract_version="1.2.0",
            published_at=NOON,
            data_version="9f2c" * 16,
            uri="/somewhere/lake/operations.departures",
            checks_passed=12,
            checks_total=12,
        ),
        ProductState(
            key="weather.visibility_forecast",
            version=1,
            rows=26_115,
            contract_version="1.0.0",
            published_at=NOON,
            checks_passed=4,
            checks_total=5,
        ),
        ProductState(key="fleet.aircraft"),
    ),
    models=(
        ModelState(
            key="operations.departure_delay",
            champion=ModelVersionState(
                version=1,
                metrics={"auc": 0.7312, "rows": 27_574.0},
                baseline={"auc": 0.6641},
                trained_at=NOON,
                inputs={"operations.departure_features": 9},
                reason="first of its name, above every floor",
                sha256="ab" * 32,
            ),
            challenger=ModelVersionState(
                version=2,
                metrics={"auc": 0.7201},
                baseline={"auc": 0.6641},
                trained_at=NOON,
                inputs={"operations.departure_features": 10},
                reason="worse than the champion on the same holdout: auc 0.7201 against 0.7312",
                sha256="cd" * 32,
            ),
        ),
        ModelState(key="fleet.flying_hours"),
    ),
)
