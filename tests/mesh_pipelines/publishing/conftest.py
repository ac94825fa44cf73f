"""One lake for the tests of a file, and products in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_pipelines.shared import SharedResources
from mesh_pipelines.testing import mesh_home
from resources.settings import get_settings
from tests.mesh_pipelines.publishing.offered import Shop, offer


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedResources]:
    """One lake for all: every test has a product of its own in it."""
    with mesh_home(tmp_path_factory.mktemp("home")):
        yield SharedResources(get_settings())


@pytest.fixture
def shop(shared: SharedResources, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    """A product that tolerates half of its rows to be refused."""
    return offer(shared, tmp_path, request, tolerance=50)


@pytest.fixture
def monthly(shared: SharedResources, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    """The same, cut by month."""
    return offer(shared, tmp_path, request, tolerance=50, partitions="2013-01")
