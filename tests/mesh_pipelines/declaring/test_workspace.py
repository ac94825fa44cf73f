"""``workspace.yaml``: an entry that is no code location is left out by name; a file that is no list is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_pipelines.declaring.mesh import read_workspace
from mesh_pipelines.declaring.workspace import Location, read_entries
from mesh_pipelines.errors import MeshError

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")

SOUND = "  - python_module: domains.sound.definitions\n"


def test_the_workspace_is_read_as_dagster_reads_it(tmp_path: Path) -> None:
    """Long and short entries; a location without a name is called after its package."""
    (tmp_path / "workspace.yaml").write_text(
        "load_from:\n  - python_module: domains.a.definitions\n"
        "  - python_module:\n      module_name: domains.b.definitions\n      location_name: bee\n"
    )
    assert read_workspace(tmp_path) == (
        Location("a", "domains.a.definitions"),
        Location("bee", "domains.b.definitions"),
    )
    assert read_workspace(tmp_path)[0].package == "domains.a"


@pytest.mark.parametrize("text", ["", "load_from:\n", "load_from: []\n"])
def test_an_empty_workspace_is_an_empty_mesh(tmp_path: Path, text: str) -> None:
    """A mesh before its first domain."""
    (tmp_path / "workspace.yaml").write_text(text)
    assert read_workspace(tmp_path) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no workspace.yaml"),
        ("load_from: [", "is not a workspace"),
        ("- a\n", "is not a workspace"),
        ("load_from: words\n", "is not a workspace"),
        ("load_from:\n  words: 1\n", "load_from is a mapping, and no list"),
        ("load_form:\n  - python_module: domains.a.definitions\n", "unknown is `load_form`"),
        ("7\n", "it is the number 7"),
        ("load_from:\n  - python_module: a.b\n -python_module: c.d\n", "line 3"),
        ("load_from:\n\t- python_module: a.b\n", "line 2"),
    ],
)
def test_a_workspace_that_cannot_be_read_says_so(tmp_path: Path, text: str | None, words: str) -> None:
    """A missing or misshapen file is a MeshError with its remedy, never a traceback."""
    if text is not None:
        (tmp_path / "workspace.yaml").write_text(text)
    with pytest.raises(MeshError, match=words) as raised:
        read_workspace(tmp_path)
    assert raised.value.remedy


ENTRIES = {
    "  - 7\n": ("entry 2", "is the number 7", "- python_module:"),
    "  - words\n": ("words", "is the text `words`", "- python_module:"),
    "  -\n": ("entry 2", "is empty", "- python_module:"),
    "  - [domains.b.definitions]\n": ("entry 2", "is a list", "- python_module:"),
    "  - python_file: x.py\n": ("entry 2", "the unknown key `python_file`", "`python_module`?"),
    "  - python_modul: domains.b.definitions\n": ("b", "the unknown key `python_modul`", "`python_module`?"),
    "  - python_module: nodots\n": ("nodots", "the module `nodots`", "domains.weather.definitions"),
    "  - python_module: domains.b b.definitions\n": ("entry 2", "no dotted name", "domains.weather.definitions"),
    "  - python_module: 7\n": ("entry 2", "the number 7 as its module", "- python_module:"),
    "  - python_module:\n": ("entry 2", "has no `module_name`", "- python_module:"),
    "  - python_module:\n    module_name: domains.b.definitions\n    location_name: b\n": (
        "b", "`module_name` beside `python_module`", "indent `module_name` and `location_name` two spaces",
    ),
    "  - python_module:\n      location_name: b\n": ("b", "has no `module_name`", "- python_module:"),
    "  - python_module:\n      module_name: 7\n": ("entry 2", "the number 7 as its `module_name`", "in quotes"),
    "  - python_module:\n      modul_name: domains.b.definitions\n": ("b", "`modul_name`", "`module_name`?"),
    "  - python_module:\n      module_name: domains.b.definitions\n      location_name: 7\n": (
        "b", "the number 7 as its `location_name`", "in quotes",
    ),
    "  - python_module:\n      module_name: domains.b.definitions\n      location_name: [b]\n": (
        "b", "a list as its `location_name`", "in quotes",
    ),
    "  - python_module: domains.sound.definitions\n": (
        "entry 2", "names domains.sound.definitions again", "take one of the two entries away",
    ),
    "  - python_module:\n      module_name: domains.b.definitions\n      location_name: sound\n": (
        "b", "the location_name `sound` of another entry", "`location_name: b`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_that_is_no_code_location_is_left_out_by_name(tmp_path: Path, entry: str) -> None:
    """With its line and the remedy; the entries before and after it are read."""
    text = f"# a comment\nload_from:\n{SOUND}{entry}  - python_module: domains.last.definitions\n"
    (tmp_path / "workspace.yaml").write_text(text)
    found = read_entries(tmp_path)
    assert [location.domain for location in found.locations] == ["sound", "last"]
    about, problem, fix = ENTRIES[entry]
    [refused] = found.refused
    assert refused.about == (about,)
    assert refused.where == "workspace.yaml, line 4"
    assert refused.problem.startswith("entry 2 ")
    assert problem in refused.problem
    assert fix in refused.fix
