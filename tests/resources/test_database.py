"""A PostgreSQL database: read at one moment, in bounded batches, and never quoted with its password."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mesh_pipelines.errors import LandingError, MeshError, SourceUnavailable
from resources.database import Database, ident, literal, select
from tests.mesh_pipelines.postgres import PASSWORD, Postgres


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:p@h/d?connect_timeout=5&application_name=mesh"),
        ("postgres://h", "postgres://h?connect_timeout=5&application_name=mesh"),
        ("postgresql:///d?host=/tmp", "postgresql:///d?host=/tmp&connect_timeout=5&application_name=mesh"),
        ("postgresql://h/d?connect_timeout=60", "postgresql://h/d?connect_timeout=60&application_name=mesh"),
        (
            "postgresql://h/d?application_name=a&connect_timeout=1",
            "postgresql://h/d?application_name=a&connect_timeout=1",
        ),
    ],
)
def test_a_url_says_how_long_to_wait_and_who_asks(url: str, checked: str) -> None:
    """Unless it says so itself."""
    assert Database("shop", url).checked_url() == checked


@pytest.mark.odd_input("messages carry data", "leaked")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "hush",
        "mysql://u:hush@h/d",
        "POSTGRESQL ://u:hush@h",
        "postgresql://u:hush hush@h/d",
        "postgresql://u:hush@h:port/d",
        "postgresql://u:hush@h:99999/d",
        "postgresql://u:hush@[h/d",
        "postgresql://u:hush@h/d\n",
    ],
)
def test_what_is_no_url_of_postgresql_is_refused_without_its_words(url: str) -> None:
    """The driver would quote it."""
    with pytest.raises(LandingError, match="not one of PostgreSQL") as error:
        Database("shop", url).checked_url()
    assert error.value.where == "database shop"
    assert "hush" not in f"{error.value}{error.value.__cause__}"


def test_a_server_that_is_not_there_may_come_back() -> None:
    """No password is shown, as it is written or as it is meant."""
    url = "postgresql://reader:very%2Fsecret@127.0.0.1:1/shop?password=other-secret"
    with pytest.raises(SourceUnavailable, match="does not answer") as error, Database("shop", url):
        pass
    for secret in ("very%2Fsecret", "very/secret", "other-secret"):
        assert secret not in f"{error.value}{error.value.quoted}{error.value.__cause__}"


@pytest.mark.parametrize(
    ("names", "quoted"),
    [(("orders",), '"orders"'), (("sales", "Or ders"), '"sales"."Or ders"'), (('a"b', ""), '"a""b".""')],
)
def test_names_are_quoted(names: tuple[str, ...], quoted: str) -> None:
    """Whatever they hold, and each by itself."""
    assert ident(*names) == quoted


@pytest.mark.parametrize(("text", "quoted"), [("", "''"), ("O'Hare", "'O''Hare'"), ("a\\b\n", "'a\\b\n'")])
def test_text_is_quoted(text: str, quoted: str) -> None:
    """A backslash is a backslash, for strings conform to the standard in a session."""
    assert literal(text) == quoted


def test_a_query_has_conditions_or_none() -> None:
    """All of them hold."""
    assert select(["a", "b"], "t", []) == "SELECT a, b FROM t"
    assert select(["*"], "t", ["a > 1", "b < 2"]) == "SELECT * FROM t WHERE a > 1 AND b < 2"


@pytest.fixture
def numbers(postgres: Postgres) -> Postgres:
    """The table ``numbers`` of one row, which the reader may read, and ``hidden``, which it may not."""
    postgres.do(
        "DROP TABLE IF EXISTS public.numbers, public.hidden",
        "CREATE TABLE public.numbers (n integer, word text)",
        "CREATE TABLE public.hidden (n integer)",
        "GRANT SELECT ON public.numbers TO reader",
        "INSERT INTO public.numbers VALUES (1, 'Rome')",
    )
    return postgres


@pytest.fixture
def database(numbers: Postgres) -> Iterator[Database]:
    """A connection of the reader."""
    with Database("shop", numbers.url) as database:
        yield database


COUNT = "SELECT count(*) FROM numbers"


def test_all_reads_see_one_moment_until_the_next(numbers: Postgres, database: Database) -> None:
    """Rows that others commit meanwhile are seen by a later moment."""
    assert database.rows(COUNT) == [(1,)]
    numbers.do("INSERT INTO numbers VALUES (2, 'Oslo')")
    assert database.rows(COUNT) == [(1,)]
    database.new_moment()
    assert database.rows(COUNT) == [(2,)]


def test_values_as_text_do_not_depend_on_the_server(numbers: Postgres) -> None:
    """Time zone, order of a date and digits of a number are those of the session."""
    numbers.do(
        "ALTER ROLE reader SET timezone = 'America/New_York'",
        "ALTER ROLE reader SET datestyle = 'German'",
        "ALTER ROLE reader SET standard_conforming_strings = off",
        "ALTER ROLE reader SET bytea_output = 'escape'",
        "ALTER ROLE reader SET intervalstyle = 'iso_8601'",
    )
    other = "SELECT 'a'::bytea::text, '1 day'::interval::text, current_setting('lc_monetary')"
    query = "SELECT ('2013-01-01 12:00+00'::timestamptz)::text, '2013-02-01'::date::text, (1::float8 / 3)::text, 'a\\b'"
    with Database("shop", numbers.url) as database:
        found, others = database.rows(query), database.rows(other)
    numbers.do("ALTER ROLE reader RESET ALL")
    assert others == [("\\x61", "1 day", "C")]
    assert found == [("2013-01-01 12:00:00+00", "2013-02-01", "0.3333333333333333", "a\\b")]


def test_a_large_result_comes_in_bounded_batches(database: Database) -> None:
    """Of some 16 MiB; an empty result has no row."""
    query = "SELECT i, repeat('x', 1000) AS filling FROM generate_series(1, 40000) i"
    batches = list(database.batches(query))
    assert sum(batch.height for batch in batches) == 40_000
    assert len(batches) > 1
    assert max(batch.estimated_size() for batch in batches) < 24 * 2**20
    assert sum(batch.height for batch in database.batches("SELECT 1 AS n WHERE false")) == 0


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        ("SELECT * FROM nowhere", LandingError, 'relation "nowhere" does not exist (SQLSTATE 42P01)'),
        ("SELECT * FROM hidden", LandingError, "GRANT USAGE on the schema"),
        ("SELECT word::integer FROM numbers", LandingError, "refuses to answer (SQLSTATE 22P02)"),
        ("CREATE TABLE mine (n integer)", LandingError, "SQLSTATE 25006"),
    ],
)
def test_a_refusal_of_the_database_has_a_remedy(
    database: Database, query: str, kind: type[MeshError], words: str
) -> None:
    """A name that is wrong is shown; words that may quote a value are kept apart. Nothing is written."""
    with pytest.raises(kind) as error:
        database.rows(query)
    assert words in str(error.value.without_quote())
    assert "Rome" not in str(error.value.without_quote())
    assert error.value.remedy


def test_an_error_in_the_midst_of_a_result_is_an_error(database: Database) -> None:
    """After rows that have come already; none is taken for the last."""
    query = "SELECT repeat('x', 1000) AS filling, 1 / (30000 - i) AS n FROM generate_series(1, 40000) i"
    with pytest.raises((LandingError, SourceUnavailable)):
        list(database.batches(query))


def test_a_query_that_takes_too_long_is_cancelled_by_the_server(database: Database) -> None:
    """It may be asked again: another moment may be quieter."""
    database.limit(0.2)
    with pytest.raises(SourceUnavailable):
        database.rows("SELECT pg_sleep(20)")


def test_a_wrong_password_is_terminal_and_is_not_shown(numbers: Postgres) -> None:
    """The remedy names the setting; a second connection by the right one is let in."""
    wrong = numbers.url.replace(PASSWORD, "wrong%2Fsecret")
    with (
        pytest.raises(LandingError, match="password authentication failed") as error,
        Database("shop", wrong),
    ):
        pass
    assert "MESH_DATABASES" in error.value.remedy
    assert "secret" not in str(error.value)
    with Database("shop", numbers.url) as database:
        answer: list[tuple[Any, ...]] = database.rows("SELECT 1")
    assert answer == [(1,)]


def test_a_url_may_name_the_server_after_its_question_mark(numbers: Postgres) -> None:
    """Without a host before it, as libpq takes it."""
    url = f"postgresql:///shop?host={numbers.socket}&user=reader&password={PASSWORD}"
    with Database("shop", url) as database:
        assert database.rows("SELECT current_user::text, current_database()::text") == [("reader", "shop")]


def test_words_of_the_server_that_hold_the_secret_are_struck_out(numbers: Postgres) -> None:
    """Here the name of a database that there is not: the same as the password, as it is meant."""
    url = numbers.url.replace("/shop?", f"/{PASSWORD}?")
    with (
        pytest.raises(LandingError, match=r'database "\*\*\*" does not exist') as error,
        Database("shop", url),
    ):
        pass
    assert "hush" not in f"{error.value}{error.value.quoted}{error.value.__cause__}"
