"""Training data for XGBoost, from ordered rows in bounded batches, with a digest of exactly these values."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import MeshError, TransformError
from resources.compute.local import prepare_for_training
from resources.scratch import own_scratch
from resources.settings import get_settings

if TYPE_CHECKING:
    import xgboost

#: Rows handed over at a time. Any size gives the same digest and the same model; memory grows with it.
BATCH_ROWS = 250_000
BYTES_PER_VALUE = 4
_MISSING_CODE = 2**32 - 1


@dataclass(frozen=True)
class FeatureSchema:
    """Names, kinds and categories of a model's features, in the order of training.

    Args:
        kinds: for each name ``number``, ``boolean`` or ``text``.
        categories: text feature -> its values in the training data, sorted.
        coded: true if XGBoost gets the places of the categories, so that the model does not hold them; false for models
            of before, which do.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coded: bool = False

    @property
    def types(self) -> tuple[str, ...]:
        """XGBoost's feature types: ``float``, or ``c`` for a category."""
        return tuple("c" if kind == "text" else "float" for kind in self.kinds)

    def expressions(self) -> list[pl.Expr]:
        """Features as XGBoost gets them: Float32 with NaN for missing; texts of before as Enum, null for missing."""
        return [
            self._category(name)
            if kind == "text"
            else pl.col(name).cast(pl.Float32).fill_null(float("nan")).fill_nan(float("nan"))
            for name, kind in zip(self.names, self.kinds, strict=True)
        ]

    def _category(self, name: str) -> pl.Expr:
        category = pl.col(name).cast(pl.String).cast(pl.Enum(self.categories[name]), strict=False)
        return category.to_physical().cast(pl.Float32).fill_null(float("nan")) if self.coded else category

    def unseen(self) -> list[pl.Expr]:
        """For each text feature, the number of values that are not in the training data."""
        return [
            (
                pl.col(name).cast(pl.String).cast(pl.Enum(values), strict=False).is_null()
                & pl.col(name).is_not_null()
            )
            .sum()
            .alias(name)
            for name, values in self.categories.items()
        ]

    def check(self, schema: pl.Schema, where: str) -> None:
        """Refuse rows that lack a feature, or hold another kind of value in it.

        Raises TransformError: naming every column at fault.
        """
        wrong = [f"{name} is missing" for name in self.names if name not in schema]
        for name, kind in zip(self.names, self.kinds, strict=True):
            if name in schema and kind_of(schema[name]) != kind:
                wrong.append(f"{name} is {schema[name].base_type()}, trained as {kind}")
        if wrong:
            raise TransformError(
                f"the rows do not fit the model: {'; '.join(wrong)}",
                where=where,
                remedy="Give the feature set the columns it had, or train the model again.",
            )

    def to_dict(self) -> dict[str, Any]:
        categories = {name: list(values) for name, values in self.categories.items()}
        coded = {"coded": True} if self.coded else {}  # the digest of the data covers it
        return {"names": list(self.names), "kinds": list(self.kinds), "categories": categories, **coded}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> FeatureSchema:
        categories = {name: tuple(values) for name, values in content["categories"].items()}
        return cls(
            tuple(content["names"]), tuple(content["kinds"]), categories, bool(content.get("coded", False))
        )


def kind_of(dtype: pl.DataType) -> str | None:
    """``number``, ``boolean`` or ``text``; None for a type that cannot be a feature."""
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype == pl.String or isinstance(dtype, pl.Enum | pl.Categorical):
        return "text"
    return None


def feature_columns(
    spec: ModelSpec, schema: Mapping[str, pl.DataType]
) -> tuple[list[str], list[str], list[str]]:
    """Names and kinds of a model's features among the columns of its feature set, and each fault in words."""
    baseline = spec.baseline if isinstance(spec.baseline, tuple) else ()
    declared = {spec.target, spec.time, *spec.entity, *spec.slices, *baseline}
    wrong = [f"{name} is declared but not in the feature set" for name in sorted(declared - set(schema))]
    names: list[str] = []
    kinds: list[str] = []
    for name, dtype in schema.items():
        if (
            name in (spec.target, spec.time)
            or name in spec.ignore
            or name.startswith("_")  # the platform's own, such as the partition
            or (name in spec.entity and dtype.is_temporal())
        ):
            continue
        kind = kind_of(dtype)
        if kind is None:
            wrong.append(f"{name} is {dtype.base_type()}, which is no feature")
        else:
            names.append(name)
            kinds.append(kind)
    return names, kinds, wrong if names else [*wrong, "there is no feature at all"]


def learn_schema(spec: ModelSpec, train: pl.LazyFrame) -> FeatureSchema:
    """Find the features of a model, and the categories in its training rows.

    Raises TransformError: a declared column is missing, or a column cannot be a feature.
    """
    names, kinds, wrong = feature_columns(spec, train.collect_schema())
    texts = [name for name, kind in zip(names, kinds, strict=True) if kind == "text"]
    categories: dict[str, tuple[str, ...]] = {}
    if texts and not wrong:
        values = [pl.col(name).cast(pl.String).drop_nulls().unique().implode() for name in texts]
        found = train.select(values).collect(engine="streaming")
        for name in texts:
            seen = found[name].item().sort()
            if len(seen) > spec.max_categories:
                wrong.append(f"{name} has {len(seen):,} distinct texts (at most {spec.max_categories:,})")
            categories[name] = tuple(seen)
    if wrong:
        raise TransformError(
            f"features do not fit the model: {'; '.join(wrong)}",
            where=f"model {spec.key}, features {spec.features}",
            remedy="Correct the names, or add columns that are no features to `ignore`.",
        )
    return FeatureSchema(tuple(names), tuple(kinds), categories, coded=bool(texts))


class ColumnsDigest:
    """SHA-256 over values in their order, independent of batches.

    Each column has a hash of its own; the result also covers names, types, categories and the number of rows.
    """

    def __init__(self, schema: FeatureSchema, target: str) -> None:
        self._schema, self._target = schema, target
        self._columns = [hashlib.sha256() for _ in (*schema.names, target)]
        self._rows = 0

    def update(self, features: pl.DataFrame, target: pl.Series) -> None:
        self._rows += features.height
        for digest, column in zip(self._columns, (*features.iter_columns(), target), strict=True):
            if column.dtype != pl.Float32:
                column = column.to_physical().cast(pl.UInt32).fill_null(_MISSING_CODE)
            # A view where polars holds the values in one piece, which it does for a batch.
            digest.update(column.rechunk().to_numpy().data)

    def hexdigest(self) -> str:
        header = {"schema": self._schema.to_dict(), "target": self._target, "rows": self._rows}
        whole = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
        for column in self._columns:
            whole.update(column.digest())
        return whole.hexdigest()


@dataclass(frozen=True)
class MatrixDigest:
    """Digest and size of the training data."""

    digest: str
    rows: int
    external: bool


@dataclass(frozen=True)
class Matrix:
    """Training data in XGBoost's form: a QuantileDMatrix or ExtMemQuantileDMatrix, with its digest."""

    data: xgboost.DMatrix
    digest: MatrixDigest


def _batches(
    rows: pl.LazyFrame, schema: FeatureSchema, digest: ColumnsDigest, batch_rows: int, page: str | None
) -> Any:
    """Iterator of XGBoost's batches; the first pass through it feeds ``digest``.

    ``rows`` has the target last; ``page`` is the prefix of XGBoost's files on disk, ``None`` for memory.
    """
    import xgboost

    types = {"feature_names": schema.names, "feature_types": schema.types} if schema.coded else {}

    class Batches(xgboost.DataIter):
        def __init__(self, cache_prefix: str | None) -> None:
            super().__init__(cache_prefix=cache_prefix, release_data=True)
            self._batches: Iterator[pl.DataFrame] | None = None
            self._digesting = True

        def next(self, input_data: Any) -> bool:
            if self._batches is None:
                self._batches = iter(
                    rows.collect_batches(chunk_size=batch_rows, maintain_order=True, lazy=True)
                )
            batch = next(self._batches, None)
            if batch is None:
                self._digesting = False
                return False
            features, label = batch.drop(""), batch.get_column("")
            if self._digesting:
                digest.update(features, label)
            input_data(data=features, label=label.to_numpy(), **types)
            return True

        def reset(self) -> None:
            self._batches = None

    return Batches(page)


@contextmanager
def training_matrix(
    train: pl.LazyFrame,
    schema: FeatureSchema,
    target: str,
    *,
    rows: int,
    max_memory: int | None = None,
    max_bin: int | None = None,
    batch_rows: int = BATCH_ROWS,
    threads: int | None = None,
    cache: Path | None = None,
) -> Generator[Matrix]:
    """Read rows in their order into quantised form, in bounded memory.

    Args:
        max_memory: bytes; where rows x features x 4 is more, XGBoost keeps the data on disk while it trains.
        max_bin: bins for each feature (XGBoost: 256).
        cache: directory for data kept on disk; by default the mesh's scratch. A private directory (mode 0700) is made
            in it and removed at the end. It holds bin numbers, not encrypted.

    Raises:
        TransformError: a value that XGBoost cannot take, such as an infinity.
    """
    threads = prepare_for_training(threads)
    import xgboost

    external = max_memory is not None and rows * len(schema.names) * BYTES_PER_VALUE > max_memory
    columns = [*schema.expressions(), pl.col(target).cast(pl.Float32).alias("")]
    digest = ColumnsDigest(schema, target)

    place = cache or own_scratch(get_settings().scratch)
    with tempfile.TemporaryDirectory(prefix="mesh-training-", dir=place) as private:
        page = str(Path(private) / "page") if external else None
        batches = _batches(train.select(columns), schema, digest, batch_rows, page)
        kind = xgboost.ExtMemQuantileDMatrix if external else xgboost.QuantileDMatrix
        try:
            data = kind(
                batches, enable_categorical=True, nthread=threads, **({"max_bin": max_bin} if max_bin else {})
            )
        except xgboost.core.XGBoostError as error:
            raise _matrix_error(error, train, schema, target) from error
        matrix = Matrix(data, MatrixDigest(digest.hexdigest(), rows, external))
        # XGBoost deletes its pages when the last reference goes, which must be before the directory does.
        del data, batches
        references = [matrix]
        del matrix
        yield references.pop()


def _matrix_error(error: Exception, train: pl.LazyFrame, schema: FeatureSchema, target: str) -> MeshError:
    numbers = [name for name, kind in zip(schema.names, schema.kinds, strict=True) if kind == "number"]
    counts = train.select(pl.col(*numbers, target).cast(pl.Float32).is_infinite().sum()).collect(
        engine="streaming"
    )
    infinite = [f"{name} ({counts[name].item():,} rows)" for name in counts.columns if counts[name].item()]
    if infinite:
        return TransformError(
            f"infinite values, or beyond what 32 bits hold, in {', '.join(infinite)}",
            where="training rows",
            remedy="Make them null in the feature set, or cap them.",
        )
    return TransformError(
        "XGBoost does not take these rows", where="training", quoted=str(error).strip().splitlines()[-1]
    )
