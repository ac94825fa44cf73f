"""Rules that every contract is held to."""
