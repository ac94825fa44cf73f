"""A PostgreSQL database, read in one consistent transaction, in bounded batches, with its password kept out of errors.

ADBC (https://arrow.apache.org/adbc, driver "PostgreSQL") streams a query as Arrow batches through COPY, so that neither
side holds more than a batch of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import polars as pl

from mesh_pipelines.errors import LandingError, MeshError, SourceUnavailable

_BATCH_BYTES = 16 * 2**20
_CONNECT_SECONDS = 5
_SESSION = (
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    # Values as text must not depend on the settings of a session.
    "SET TIME ZONE 'UTC'",
    "SET datestyle = 'ISO, YMD'",
    "SET extra_float_digits = 1",
    "SET bytea_output = 'hex'",
    "SET intervalstyle = 'postgres'",
    "SET lc_monetary = 'C'",
    "SET standard_conforming_strings = on",
)
_PASSING = ("08", "25P03", "40", "53", "55P03", "57")
"""SQLSTATEs, or their classes, of transient errors (PostgreSQL, appendix A: Error Codes)."""

_TERMINAL = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
    "authentication failed",
)


class Database:
    """One database (URL as libpq takes it); connected inside its ``with`` block, where all reads see one moment."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url
        self._connection: Any = None

    def __enter__(self) -> Self:
        from adbc_driver_postgresql import dbapi

        url = self.checked_url()
        try:
            self._connection = dbapi.connect(url)
            for statement in _SESSION:
                self._execute(statement).close()
            self._connection.commit()  # the settings hold for the transactions after this one
        except dbapi.Error as error:
            self._close()
            raise self._driver_error(error) from None  # the driver's own words may hold the URL
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a small result.

        Raises LandingError, SourceUnavailable: the database refuses the query, or cannot be reached.
        """
        from adbc_driver_postgresql.dbapi import Error

        try:
            with self._execute(query) as cursor:
                return cursor.fetchall()
        except Error as error:
            raise self._driver_error(error) from None

    def batches(self, query: str) -> Iterator[pl.DataFrame]:
        """Rows of a result of any size, in bounded batches.

        Raises LandingError, SourceUnavailable: the database refuses the query, or cannot be reached.
        """
        from adbc_driver_postgresql.dbapi import Error

        try:
            with self._execute(query) as cursor:
                for batch in cursor.fetch_record_batch():
                    yield pl.DataFrame(batch)
        except Error as error:
            raise self._driver_error(error) from None
        except OSError as error:  # pyarrow's word for an error in the midst of a stream
            raise self._unavailable(str(error)) from None

    def limit(self, seconds: float) -> None:
        """Have the database cancel any query that takes longer than these seconds."""
        self.rows(f"SET statement_timeout = {int(seconds * 1000)}")
        self._connection.commit()

    def new_moment(self) -> None:
        """End the transaction: reads from here on see a later moment."""
        self._connection.rollback()

    def _execute(self, query: str) -> Any:
        cursor = self._connection.cursor()
        try:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES})
            cursor.execute(query)
        except BaseException:
            cursor.close()
            raise
        return cursor

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def checked_url(self) -> str:
        """The URL as the driver is given it.

        Raises LandingError: it is none of PostgreSQL; the driver would quote it in its error.
        """
        try:
            parts = urlsplit(self._url)
            sound = parts.scheme in ("postgresql", "postgres") and not set(self._url) & set(" \t\r\n")
            _ = parts.port
        except ValueError:
            parts, sound = urlsplit(""), False
        if not sound:
            raise LandingError(
                "its URL is not one of PostgreSQL",
                where=self._where,
                remedy="write postgresql://user:password@host:5432/database, with %XX for special characters",
            )
        given = parse_qs(parts.query)
        more = [f"connect_timeout={_CONNECT_SECONDS}"] if "connect_timeout" not in given else []
        more += ["application_name=mesh"] if "application_name" not in given else []
        query = "&".join([*([parts.query] if parts.query else []), *more])
        # Not by urlunsplit, which leaves out the slashes before an empty host; libpq then takes it for no URL.
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        return f"{parts.scheme}://{parts.netloc}{parts.path}{f'?{query}' if query else ''}{fragment}"

    @property
    def _where(self) -> str:
        return f"database {self.name}"

    def _driver_error(self, error: Any) -> MeshError:
        """An error of the driver as one of the mesh, with all secrets removed."""
        state = error.sqlstate or ""
        message = self._without_secrets(str(error))
        passing = state.startswith(_PASSING) if state else not any(sign in message for sign in _TERMINAL)
        if passing:
            return self._unavailable(message)
        if not state or state.startswith("28"):
            return LandingError(
                f"it lets nobody in: {message}", where=self._where, remedy="mend its URL in MESH_DATABASES"
            )
        if state == "42501":
            return LandingError(
                f"its user may not read there: {message}",
                where=self._where,
                remedy="GRANT USAGE on the schema and SELECT on the table to that user",
            )
        named = state.startswith(
            "42"
        )  # a name that is not known; the words of other errors may quote a value
        return LandingError(
            f"it refuses to answer{f': {message}' if named else ''} (SQLSTATE {state})",
            where=self._where,
            remedy="see that the table and its columns are those that the source and its contract name",
            quoted="" if named else message,
        )

    def _unavailable(self, message: str) -> SourceUnavailable:
        return SourceUnavailable(
            "it does not answer",
            where=self._where,
            remedy="see that it runs and can be reached; the next look tries again, and what was published stays",
            quoted=self._without_secrets(message),
        )

    def _without_secrets(self, text: str) -> str:
        line = next((line.strip() for line in text.splitlines() if line.strip()), "")
        for noise in ("ERROR:", "FATAL:", "Failed to connect:"):
            line = line.rpartition(noise)[2].strip() or line
        for secret in self._secrets():
            line = line.replace(secret, "***")
        return line.removeprefix("IO: [libpq] ")[:200]

    def _secrets(self) -> list[str]:
        try:
            parts = urlsplit(self._url)
        except ValueError:
            return [self._url]
        given = [parts.password or "", *parse_qs(parts.query).get("password", [])]
        return [form for word in given if word for form in (word, unquote(word))]


def ident(*names: str) -> str:
    """Quote names for SQL: ``"sales"."orders"``."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """Quote text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def select(values: Sequence[str], table: str, conditions: Sequence[str]) -> str:
    """The SQL of a query; names and values are quoted already (:func:`ident`, :func:`literal`)."""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {', '.join(values)} FROM {table}{where}"  # noqa: S608
