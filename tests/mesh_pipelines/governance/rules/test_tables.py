"""Tables are looked at before a run: each fault by its source, and no database is asked twice that does not answer."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from mesh_pipelines.errors import LandingError, SourceUnavailable
from mesh_pipelines.governance.rules.tables import look_at_tables
from resources.settings import get_settings
from tests.mesh_pipelines.postgres import Postgres
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")


@dataclass
class Silent:
    """A server that takes connections and ends them without an answer; it counts them."""

    server: socket.socket
    asked: int = 0

    @property
    def url(self) -> str:
        """As a source's setting names it."""
        return f"postgresql://u:hush@127.0.0.1:{self.server.getsockname()[1]}/x?sslmode=disable"

    def serve(self) -> None:
        """Until the socket is shut."""
        while True:
            try:
                taken, _ = self.server.accept()
            except OSError:
                return
            self.asked += 1
            taken.close()


@pytest.fixture
def silent() -> Iterator[tuple[Silent, Silent]]:
    """Two databases that do not answer."""
    with ExitStack() as stack:
        found: list[Silent] = []
        for _ in range(2):
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            found.append(Silent(server))
            thread = threading.Thread(target=found[-1].serve)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown, socket.SHUT_RDWR)
        yield found[0], found[1]


def declare(world: World, monkeypatch: pytest.MonkeyPatch, urls: dict[str, str], **sources: str) -> None:
    """Write a domain whose sources are tables, each of a database."""
    monkeypatch.setenv("MESH_DATABASES", json.dumps(urls))
    get_settings.cache_clear()
    code = "from mesh_pipelines import sql_source\n\n"
    code += "".join(f'{name} = sql_source("s.{name}", database="{base}")\n' for name, base in sources.items())
    world.write("shop", *(promise("shop", name, {"id": "integer"}) for name in sources), sources=code)


def test_a_database_that_does_not_answer_is_asked_once(
    world: World, monkeypatch: pytest.MonkeyPatch, silent: tuple[Silent, Silent]
) -> None:
    """Each of its tables has the error, without the URL; another database is asked all the same."""
    first, second = silent
    declare(world, monkeypatch, {"one": first.url, "two": second.url}, a="one", b="two", c="one", d="one")
    found = look_at_tables(world.load("domains.shop").nodes.values())
    assert set(found) == {"shop.a", "shop.b", "shop.c", "shop.d"}
    assert all(isinstance(fault, SourceUnavailable) for fault in found.values())
    assert "database one" in str(found["shop.d"])
    assert "database two" in str(found["shop.b"])
    assert "hush" not in "".join(map(str, found.values()))
    assert (first.asked, second.asked) == (1, 1)


def test_a_table_is_at_fault_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch, silent: tuple[Silent, Silent], postgres: Postgres
) -> None:
    """The next one of the same database is looked at, and one that is as promised has no error."""
    postgres.do(
        "DROP SCHEMA IF EXISTS s CASCADE",
        "CREATE SCHEMA s",
        "CREATE TABLE s.b (id bigint)",
        "CREATE TABLE s.c (other bigint)",
        "GRANT USAGE ON SCHEMA s TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA s TO reader",
    )
    urls = {"one": postgres.url, "two": silent[0].url}
    declare(world, monkeypatch, urls, a="one", b="one", c="one", d="two")
    found = look_at_tables(world.load("domains.shop").nodes.values())
    assert set(found) == {"shop.a", "shop.c", "shop.d"}
    assert "there is no table s.a" in str(found["shop.a"])
    assert "lacks the column id" in str(found["shop.c"])
    assert isinstance(found["shop.a"], LandingError)


def test_what_another_rule_names_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch, silent: tuple[Silent, Silent]
) -> None:
    """No URL, one that the driver does not take, a contract that is not sound, and what is no table."""
    declare(
        world, monkeypatch, {"one": silent[0].url, "odd": "mysql://u:hush@h/x"}, a="odd", b="missing", c="one"
    )
    nodes = world.load("domains.shop").nodes.values()
    unsound = [replace(node, contract=None) for node in nodes if node.key == "shop.c"]
    others = [replace(node, declaration=None) for node in nodes if node.key == "shop.c"]
    left = [node for node in nodes if node.key != "shop.c"]
    assert (len(unsound), len(left)) == (1, 2)
    assert look_at_tables([*left, *unsound, *others]) == {}
    assert look_at_tables([]) == {}
    assert silent[0].asked == 0
