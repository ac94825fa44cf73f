"""Bytes by name: the same few calls for a folder and for an object store (s3://, gs://, az://, ...)."""

from __future__ import annotations

from collections.abc import Mapping

from resources.addresses import local_path
from resources.store.folder import FolderStore
from resources.store.objects import ObjectStore
from resources.store.protocol import Entry, Store

__all__ = ["Entry", "FolderStore", "ObjectStore", "Store", "open_store"]


def open_store(uri: str, options: Mapping[str, str] | None = None) -> Store:
    """The store behind a URI; a path or file:// is a folder."""
    folder = local_path(uri)
    return ObjectStore(uri, options) if folder is None else FolderStore(str(folder))
