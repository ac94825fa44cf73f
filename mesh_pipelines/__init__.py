"""Mesh AI: the data mesh for artificial intelligence."""
