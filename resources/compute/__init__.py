"""Compute: threads and memory of this machine."""
