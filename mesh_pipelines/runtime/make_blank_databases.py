"""Makes the empty databases that new homes begin with (:mod:`resources.blank_databases`).

Run: python -m mesh_pipelines.runtime.make_blank_databases
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from mesh_pipelines.runtime.preload import OWN_REGISTRY, PLANNING, preload


def main() -> None:
    """Make them for the packages as they are installed now."""
    preload(PLANNING, OWN_REGISTRY)
    from mesh_pipelines.runtime.sqlite_storage import keep_blanks
    from resources.tracking import keep_blank

    with TemporaryDirectory(prefix="mesh-blanks-") as place:
        keep_blank(Path(place) / "mlflow.db")
        keep_blanks(Path(place) / "dagster")


if __name__ == "__main__":
    main()
