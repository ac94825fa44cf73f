"""What the tests of this room share: one key, and who may read which of its columns."""

from __future__ import annotations

KEY = "operations.departures"
CLASSIFICATION = {"month": "public", "flight": "public", "passenger": "confidential", "delay": "internal"}
