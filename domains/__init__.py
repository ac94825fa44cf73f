"""The domains of this mesh, one folder each."""
