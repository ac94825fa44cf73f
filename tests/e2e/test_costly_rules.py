"""A contract rule without end, or hungry for memory, in runs that a real daemon starts: only its product waits."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.living_mesh import LivingMesh, made
from tests.mesh_pipelines.costly_rules import ENDLESS, HUNGRY, MANY, children, nurseries, with_rule
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.odd_input("limits", "held up")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SOUND = "sound"
COLUMNS = {"id": "integer", "amount": "number"}
_SOURCE = 'rows_raw = source("rows.csv")\n'
_PRODUCT = """
@data_product
def {name}(rows_raw: pl.LazyFrame) -> pl.LazyFrame:
    return rows_raw
"""


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[LivingMesh]:
    """Two domains, of which one has two costly rules; ten rows of each have been published."""
    mesh = LivingMesh(tmp_path / "work", tmp_path / "home")
    mesh.environment |= {"MESH_RULE_SECONDS": "2", "MESH_MEMORY_LIMIT": "300MB"}
    mesh.home.mkdir()
    (mesh.root / "domains").mkdir(parents=True)
    (mesh.root / "workspace.yaml").write_text("load_from:\n")
    world = World(mesh.root, mesh.settings.landing_folder)
    products = {"plant": (ENDLESS, HUNGRY, SOUND), "shop": (SOUND,)}
    for domain, names in products.items():
        world.write(
            domain,
            promise(domain, "rows_raw", COLUMNS),
            *(_promise(domain, name) for name in names),
            sources=_SOURCE,
            products="".join(_PRODUCT.format(name=name) for name in names),
        )
    _land(world, 10)
    mesh.start()
    mesh.wait_for("all is published", lambda: {mesh.content(key)[0] for key in KEYS} == {0})
    yield mesh
    mesh.stop()


KEYS = (f"plant.{ENDLESS}", f"plant.{HUNGRY}", f"plant.{SOUND}", f"shop.{SOUND}")


def test_a_costly_rule_stops_its_product_and_nobody_else(mesh: LivingMesh) -> None:
    """The step fails with product, rule and remedy, once; all others publish, and no process outlives its run."""
    before = {key: mesh.content(key) for key in KEYS[:2]}
    _land(World(mesh.root, mesh.settings.landing_folder), MANY)
    mesh.wait_for("sound products follow", lambda: {mesh.content(key)[0] for key in KEYS[2:]} == {1})
    mesh.settle()

    assert {key: mesh.content(key) for key in KEYS[:2]} == before
    failed = [run for run in mesh.runs() if not run.is_success]
    # Once for the file, and once for the source's new version where that run made it too: not again and again.
    assert max(made(failed).values()) <= 2
    assert set(made(failed)) >= set(KEYS[:2])
    for name, words in ((ENDLESS, "longer than 2 s"), (HUNGRY, "more memory than 300MB")):
        why = json.dumps(json.loads(mesh.mesh("why", f"plant.{name}", "--json").stdout))
        for word in (f"rule {name}", words, "nothing was published", "nothing has changed since"):
            assert word in why
        assert "Traceback" not in why

    forked_from = nurseries(mesh.processes("mesh_pipelines.runtime.worker"))
    assert forked_from, "the daemon's runs share a nursery"
    assert not any(map(children, forked_from))
    mesh.stop()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{number}").exists() for number in forked_from) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{number}").exists() for number in forked_from)


def _promise(domain: str, name: str) -> dict[str, Any]:
    plain = promise(domain, name, COLUMNS)
    return plain if name == SOUND else with_rule(plain, name, "amount")


def _land(world: World, many: int) -> None:
    text = "id,amount\n" + "".join(f"{number},{number}\n" for number in range(many))
    for domain in ("plant", "shop"):
        world.land(domain, "rows.csv", text)
