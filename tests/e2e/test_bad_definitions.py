"""Contracts, ports and domains that are not sound: each fault by file, place and fix; they do not run until then."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mesh_pipelines.errors import MeshError
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration.check import check_mesh
from tests.e2e.small_home import DEPARTURES, SmallHome

CONTRACT = "domains/operations/contracts/departures.odcs.yaml"


@pytest.fixture
def root(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the real workspace and its domains, to break; what Python knows of the real ones comes back after."""
    copy = tmp_path / "project"
    shutil.copytree(root / "domains", copy / "domains", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "workspace.yaml", copy)
    known = {name: module for name, module in sys.modules.items() if _is_domain(name)}
    for name in known:
        del sys.modules[name]
    monkeypatch.syspath_prepend(copy)
    monkeypatch.chdir(copy)
    importlib.invalidate_caches()
    yield copy
    for name in [name for name in sys.modules if _is_domain(name)]:
        del sys.modules[name]
    sys.modules.update(known)


def _is_domain(name: str) -> bool:
    return name == "domains" or name.startswith("domains.")


def replace(root: Path, file: str, old: str, new: str) -> None:
    """Break a file at one place."""
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new, 1))


def typo(root: Path) -> None:
    """A field that the standard does not know, deep inside."""
    replace(root, CONTRACT, "classification: public", "clasification: public")


def not_yaml(root: Path) -> None:
    """A contract that is cut off in the midst of a list."""
    path = root / CONTRACT
    path.write_text(path.read_text()[:3000] + "\n  - [")


def unknown_type(root: Path) -> None:
    """A type that no engine has."""
    replace(root, CONTRACT, "logicalType: integer", "logicalType: integre")


def columns_of_one_name(root: Path) -> None:
    """Two columns that differ in case alone."""
    replace(root, CONTRACT, "- name: dest\n", "- name: Origin\n")


def unquoted_no(root: Path) -> None:
    """A listed value that YAML reads as false."""
    replace(root, CONTRACT, "{value: LGA,", "{value: no,")


def ownerless_domain(root: Path) -> None:
    """A domain that nobody answers for."""
    replace(root, "domains/operations/domain.yaml", "owner: operations-control\n", "")


def ownerless_contract(root: Path) -> None:
    """A contract that no team stands behind."""
    replace(root, CONTRACT, "team:\n  name: operations-control\n", "team:\n")


def contract_gone(root: Path) -> None:
    """A product without a promise."""
    (root / CONTRACT).unlink()


def port_to_nothing(root: Path) -> None:
    """A port to a product that nobody publishes."""
    replace(root, "domains/operations/features.py", '"weather.observations"', '"weather.observation"')


def port_without_agreement(root: Path) -> None:
    """A port for a purpose that the owner has not agreed to."""
    contract = "domains/weather/contracts/observations.odcs.yaml"
    replace(root, contract, "  - role: operations\n", "  - role: marketing\n")


def circle_within(root: Path) -> None:
    """A product made of itself."""
    path = root / "domains/operations/products.py"
    path.write_text(
        path.read_text().replace(
            "def departures(departures_raw: pl.LazyFrame)",
            "def departures(departures_raw: pl.LazyFrame, departure_features: pl.LazyFrame)",
        )
    )


def circle_between(root: Path) -> None:
    """A circle that leads through another domain."""
    path = root / "domains/operations/products.py"
    text = path.read_text().replace("from mesh_pipelines import ", "from mesh_pipelines import Port, ", 1)
    port = 'Annotated[pl.LazyFrame, Port("fleet.utilisation", purpose="planning")]'
    text = text.replace(
        "def departures(departures_raw: pl.LazyFrame)",
        f"def departures(departures_raw: pl.LazyFrame, used: {port})",
    )
    path.write_text(
        text.replace("import polars as pl", "from typing import Annotated\n\nimport polars as pl", 1)
    )


def two_of_one_key(root: Path) -> None:
    """A second domain of the same name, elsewhere."""
    shutil.copytree(root / "domains/weather", root / "other/weather")
    with (root / "workspace.yaml").open("a") as file:
        file.write(
            "  - python_module:\n      module_name: other.weather.definitions\n      location_name: more_weather\n"
        )


def python_error(root: Path) -> None:
    """A domain that cannot be imported."""
    replace(
        root,
        "domains/operations/products.py",
        "import polars as pl",
        "import polars as pl\nimport nowhere_at_all",
    )


CASES: dict[Callable[[Path], None], tuple[str, ...]] = {
    typo: ("departures.odcs.yaml", "clasification", "schema[0].properties[0]"),
    not_yaml: ("departures.odcs.yaml", "YAML"),
    unknown_type: ("departures.odcs.yaml", "integre", "logicalType"),
    columns_of_one_name: ("departures.odcs.yaml", "`origin` and `Origin` differ in case alone", "rename"),
    unquoted_no: ("departures.odcs.yaml", "`False` is not a string", "YAML reads no and off as false"),
    ownerless_domain: ("domain.yaml", "owner", "is missing"),
    ownerless_contract: ("departures.odcs.yaml", "the contract has no owning team"),
    contract_gone: ("departures", "has no contract", "departures.odcs.yaml"),
    port_to_nothing: (
        "departure_features",
        "weather.observation, which no domain publishes",
        "did you mean weather.observations?",
    ),
    port_without_agreement: ("departure_features", "no agreement with operations", "observations.odcs.yaml"),
    circle_within: ("is made of itself", "operations.departures -> "),
    circle_between: ("is made of itself", "fleet.utilisation", "operations.departures"),
    two_of_one_key: ("two entries have the domain 'weather'", "rename"),
    python_error: ("operations", "nowhere_at_all", "cannot be imported"),
}
ELSEWHERE: dict[Callable[[Path], None], str] = {
    port_to_nothing: "operations.departure_features",
    port_without_agreement: "operations.departure_features",
    two_of_one_key: "weather.observations",
}
"""The asset at fault, where it is not the departures."""


@pytest.mark.parametrize("fault", CASES, ids=lambda fault: fault.__name__)
def test_what_is_unsound_is_refused_before_anything_of_it_runs(
    root: Path, small_home: SmallHome, february: bytes, fault: Callable[[Path], None]
) -> None:
    """The error, and ``mesh check``, name file, place and fix; what was published stays; mended, it runs."""
    before = small_home.content()
    small_home.land("departures-2013-02.csv", february)
    fault(root)
    with pytest.raises(MeshError) as refused:
        runs.run([ELSEWHERE.get(fault, DEPARTURES)])
    message = str(refused.value)
    for word in (*CASES[fault], "\n  -> "):
        assert word in message, f"{word!r} is not in: {message}"
    assert "Traceback" not in message
    assert 'File "' not in message
    violations = [str(violation) for violation in check_mesh(root)]
    assert any(all(word in told for word in CASES[fault]) for told in violations), violations
    assert small_home.content() == before


FUNCTIONS = {
    "operations/products.py: departures: ColumnNotFoundError dep_dellay did you mean dep_delay?": (
        "domains/operations/products.py", "dep_delay", "dep_dellay",
    ),
    "weather/products.py: observations: `humidity_pct` is missing was it renamed to `humidity`?": (
        "domains/weather/products.py", "humidity_pct=", "humidity=",
    ),
    "weather/models.py: low_visibility: 'max_dept' did you mean max_depth?": (
        "domains/weather/models.py", "max_depth", "max_dept",
    ),
    "fleet/models.py: flying_hours: next_day_air_hour is declared but not in the feature set": (
        "domains/fleet/models.py", '"next_day_air_hours"', '"next_day_air_hour"',
    ),
}  # fmt: skip


@pytest.mark.odd_input("declarations that cannot run", "held up")
def test_functions_that_must_fail_are_named_together(root: Path) -> None:
    """``mesh check`` plans each function, and shows the faults of all domains in one go, each with its fix."""
    for fault in FUNCTIONS.values():
        replace(root, *fault)
    found = [str(violation) for violation in check_mesh(root)]
    for words in FUNCTIONS:
        place, asset, *rest = words.split(": ", 2)
        assert any(
            place in one and f": {asset}: " in one and all(word in one for word in " ".join(rest).split())
            for one in found
        ), (words, found)
