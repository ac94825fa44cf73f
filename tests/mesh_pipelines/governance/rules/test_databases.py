"""Sources in databases: a URL that the driver takes, and a table that is there, of the contract's columns."""

from __future__ import annotations

import json

import pytest

from mesh_pipelines.orchestration.check import Checked, examine_mesh
from resources.settings import get_settings
from tests.mesh_pipelines.governance.rules.test_functions import examine
from tests.mesh_pipelines.postgres import PASSWORD, Postgres
from tests.mesh_pipelines.small_domains import World, promise

COLUMNS = {"id": "integer", "city": "string", "changed_at": "timestamp"}


@pytest.mark.odd_input("declarations that cannot run", "held up", "leaked")
@pytest.mark.parametrize("url", ["mysql://u:secret@h/x", "h:5432/x", "postgresql://u:secret@h:port/x"])
def test_a_url_that_the_driver_does_not_take_is_named_and_not_shown(
    world: World, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """As the run would refuse it, before the run."""
    monkeypatch.setenv("MESH_DATABASES", json.dumps({"shop": url}))
    get_settings.cache_clear()
    reads = '__import__("mesh_pipelines").sql_source("a.readings", database="shop")'
    found = examine(world, "sources", 'source("readings.csv")', reads)
    told = [str(violation) for violation in found.violations]
    assert any("its URL is not one of PostgreSQL" in one and "[DatabasesAreSet]" in one for one in told), told
    assert not any("secret" in one for one in told)


def checked(world: World, monkeypatch: pytest.MonkeyPatch, url: str, *sources: str) -> Checked:
    """The check of a domain of one or two sources in a database."""
    monkeypatch.setenv("MESH_DATABASES", json.dumps({"shop": url}))
    get_settings.cache_clear()
    names = ("orders", "more")[: len(sources)]
    code = "from mesh_pipelines import sql_source\n\n"
    code += "".join(f"{name} = sql_source({text})\n" for name, text in zip(names, sources, strict=True))
    world.write("shop", *(promise("shop", name, COLUMNS) for name in names), sources=code)
    world.forget()
    return examine_mesh(world.root, definitions=False)


@pytest.mark.odd_input("declarations that cannot run", "held up", "leaked")
def test_a_table_that_is_not_what_its_source_says_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch, postgres: Postgres
) -> None:
    """Dropped, renamed, of other columns, or with an overlap that is none: as the run would, and no row is read."""
    postgres.do(
        "DROP SCHEMA IF EXISTS sales CASCADE",
        "CREATE SCHEMA sales",
        "GRANT USAGE ON SCHEMA sales TO reader",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO reader",
        "CREATE TABLE sales.orders (id bigint, city text, changed_at timestamptz)",
        "CREATE TABLE sales.others (id bigint, town text, changed_at timestamptz)",
        "CREATE TABLE sales.closed (id bigint, city text, changed_at timestamptz)",
        "REVOKE SELECT ON sales.closed FROM reader",
    )
    sound = '"sales.orders", database="shop", watermark="changed_at", overlap="10 minutes"'
    assert checked(world, monkeypatch, postgres.url, sound) == Checked(())
    faults = {
        '"sales.order", database="shop"': "there is no table sales.order in it [TablesAreThere]",
        '"sales.others", database="shop"': "lacks the column city and has the unknown column town",
        '"sales.closed", database="shop"': "its user may not read there",
        sound.replace("10 minutes", "ten"): "its overlap 'ten' is no interval",
    }
    for source, words in faults.items():
        found = checked(world, monkeypatch, postgres.url, source)
        [told] = [str(violation) for violation in found.violations]
        assert words in told
        assert "sources.py" in told
        assert PASSWORD not in told


@pytest.mark.odd_input("declarations that cannot run", "held up")
def test_a_database_that_does_not_answer_is_a_note(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables were not looked at, which is said of each; it is asked once."""
    url = "postgresql://u:secret@127.0.0.1:1/x"
    sources = ('"a.orders", database="shop"', '"a.more", database="shop"')
    found = checked(world, monkeypatch, url, *sources)
    assert found.violations == ()
    assert len(found.notes) == 2
    for note in found.notes:
        assert "its table was not looked at: database shop it does not answer" in note
        assert "secret" not in note
