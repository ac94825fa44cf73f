"""Shared resources, free of the platform and of any domain: storage, keys, tracking, compute."""
