"""A slice is called by its value only where its column is made of public columns alone."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pytest

from mesh_pipelines import feature_set
from mesh_pipelines.declaring.declarations import Declaration
from mesh_pipelines.declaring.model_spec import Gate, ModelSpec
from mesh_pipelines.declaring.node import FeatureSetNode
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.publishing.slices import with_slice_labels
from mesh_pipelines.shared import SharedResources
from resources.lake.table_version import TableVersion
from resources.settings import get_settings
from tests.mesh_pipelines.loaded_domains import inputs
from tests.mesh_pipelines.publishing.offered import put

SPEC = ModelSpec(
    "clinic.risk",
    "clinic.stays",
    "ill",
    "at",
    slices=("city", "ward", "mixed", "fixed"),
    gate=Gate(floors={}),
)
PATIENTS = pl.DataFrame({"city": ["Rome"], "ward": ["oncology"]})
MADE = ["city", "ward", "mixed", "fixed"]


@feature_set(key=("city",), time="at")
def stays(patients: pl.LazyFrame) -> pl.LazyFrame:
    """A public column, a classified one, one of both, and one of none."""
    return patients.with_columns(mixed=pl.concat_str("city", "ward"), fixed=pl.lit("x"))


@pytest.fixture
def clinic(mesh_home: object) -> SharedResources:
    """A lake with features of classified patients."""
    shared = SharedResources(get_settings())
    made_of = {"clinic.patients": TableVersion("clinic.patients", 0, "a")}
    put(
        shared.lake,
        "clinic.patients",
        PATIENTS,
        {"ward": "restricted"},
        PublishRecord(contract_version="1.0.0"),
    )
    features = PATIENTS.select("city", "ward", mixed=pl.lit("Rome oncology"), fixed=pl.lit("x"))
    put(shared.lake, "clinic.stays", features, dict.fromkeys(MADE, "internal"), PublishRecord(inputs=made_of))
    return shared


def shown(
    shared: SharedResources, spec: ModelSpec = SPEC, declared: Declaration | None = stays
) -> Mapping[str, str]:
    """The name of a slice ``oncology`` in each column."""
    node = FeatureSetNode("clinic", "stays", inputs("clinic.patients"), declared)
    labelled = with_slice_labels(spec, {node.key: node}, shared)
    return {column: labelled.slice_label(column, "oncology") for column in spec.slices}


def test_a_column_made_of_public_ones_alone_is_called_by_its_value(clinic: SharedResources) -> None:
    """A classified column is not, nor one of both; nor one of neither, for a function may have written a value."""
    names = shown(clinic)
    assert names["city"] == "oncology"
    assert all(names[column].startswith("value ") for column in ("ward", "mixed", "fixed"))
    assert shown(clinic) == names


def test_of_a_function_that_cannot_be_followed_nothing_is_public(clinic: SharedResources) -> None:
    """One that reads rows, one that fails, and a feature set written by hand."""

    @feature_set(key=("city",), time="at")
    def eager(patients: pl.LazyFrame) -> pl.LazyFrame:
        return patients.collect().lazy()

    @feature_set(key=("city",), time="at")
    def fails(patients: pl.LazyFrame) -> pl.LazyFrame:
        raise ValueError(patients)

    for declared in (eager, fails, None):
        assert all(name.startswith("value ") for name in shown(clinic, declared=declared).values())


def test_where_nothing_is_classified_every_slice_is_public(mesh_home: object) -> None:
    """Features made of public tables alone, whatever their function does."""
    shared = SharedResources(get_settings())
    made_of = {"clinic.patients": TableVersion("clinic.patients", 0, "a")}
    put(shared.lake, "clinic.patients", PATIENTS, record=PublishRecord(contract_version="1.0.0"))
    put(
        shared.lake,
        "clinic.stays",
        PATIENTS,
        dict.fromkeys(PATIENTS.columns, "internal"),
        PublishRecord(inputs=made_of),
    )
    assert set(shown(shared, declared=None).values()) == {"oncology"}


def test_a_model_without_slices_or_features_is_left_as_it_is(clinic: SharedResources) -> None:
    """Nothing to name yet."""
    for spec in (
        ModelSpec("clinic.risk", "clinic.stays", "ill", "at"),
        ModelSpec("clinic.risk", "clinic.nothing", "ill", "at", slices=("ward",)),
    ):
        assert with_slice_labels(spec, {}, clinic) is spec


def test_an_input_that_was_never_published_makes_nothing_public(clinic: SharedResources) -> None:
    """Its classes are not known."""
    node = FeatureSetNode("clinic", "stays", inputs("clinic.patients", "bank.accounts"), stays)
    labelled = with_slice_labels(SPEC, {node.key: node}, clinic)
    assert labelled.slice_label("city", "Rome").startswith("value ")
