"""Answers about the mesh, as data and on a terminal."""
