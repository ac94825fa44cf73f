"""The processes of the mesh: Dagster's home, storage, launcher, worker."""
