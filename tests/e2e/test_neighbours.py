"""One bad input stops none of its neighbours: it is named once, and everything else is made, looked at and explained.

One mesh of three domains, published once; each kind of badness is brought into a copy of it, and then new rows land for
everybody else.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from mesh_pipelines.errors import DomainError
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration import tick as orchestration_tick
from mesh_pipelines.orchestration.tick import mesh_of
from mesh_pipelines.reporting.status import read_state
from mesh_pipelines.reporting.why import explain
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import mesh_home as home_at
from mesh_pipelines.testing import workspace
from resources.settings import get_settings
from resources.store.folder import FolderStore
from tests.e2e.ticks import execute, tick
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.odd_input("neighbours", "held up")

ROWS = {"id": "integer", "size": "integer"}
GOOD = ("shop.good", "store.uses", "third.own")
"""Products of the domain itself, of a domain that reads what is bad, and of one that has nothing to do with it."""
SHOP = """
@data_product
def good(good_raw: pl.LazyFrame) -> pl.LazyFrame:
    return good_raw

@data_product
def bad(bad_raw: pl.LazyFrame) -> pl.LazyFrame:
    return bad_raw
"""
STORE = """
@data_product
def uses(
    own_raw: pl.LazyFrame, bad: Annotated[pl.LazyFrame, Port("shop.bad", purpose="planning")]
) -> pl.LazyFrame:
    return own_raw.join(bad.select("id"), on="id", how="left")
"""


def write(world: World) -> None:
    """Three domains: ``shop`` publishes a good and a bad product, ``store`` reads the bad one, ``third`` none."""
    world.write(
        "shop",
        promise("shop", "good_raw", ROWS),
        promise("shop", "good", ROWS),
        promise("shop", "bad_raw", ROWS, partitions="2026-01"),
        promise("shop", "bad", ROWS, agreements={"store": ("planning", "2999-01-01")}),
        sources='good_raw = source("good.csv")\nbad_raw = source("bad/rows-{month}.csv")\n',
        products=SHOP,
    )
    world.write(
        "store",
        promise("store", "own_raw", ROWS),
        promise("store", "uses", ROWS),
        sources='own_raw = source("own.csv")\n',
        products=STORE,
    )
    world.write(
        "third",
        promise("third", "own_raw", ROWS),
        promise("third", "own", ROWS),
        sources='own_raw = source("own.csv")\n',
        products="@data_product\ndef own(own_raw: pl.LazyFrame) -> pl.LazyFrame:\n    return own_raw\n",
    )
    land(world, 1)
    world.land("shop", "bad/rows-2026-01.csv", "id,size\n1,1\n")


def land(world: World, size: int) -> None:
    """New rows for everybody but the bad source."""
    for domain, file in (("shop", "good.csv"), ("store", "own.csv"), ("third", "own.csv")):
        world.land(domain, file, f"id,size\n1,{size}\n")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mesh after its first run, with the settings of ticks."""
    folder = tmp_path_factory.mktemp("base")
    with home_at(folder / "home"), workspace(folder / "work") as root:
        write(World(root, folder / "home" / "landing"))
        assert runs.run().ok
    return folder


@pytest.fixture
def world(base: Path, tmp_path: Path, mesh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The mesh, up to date, for this test alone."""
    shutil.copytree(base / "home", mesh_home)
    shutil.copytree(base / "work", tmp_path / "work", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("MESH_SETTLE_SECONDS", "0")
    monkeypatch.setattr(orchestration_tick, "_meshes", {})
    get_settings.cache_clear()
    with workspace(tmp_path / "work") as root:
        yield World(root, mesh_home / "landing")


Break = Callable[[World, pytest.MonkeyPatch], None]


def impossible_month(world: World, patch: pytest.MonkeyPatch) -> None:
    """A file whose name holds a month that does not exist."""
    world.land("shop", "bad/rows-2026-13.csv", "id,size\n1,1\n")


def link_to_itself(world: World, patch: pytest.MonkeyPatch) -> None:
    """A link that leads to itself."""
    (world.landing / "shop/bad/rows-2026-02.csv").symlink_to("rows-2026-02.csv")


def folder_in_a_loop(world: World, patch: pytest.MonkeyPatch) -> None:
    """A folder that leads to itself."""
    shutil.rmtree(world.landing / "shop/bad")
    (world.landing / "shop/bad").symlink_to("bad")


def raising_store(error: Exception) -> Break:
    """A store that raises an error for one folder."""

    def bring(world: World, patch: pytest.MonkeyPatch) -> None:
        entries = FolderStore.entries

        def refuse(self: FolderStore, folder: str) -> object:
            if folder == "shop/bad":
                raise error
            return entries(self, folder)

        patch.setattr(FolderStore, "entries", refuse)

    return bring


def malformed_file(world: World, patch: pytest.MonkeyPatch) -> None:
    """A file that is no CSV."""
    world.land("shop", "bad/rows-2026-02.csv", 'id,size\n1,"1\n')


def failing_function(world: World, patch: pytest.MonkeyPatch) -> None:
    """A product whose function raises."""
    products = SHOP.replace("return bad_raw", "raise KeyError(1)")
    rewrite(world, products=products)


def contract_no_yaml(world: World, patch: pytest.MonkeyPatch) -> None:
    """A contract that is not YAML."""
    (world.root / "domains/shop/contracts/bad.odcs.yaml").write_text("a: [\n")


def contract_no_text(world: World, patch: pytest.MonkeyPatch) -> None:
    """A contract that is no text at all."""
    (world.root / "domains/shop/contracts/bad_raw.odcs.yaml").write_bytes(b"\xff\xfe\x00")


def contract_loop(world: World, patch: pytest.MonkeyPatch) -> None:
    """A contract that is a link to itself."""
    file = world.root / "domains/shop/contracts/bad.odcs.yaml"
    file.unlink()
    file.symlink_to(file.name)


def pattern_outside(world: World, patch: pytest.MonkeyPatch) -> None:
    """A source whose pattern leaves its folder."""
    rewrite(world, sources='good_raw = source("good.csv")\nbad_raw = source("../x-{month}.csv")\n')


def table_without_database(world: World, patch: pytest.MonkeyPatch) -> None:
    """A source that is a table of a database that nobody has named."""
    table = 'from mesh_pipelines import sql_source\nbad_raw = sql_source("a.b", database="none", partition="size")\n'
    rewrite(world, sources='good_raw = source("good.csv")\n' + table)


def broken_table(world: World, patch: pytest.MonkeyPatch) -> None:
    """A table of the lake whose log is garbage."""
    for file in (world.landing.parent / "lake").glob("**/bad_raw/_delta_log/*.json"):
        file.write_text("{garbage")


def rewrite(world: World, **modules: str) -> None:
    """Other text for modules of shop; its contracts stay."""
    from tests.mesh_pipelines.small_domains import IMPORTS

    for name, text in modules.items():
        (world.root / "domains/shop" / f"{name}.py").write_text(IMPORTS + text)


KINDS: dict[str, tuple[Break, str]] = {
    "impossible month": (impossible_month, "2026-13"),
    "link to itself": (link_to_itself, "symbolic link"),
    "folder in a loop": (folder_in_a_loop, "symbolic link"),
    "unreadable folder": (raising_store(PermissionError(13, "Permission denied")), "ermission denied"),
    "store that raises": (raising_store(RuntimeError("odd")), "RuntimeError"),
    "malformed file": (malformed_file, "never ends"),
    "failing function": (failing_function, "KeyError"),
    "contract no YAML": (contract_no_yaml, "not YAML"),
    "contract no text": (contract_no_text, "not UTF-8"),
    "contract in a loop": (contract_loop, "cannot be read"),
    "pattern outside": (pattern_outside, "leaves the domain's own folder"),
    "table without database": (table_without_database, "none"),
    "broken table": (broken_table, "cannot be read"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_mesh_run_makes_what_is_sound(world: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The whole mesh: neighbours are made, the bad one is named once; status and why answer for the neighbours."""
    bring, words = KINDS[kind]
    bring(world, monkeypatch)
    land(world, 2)
    report = runs.run()
    found = {step.key: step for step in report.steps}
    assert {key: found[key].status for key in GOOD} == dict.fromkeys(GOOD, "done"), report
    named = [step for step in report.steps if words in step.message and step.status != "skipped"]
    assert len({step.message for step in named}) == 1, report
    assert {step.key for step in named} <= {"shop.bad", "shop.bad_raw"}
    state = {product.key: product for product in read_state().products}
    assert {key: state[key].version for key in GOOD} == dict.fromkeys(GOOD, 1)
    assert "up to date" in json.dumps(explain("third.own").to_json())
    assert explain("store.uses").sections


@pytest.mark.parametrize("kind", KINDS)
def test_ticks_make_what_is_sound(world: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Each domain's sensor asks for what is sound; what is bad fails at most once, and is named by the sensor."""
    bring, words = KINDS[kind]
    bring(world, monkeypatch)
    land(world, 2)
    domains = mesh_of(world.sound("third")).domains
    reasons: dict[str, str] = {}
    for _ in range(3):
        for name, domain in domains.items():
            request = tick(domain)
            if isinstance(request, dg.RunRequest):
                execute(domain, request)
            else:
                reasons[name] = request
    shared = shared_resources()
    versions = {key: record.version for key in GOOD if (record := shared.record(key))}
    assert versions == dict.fromkeys(GOOD, 1), reasons
    failed = dagster_instance(shared).get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    assert len(failed) <= 1
    assert set(reasons) == set(domains)
    assert failed or words in reasons["shop"], reasons


def test_one_bad_partition_holds_up_no_other(world: World) -> None:
    """Of a source's months that land together, and of ranges with a gap: all but the refused ones are published."""
    for month, size in (
        ("2026-02", "1"),
        ("2026-03", '"1'),
        ("2026-04", "1"),
        ("2026-06", "many"),
        ("2026-08", "1"),
    ):
        world.land("shop", f"bad/rows-{month}.csv", f"id,size\n{month[-1]},{size}\n")
    domain, shared = world.sound("shop"), shared_resources()
    reasons: list[str] = []
    for _ in range(9):
        request = tick(domain)
        if isinstance(request, str):
            reasons.append(request)
            break
        execute(domain, request)
    record = shared.record("shop.bad_raw")
    assert record is not None
    assert set(record.partitions) == {"2026-01", "2026-02", "2026-04", "2026-08"}
    assert "shop.bad_raw failed, and nothing has changed since" in reasons[0]
    report = runs.run()
    [failed] = [step for step in report.steps if step.status == "failed"]
    assert (failed.key, "2026-03" in failed.message, "2026-02" in failed.message) == (
        "shop.bad_raw",
        True,
        False,
    )


DOMAINS: dict[str, str] = {
    "import error": "import nowhere_at_all\n",
    "syntax error": "def (:\n",
    "exit": "raise SystemExit(3)\n",
}


@pytest.mark.parametrize("kind", DOMAINS)
def test_a_domain_that_does_not_load_stops_no_other(world: World, kind: str) -> None:
    """Run, status, why and the sensors of the others go on; its readers read what it published last."""
    (world.root / "domains/shop/products.py").write_text(DOMAINS[kind])
    land(world, 2)
    assert runs.run(["third.own"]).ok
    with pytest.raises(DomainError, match="cannot be imported"):
        runs.run(["shop"])
    domain = world.sound("store")
    request = tick(domain)
    assert isinstance(request, dg.RunRequest)
    assert execute(domain, request).success
    land(world, 3)
    report = runs.run()
    found = {step.key: step for step in report.steps}
    assert not report.ok
    assert [step.key for step in report.steps if step.status == "refused"] == ["shop"]
    assert {found[key].status for key in ("store.uses", "third.own")} == {"done"}
    state = read_state()
    assert [product.key for product in state.products] == ["store.uses", "third.own"]
    assert set(state.refused) == {"shop"}
    assert "version 0 is read" in json.dumps(explain("store.uses").to_json())


def test_what_mesh_run_refused_is_not_refused_again_by_the_sensor(world: World) -> None:
    """A run of a person has its causes on record, as a run of a sensor has."""
    world.land("shop", "good.csv", "id,size\n1,many\n")
    assert not runs.run().ok
    assert "shop.good_raw failed, and nothing has changed since" in str(tick(world.sound("shop")))
    world.land("shop", "good.csv", "id,size\n1,3\n")
    assert isinstance(tick(world.sound("shop")), dg.RunRequest)


def test_a_file_that_has_not_settled_is_no_secret(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mesh why` says what `mesh status` says, and that the next tick leaves the file until it rests."""
    monkeypatch.setenv("MESH_SETTLE_SECONDS", "60")
    get_settings.cache_clear()
    world.land("shop", "good.csv", "id,size\n1,3\n")
    [lag] = [product.lag for product in read_state(["shop.good"]).products]
    sections = explain("shop.good").to_json()["sections"]
    assert "good.csv has changed" in " ".join(lag.behind)
    assert "good.csv has changed" in json.dumps(sections["Now"])
    assert "good.csv changed a moment ago" in json.dumps(sections["Next tick"])
