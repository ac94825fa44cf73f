"""Shared resources: storage, keys, tracking, compute. They know nothing of the platform or of any domain."""
