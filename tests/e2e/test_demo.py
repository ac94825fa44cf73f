"""`mesh demo`, as a newcomer types it: a process that has imported nothing, and a home in which nothing is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mesh_pipelines.commands.demo_data import DOMAINS
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.governance.load_mesh import load_mesh
from tests.e2e.small_home import typed

ROOT = Path(__file__).parents[2]

NOTHING_DONE = "Nothing to do: everything is up to date"

AUC = 0.74
"""What the delay model has to reach on the real data. A script of sixty lines reaches 0.707; the mesh reached 0.747."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Demo:
    """A home in which the demo has run once.

    Args:
        home: where it lies.
        printed: what the command printed.
        stand: what `mesh status --json` says after it.
    """

    home: Path
    printed: str
    stand: dict[str, Any]


def mesh(home: Path, *words: str) -> str:
    """What the command prints; it has to end well, and no library has a last word."""
    code, said = typed(home, *words)
    assert code == 0, said
    assert "leaked" not in said
    return said


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run it once, for all tests of this file."""
    home = tmp_path_factory.mktemp("home")
    return Demo(home, mesh(home, "demo"), status(home))


def status(home: Path) -> dict[str, Any]:
    """What `mesh status --json` says of the domains that the demo plays the outside world of."""
    stand = json.loads(mesh(home, "status", "--json"))
    assert list(stand) == ["products", "models"]
    return {kind: [one for one in found if lands(one["key"])] for kind, found in stand.items()}


def lands(key: str) -> bool:
    """Whether something lands for it in the demo: a team's new domain waits."""
    return key.partition(".")[0] in DOMAINS


@pytest.fixture(scope="module")
def declared() -> Mesh:
    """What the domains declare."""
    return load_mesh(ROOT)


def keys(declared: Mesh, *stages: str) -> set[str]:
    """Keys of all that stands there in the flow."""
    return {
        key for key, node in declared.nodes.items() if lands(key) and (not stages or node.stage in stages)
    }


def table(printed: str, heading: str) -> list[str]:
    """Lines of one of the closing tables that are of the demo's domains, its heading and the line below left out."""
    found = re.search(rf"^ {heading} [^\n]*\n ─+ *\n(.*?)\n *\n", printed, re.MULTILINE | re.DOTALL)
    assert found, f"no table {heading!r} in: {printed}"
    lines: list[str] = []
    ours = False
    for line in found[1].splitlines():
        key = re.match(r" (\w+\.\w+) ", line)
        ours = lands(key[1]) if key else ours
        lines += [line] if ours else []
    return lines


def test_a_newcomer_gets_every_product_and_champion(demo: Demo, declared: Mesh) -> None:
    """Nine months land and three domains are made in one go; the closing tables have all of it, and what to do next."""
    done = re.findall(r"^done +(\S+) ", demo.printed, re.MULTILINE)
    assert sorted(done) == sorted(keys(declared))
    assert re.search(rf"^\d+ steps: {len(done)} done", demo.printed, re.MULTILINE)
    assert NOTHING_DONE not in demo.printed
    products = {line.split()[0] for line in table(demo.printed, "product")}
    assert products == keys(declared, "product", "predictions")
    models = {words[0] for line in table(demo.printed, "model") if "champion" in (words := line.split())}
    assert models == keys(declared, "model")
    behind = table(demo.printed, "how far behind")
    assert {line.split()[0] for line in behind} == products | models
    assert all(line.rstrip().endswith("up to date") for line in behind)
    _, _, next_steps = demo.printed.partition("What to do next:\n")
    for command in ("ui", "demo land 2013-10", "new domain revenue", "rebuild operations.departure_delay@1"):
        assert f"mesh {command}" in next_steps

    assert {product["key"] for product in demo.stand["products"]} == products
    assert all(product["rows"] and product["version"] == 0 for product in demo.stand["products"])
    assert {model["key"]: model["champion"]["version"] for model in demo.stand["models"]} == dict.fromkeys(
        models, 1
    )


def test_each_model_beats_its_baseline(demo: Demo, declared: Mesh) -> None:
    """By every metric that the closing table shows; the delay model is worth more than what a short script reaches."""
    judged: dict[str, list[str]] = {}
    model = ""
    for line in table(demo.printed, "model"):
        begin = re.match(r" (\w+\.\w+) ", line)
        model = begin[1] if begin else model
        found = re.search(r"\b(auc|logloss|brier|rmse|mae) ([\d.]+) +([\d.]+)", line)
        assert found, line
        metric, measured, baseline = found[1], float(found[2]), float(found[3])
        assert measured > baseline if metric == "auc" else measured < baseline, line
        judged.setdefault(model, []).append(metric)
    assert set(judged) == keys(declared, "model")
    assert all(len(metrics) >= 2 for metrics in judged.values())
    [delay] = [m for m in demo.stand["models"] if m["key"] == "operations.departure_delay"]
    assert delay["champion"]["metrics"]["auc"] >= AUC


def test_status_as_json_has_the_promised_names(demo: Demo) -> None:
    """A program finds in a real home what it is promised, by these names and of these kinds, and nothing is empty."""
    for product in demo.stand["products"]:
        assert {name: type(value) for name, value in product.items()} == {
            "key": str,
            "version": int,
            "rows": int,
            "quarantined": int,
            "contract_version": str,
            "published_at": str,
            "data_version": str,
            "uri": str,
            "lag": dict,
        }
        assert all(value != "" for value in product.values())
        assert list(product["lag"]) == ["landed_until", "until", "waiting", "behind", "late"]
    for model in demo.stand["models"]:
        assert list(model) == ["key", "champion", "challenger", "lag"]
        assert model["challenger"] is None
        champion = model["champion"]
        assert {name: type(value) for name, value in champion.items()} == {
            "version": int,
            "metrics": dict,
            "trained_at": str,
            "inputs": dict,
        }
        assert champion["metrics"]
        assert champion["inputs"]


def test_typed_twice_it_does_nothing_twice(demo: Demo) -> None:
    """Again, it says that nothing was to do, names no step, and leaves all as it was."""
    printed = mesh(demo.home, "demo")
    waiting = re.findall(r"^waiting +(\S+)", printed, re.MULTILINE)
    assert not any(map(lands, waiting))
    assert waiting or NOTHING_DONE in printed
    assert not re.search(r"^(done|failed|skipped) ", printed, re.MULTILINE)
    assert "What to do next:" in printed
    for heading in ("product", "model"):
        assert table(printed, heading) == table(demo.printed, heading)
    again = status(demo.home)
    for model in (*demo.stand["models"], *again["models"]):
        assert model["lag"].pop("age_seconds") >= 0  # all but its age stays
    assert again == demo.stand
