"""The shared resources in one object, made once per process from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from mesh_pipelines.errors import NotPublished

if TYPE_CHECKING:
    from quality.auditor import Auditor
    from resources.lake.lake import Lake
    from resources.lake.publication import Publication
    from resources.settings import Settings
    from resources.tracking import Tracking


@dataclass(frozen=True)
class SharedResources:
    """Storage, keys, audits and tracking in one object; each is opened when it is first used."""

    settings: Settings

    @cached_property
    def lake(self) -> Lake:
        from resources.lake.lake import Lake

        return Lake.from_settings(self.settings)

    def record(self, key: str) -> Publication | None:
        """The newest publish record of a table, ``None`` where nothing was published."""
        try:
            return self.lake.record(key)
        except NotPublished:
            return None

    @cached_property
    def auditor(self) -> Auditor:
        from quality.auditor import Auditor

        return Auditor()

    @cached_property
    def tracking(self) -> Tracking:
        from resources.addresses import local_path
        from resources.tracking import Tracking

        folder = local_path(self.settings.artifacts)
        artifacts = self.settings.artifacts if folder is None else folder.as_uri()
        return Tracking.under(self.settings.home, self.settings.tracking_uri, artifacts)


@lru_cache(maxsize=4)
def _shared_resources(settings_json: str, secrets: object) -> SharedResources:
    from resources.settings import get_settings

    return SharedResources(get_settings())


def shared_resources() -> SharedResources:
    """Resources of the settings in force, one object per process and settings."""
    from resources.settings import get_settings

    settings = get_settings()
    secrets = (settings.master_key, *sorted(settings.databases.items(), key=lambda item: item[0]))
    return _shared_resources(settings.model_dump_json(), secrets)  # JSON says of a secret only that it is one
