"""SQL over lazy frames: DuckDB in bounded memory, spilling to encrypted temporary files."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from mesh_pipelines.errors import TransformError
from resources.scratch import own_scratch
from resources.storage_faults import translate_storage_faults

if TYPE_CHECKING:
    import duckdb

    from resources.settings import Settings

_BATCH_ROWS = 200_000


class Warehouse:
    """DuckDB for the domains' SQL: each query has a connection of its own and sees only the frames given.

    Memory (``"2GB"``) and threads (default: all cores) are those of one connection.
    """

    def __init__(self, scratch: Path | str, memory_limit: str = "2GB", threads: int | None = None) -> None:
        self.scratch, self.memory_limit, self.threads = Path(scratch), memory_limit, threads

    @classmethod
    def from_settings(cls, settings: Settings) -> Warehouse:
        return cls(settings.scratch, settings.memory_limit, settings.threads)

    def query(self, sql: str, **frames: pl.LazyFrame | pl.DataFrame) -> pl.DataFrame:
        """Run a query; each frame is a table of its argument's name.

        Hand over only the columns and rows that the query needs (``lf.select(...)``): DuckDB does not push its
        projection through an Arrow stream.

        Raises:
            TransformError: DuckDB refused the query.
            StorageFull: no space left to spill to.
        """
        with self._running(sql, frames) as result:
            return pl.DataFrame(result.to_arrow_table())

    def batches(
        self, sql: str, rows: int = _BATCH_ROWS, **frames: pl.LazyFrame | pl.DataFrame
    ) -> Iterator[pl.DataFrame]:
        """Run a query whose result may be larger than memory; gives frames of about ``rows`` rows."""
        with self._running(sql, frames) as result:
            for batch in result.to_arrow_reader(rows):
                yield pl.DataFrame(batch)

    @contextmanager
    def _running(
        self, sql: str, frames: dict[str, pl.LazyFrame | pl.DataFrame]
    ) -> Generator[duckdb.DuckDBPyRelation]:
        import duckdb

        with translate_storage_faults(str(self.scratch)), self._connection() as connection:
            for name, frame in frames.items():
                connection.register(name, _Stream(frame.lazy()))
            try:
                # The stub hides that a statement without rows gives None.
                relation = cast("duckdb.DuckDBPyRelation | None", connection.sql(sql))
                if relation is None:
                    raise TransformError("this SQL returns no rows", remedy="write one SELECT", quoted=sql)
                yield relation
            except duckdb.OutOfMemoryException as error:
                raise TransformError(
                    f"the query needs more than {self.memory_limit}",
                    remedy="raise MESH_MEMORY_LIMIT, or hand over fewer columns",
                    quoted=f"{error}\n{sql}",
                ) from error
            except duckdb.IOException:
                raise
            except duckdb.Error as error:
                raise TransformError(
                    f"DuckDB refuses the SQL: {type(error).__name__}",
                    remedy="correct the SQL; its tables are the frames it was given",
                    quoted=f"{error}\n{sql}",
                ) from error

    @contextmanager
    def _connection(self) -> Generator[duckdb.DuckDBPyConnection]:
        import duckdb

        spill = own_scratch(self.scratch)
        with duckdb.connect() as connection:
            connection.execute("SET memory_limit = ?", [self.memory_limit])
            connection.execute("SET temp_directory = ?", [str(spill)])
            # Decrypted rows may be spilled; they must not lie on disk in clear. The key never leaves memory.
            connection.execute("SET temp_file_encryption = true")
            # DuckDB's built-in AES takes its nonces from an ordinary generator, hence the name of this
            # setting; its OpenSSL module is a download (httpfs). For files that live as long as one query,
            # in a private folder, built-in encryption is better than none.
            connection.execute("SET force_mbedtls_unsafe = true")
            connection.execute("SET preserve_insertion_order = false")
            if self.threads:
                connection.execute("SET threads = ?", [self.threads])
            # A query reads what it is given: no files, no network, no variables of the caller.
            connection.execute("SET python_enable_replacements = false")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection


class _Stream:
    """A lazy frame as an Arrow stream (Arrow PyCapsule interface), anew each time that DuckDB reads it.

    Handing over the lazy frame itself would have DuckDB collect it whole, outside its memory limit.
    """

    def __init__(self, frame: pl.LazyFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        import pyarrow as pa

        schema = pl.DataFrame(schema=self._frame.collect_schema()).to_arrow().schema
        batches = self._frame.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=False)
        reader = pa.RecordBatchReader.from_batches(
            schema, (part for batch in batches for part in batch.to_arrow().cast(schema).to_batches())
        )
        return reader.__arrow_c_stream__(requested_schema)
