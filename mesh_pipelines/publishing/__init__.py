"""Through the contract into the lake: candidate, quarantine, record."""
