"""Steps: the work of each kind of asset when it runs."""
