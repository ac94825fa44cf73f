"""Fixtures for the tests of every domain: a home of their own, and typed rows of the real data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines import testing
from mesh_pipelines.commands.demo_data import land
from mesh_pipelines.declaring.load import load_domain

DOMAINS = Path(__file__).parent
MONTHS = ("2013-01", "2013-03", "2013-11")
"""New year, and the two months in which clocks change."""


ReadRows = Callable[[str, str], pl.LazyFrame]
"""Rows of a source or product, by its key and the name of a landed file."""


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for the files of fixtures that several tests share."""
    with testing.mesh_home(tmp_path_factory.mktemp("home")) as folder:
        yield folder


@pytest.fixture(autouse=True)
def mesh_home(tmp_path: Path) -> Iterator[Path]:
    """MESH_HOME of this test alone, not yet made; all other MESH_ settings are unset."""
    with testing.mesh_home(tmp_path / "mesh-home") as folder:
        yield folder


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing zone with a few months of real data."""
    folder = tmp_path_factory.mktemp("landing")
    land(MONTHS, folder)
    return folder


@pytest.fixture(scope="session")
def read_source(landing: Path) -> ReadRows:
    """Reads the rows that landed for a source, with the types that its contract gives."""

    def read(key: str, file: str) -> pl.LazyFrame:
        domain, _, name = key.partition(".")
        return testing.read_landed(
            landing / domain / file, DOMAINS / domain / "contracts" / f"{name}.odcs.yaml"
        )

    return read


@pytest.fixture(scope="session")
def read_product(read_source: ReadRows) -> ReadRows:
    """Reads a product that is made of one source: by its key, for a domain's tests import no other domain."""

    def read(key: str, file: str) -> pl.LazyFrame:
        domain, _, name = key.partition(".")
        node = load_domain(f"domains.{domain}").nodes[name]
        (source,) = node.inputs
        assert node.declaration
        return node.declaration(read_source(source.key, file))

    return read
