"""The processes that the mesh lives in: Dagster's home, storage, launcher, worker."""
