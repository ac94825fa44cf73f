"""``mesh new domain``: a domain that is sound, tested and runs to a champion before anything of it is changed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mesh_pipelines.declaring.mesh import read_workspace
from mesh_pipelines.errors import MeshError, SelectionError
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.orchestration.check import check_mesh
from mesh_pipelines.scaffold import new_domain
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import small_domain, workspace
from resources.settings import get_settings
from tests.mesh_pipelines.conftest import Machines

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")


def test_a_new_domain_is_sound_at_once(tmp_path: Path) -> None:
    """It loads, keeps every rule of the federation, and Dagster takes its definitions."""
    with small_domain(tmp_path, "customer_care") as mesh:
        assert check_mesh(tmp_path) == []
        assert list(mesh.domains) == ["customer_care"]
        assert {node.stage for node in mesh.nodes.values()} == {
            "source", "product", "features", "model", "champion", "predictions",
        }  # fmt: skip
        assert (get_settings().landing_folder / "customer_care" / "readings.csv").is_file()


def test_a_new_domain_touches_its_folder_and_one_entry(tmp_path: Path) -> None:
    """Other entries of workspace.yaml and their comments stay as they are."""
    with workspace(tmp_path):
        before = "# Ours.\nload_from:\n  - python_module: domains.other.definitions  # first\n"
        (tmp_path / "workspace.yaml").write_text(before)
        written = new_domain("machines", tmp_path)
    text = (tmp_path / "workspace.yaml").read_text()
    assert text.startswith(before)
    assert [place.name for place in read_workspace(tmp_path)] == ["other", "machines"]
    assert written[-1] == tmp_path / "workspace.yaml"
    assert all(path.is_file() for path in written)
    inside = tmp_path / "domains" / "machines"
    landing = get_settings().landing_folder / "machines"
    assert all(path.is_relative_to(inside) or path.is_relative_to(landing) for path in written[:-1])
    assert not any("$" in path.read_text() for path in written)


@pytest.mark.parametrize("text", ["", "load_from: []\n", "load_from:\n", "# nothing yet\n", None])
def test_the_first_domain_of_a_workspace(tmp_path: Path, text: str | None) -> None:
    """A workspace that is missing or empty gets its first entry, and is one that Dagster can read."""
    if text is not None:
        (tmp_path / "workspace.yaml").write_text(text)
    new_domain("machines", tmp_path)
    assert [place.name for place in read_workspace(tmp_path)] == ["machines"]


@pytest.mark.parametrize("indent", ["", " ", "    "])
def test_an_entry_is_indented_as_those_before_it(indent: str, tmp_path: Path, mesh_home: Path) -> None:
    """PyYAML writes entries without an indent; one of another indent would break the whole file."""
    before = f"load_from:\n{indent}- python_module:\n{indent}    module_name: domains.other.definitions\n"
    (tmp_path / "workspace.yaml").write_text(before)
    new_domain("machines", tmp_path)
    assert [place.package for place in read_workspace(tmp_path)] == [
        "domains.other",
        "domains.machines",
    ]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        *(
            (name, "a letter first")
            for name in [
                "",
                "Machines",
                "1st",
                "my-domain",
                "my domain",
                "a__b",
                "ab_",
                "../up",
                "x",
                "é",
                "a\0b",
            ]
        ),
        *((name, "a word of Python's own") for name in ["class", "import", "lambda"]),
        *(
            (name, "for their own files")
            for name in ["conftest", "definitions", "test", "tests", "test_pilots"]
        ),
        ("a" * 42, "at most 41"),
        ("a" * 10_000, "at most 41"),
    ],
)
def test_what_can_be_no_name_is_refused(tmp_path: Path, name: str, fault: str) -> None:
    """A name has to be one for a Python package, a Dagster key and a table; nothing is written otherwise."""
    with pytest.raises(SelectionError, match=r"cannot be a domain's name") as refused:
        new_domain(name, tmp_path)
    assert fault in refused.value.what
    assert len(str(refused.value)) < 300
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["file", "module", "folder", "broken link"])
def test_nothing_that_exists_becomes_a_domain(tmp_path: Path, there: str) -> None:
    """A file of the name, or a module that Python would find instead of the domain, is left as it is."""
    place = tmp_path / "domains" / ("machines.py" if there == "module" else "machines")
    place.parent.mkdir()
    if there == "folder":
        place.mkdir()
    elif there == "broken link":
        place.symlink_to(tmp_path / "nowhere")
    else:
        place.write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MeshError, match="it exists") as refused:
        new_domain("machines", tmp_path)
    assert refused.value.where == str(place.relative_to(tmp_path))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    """A domain that exists is not overwritten."""
    new_domain("machines", tmp_path)
    readme = tmp_path / "domains/machines/README.md"
    readme.write_text("mine")
    with pytest.raises(MeshError, match="exists"):
        new_domain("machines", tmp_path)
    assert readme.read_text() == "mine"
    assert len(read_workspace(tmp_path)) == 1


@pytest.mark.parametrize("broken", ["landing", "workspace.yaml"])
def test_a_new_domain_is_whole_or_nothing(
    tmp_path: Path, mesh_home: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Where one of its places cannot be written to, nothing is left of it, and the same command succeeds later."""
    root = tmp_path / "clone"
    root.mkdir()
    (root / "workspace.yaml").write_text("load_from:\n")
    before = files_below(tmp_path)
    with monkeypatch.context() as patch:
        if broken == "landing":
            # Below a file there is no folder.
            patch.setenv("MESH_LANDING", str(root / "workspace.yaml" / "landing"))
            get_settings.cache_clear()
        else:
            patch.setattr(Path, "replace", no_space)
        with pytest.raises(MeshError, match="nothing of the domain was") as refused:
            new_domain("machines", root)
        assert refused.value.where
        assert refused.value.remedy
    get_settings.cache_clear()
    assert files_below(tmp_path) == before

    new_domain("machines", root)
    assert [place.name for place in read_workspace(root)] == ["machines"]
    assert (mesh_home / "landing" / "machines" / "readings.csv").is_file()


def files_below(folder: Path) -> dict[Path, str]:
    """Files with their text, and folders, below a folder."""
    return {path: path.read_text() if path.is_file() else "" for path in folder.rglob("*")}


def no_space(path: Path, target: Path) -> None:
    """What a full disk says."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))


def test_what_has_landed_already_is_left_alone(tmp_path: Path, mesh_home: Path) -> None:
    """Files that landed before their domain was written are its data: no sample takes their place."""
    landed = mesh_home / "landing" / "machines" / "readings.csv"
    landed.parent.mkdir(parents=True)
    landed.write_text("ours")
    assert landed not in new_domain("machines", tmp_path)
    assert landed.read_text() == "ours"


def test_its_contracts_are_the_standards(tmp_path: Path) -> None:
    """Each contract says what a consumer asks for: class of each column, freshness, retention, owner, quality."""
    new_domain("machines", tmp_path)
    files = sorted((tmp_path / "domains/machines/contracts").iterdir())
    assert [file.name.partition(".")[0] for file in files] == ["readings", "readings_raw", "repair_forecast"]
    for file in files:
        contract = yaml.safe_load(file.read_text())
        assert contract["apiVersion"] == "v3.2.0"
        assert contract["domain"] == "machines"
        assert contract["schema"][0]["quality"]
        assert {p["property"] for p in contract["slaProperties"]} >= {"freshness", "retention"}


def test_its_code_is_in_the_usual_form(tmp_path: Path) -> None:
    """What is written passes the project's own linter and formatter."""
    new_domain("machines", tmp_path)
    ruff = Path(sys.executable).parent / "ruff"
    config = Path(__file__).parents[2] / "pyproject.toml"
    ours = 'lint.isort.known-first-party = ["mesh_pipelines", "domains"]'  # as they are in the project's own folder
    for command in ("check", "format --check"):
        done = subprocess.run(
            [str(ruff), *command.split(), "--config", str(config), "--config", ours, "--no-cache", "domains"],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_new_domain_runs_to_a_champion(machines: Machines) -> None:
    """From the sample that landed to a model that passed its gate, and its predictions, without a change."""
    assert machines.first.ok, machines.first
    assert {step.key.partition(".")[2]: step.status for step in machines.first.steps} == dict.fromkeys(
        ("readings_raw", "readings", "repair_features", "repair", "repair_champion", "repair_forecast"),
        "done",
    )
    with machines.inside():
        champion = registry_of(shared_resources()).champion("machines.repair")
        assert champion is not None
        assert champion.metrics["auc"] > champion.baseline["auc"]
        forecast = shared_resources().lake.scan("machines.repair_forecast").collect()
        assert forecast.height > 100
        assert forecast["probability"].is_between(0, 1).all()


@pytest.mark.slow
def test_the_test_of_a_new_domain_passes(machines: Machines) -> None:
    """``pytest domains/machines`` in its workspace."""
    env = {**os.environ, "MESH_HOME": str(machines.folder / ".mesh"), "PYTHONPATH": str(machines.folder)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "domains/machines"],
        cwd=machines.folder, env=env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
