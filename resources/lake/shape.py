"""Shape of a table: its columns, classification and partitions, and the checks of rows against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from mesh_pipelines.errors import DefinitionError, TransformError, Violation
from resources.lake.digest import ContentDigest
from resources.lake.layout import PUBLIC, partition_name
from resources.lake.publication import Publication


@dataclass(frozen=True)
class Shape:
    """Columns of one table, and its partitions; where ``gathered``, files hold rows of several of these."""

    key: str
    dtypes: Mapping[str, pl.DataType]
    classification: Mapping[str, str]
    partition_by: str | None
    gathered: bool

    @property
    def public(self) -> list[str]:
        return [name for name in self.dtypes if self.classification[name] == PUBLIC]

    def check(self) -> None:
        """Raise a DefinitionError with everything that the lake cannot keep."""
        violations = [
            Violation(
                "ColumnIsClassified", name, "has no classification", "classify it, for example as 'internal'"
            )
            for name in self.dtypes
            if name not in self.classification
        ]
        violations += self._partition_violations()
        if not self.dtypes:
            violations.append(
                Violation("TableHasColumns", self.key, "has no columns", "give it at least one column")
            )
        if violations:
            raise DefinitionError(self.key, violations)

    def check_against(self, before: Publication) -> None:
        """Raise a DefinitionError with all differences from the version whose other rows are kept."""
        rule, violations = "PartitionsShareOneSchema", list[Violation]()
        fix = "publish the whole table once with the new columns (replace='all')"
        for name in {**before.schema, **self.dtypes}:
            old, new = before.schema.get(name), self.dtypes.get(name)
            if old != new:
                violations.append(Violation(rule, name, f"published as {old}, now {new}", fix))
        if not violations and list(before.schema) != list(self.dtypes):
            violations.append(Violation(rule, self.key, "columns are in another order", fix))
        if before.partition_by != self.partition_by:
            problem = f"published with partition column {before.partition_by}, now {self.partition_by}"
            violations.append(Violation(rule, self.key, problem, fix))
        if violations:
            raise DefinitionError(self.key, violations)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with its columns in order; TransformError if names or types differ."""
        if dict(frame.schema) != dict(self.dtypes):
            got = frame.schema
            wrong = [
                f"{name}: expected {dtype}, got {got.get(name, 'nothing')}"
                for name, dtype in self.dtypes.items()
                if got.get(name) != dtype
            ]
            wrong += [f"{name}: not expected" for name in got if name not in self.dtypes]
            if wrong:
                raise TransformError(
                    "; ".join(wrong),
                    where=self.key,
                    remedy="return exactly the columns and types of the contract",
                )
        return frame.select(list(self.dtypes))

    def partition_of(self, value: object) -> str:
        """Name of the partition of a value; TransformError if there is no value."""
        name = "" if value is None else partition_name(value)
        if not name:
            raise TransformError(
                f"rows without a value in the partition column {self.partition_by}",
                where=self.key,
                remedy="mark the column as required in the contract, so that such rows are quarantined",
            )
        return name

    def digests(self, partition: str, frame: pl.DataFrame) -> dict[str, ContentDigest]:
        """Content of one data file by partition; ``partition`` is that of a file of its own."""
        if not self.gathered or self.partition_by is None:
            return {partition: ContentDigest.of(frame)}
        found = ContentDigest.by(frame, self.partition_by)
        return {self.partition_of(value): digest for value, digest in found.items()}

    def _partition_violations(self) -> Iterator[Violation]:
        by = self.partition_by
        if by is None:
            return
        dtype = self.dtypes.get(by)
        if dtype is None:
            yield Violation("PartitionIsColumn", by, "is no column", "partition by a column of the table")
        elif not isinstance(dtype, (pl.String, pl.Date, pl.Boolean)) and not dtype.is_integer():
            fix = "use a string, date, boolean or integer"
            yield Violation("PartitionIsColumn", by, f"{dtype} cannot name a partition", fix)
        elif self.gathered and dtype != pl.String():
            fix = "make it a string, or give each partition files of its own"
            yield Violation("PartitionIsColumn", by, f"{dtype} cannot name partitions that share files", fix)
        if self.classification.get(by, PUBLIC) != PUBLIC:
            fix = "classify it as public, or partition by another column"
            yield Violation("PartitionIsPublic", by, "its values are readable in paths and log", fix)
