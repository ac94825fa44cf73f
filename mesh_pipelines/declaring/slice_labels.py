"""Names of slices in figures, plots and reasons, which are kept in clear."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

MISSING = "(missing)"
"""Name of the slice of rows without a value."""


@dataclass(frozen=True)
class SliceLabels:
    """The value itself for a public column; for any other a name that only the domain's secret key gives."""

    public: frozenset[str]
    key: bytes = field(repr=False)

    def of(self, column: str, value: str) -> str:
        if column in self.public or value == MISSING:
            return value
        digest = hmac.new(self.key, f"{column}\0{value}".encode(), hashlib.sha256)
        return f"value {digest.hexdigest()[:10]}"
