"""One key that the tests of this room share, and the classification of its columns."""

from __future__ import annotations

KEY = "operations.departures"
CLASSIFICATION = {"month": "public", "flight": "public", "passenger": "confidential", "delay": "internal"}
