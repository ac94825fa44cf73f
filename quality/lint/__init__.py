"""Rules over every contract."""
