"""One web application: Dagster, the data docs and the pages of the mesh, behind one door. A module a page."""
