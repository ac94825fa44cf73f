"""The `mesh` command and text that nobody would type: a message and an exit code, never a traceback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mesh_pipelines import scaffold
from mesh_pipelines.commands import cli, ui
from mesh_pipelines.errors import MeshError
from mesh_pipelines.testing import mesh_home, workspace
from tests.mesh_pipelines.conftest import Machines

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "lost")

runner = CliRunner()

SOUND = {
    "key": "machines.repair@1",
    "selection": "machines.repair",
    "keys": "machines.repair",
    "because": "agreed with its owner",
    "months": "2013-01",
    "name": "customer_care",
}
"""For each argument that a command cannot do without, one that it takes."""

HUGE = "9" * 5000
ODD = [
    *("", " ", "\t", "\n", "\0", "@", "@@", ".", "..", "...", "-", "--", "-1", "1.5", "0x10", "nan", HUGE),
    *(
        "a",
        "a.b",
        "a.b@",
        "a.b@1",
        "a.b@1@2",
        "a.b@-1",
        "a.b@1.5",
        "a.b@x",
        "a.b@\0",
        "a.b.c",
        ".b",
        "a.",
        "@1",
    ),
    *("machines.repair@999999999999999999999", f"machines.repair@{HUGE}", "machines.repair@999999999"),
    *("machines.repair@0", "machines.repair@\u0663", "machines.repair@\u00b2", "machines.repair@01"),
    *("machines.readings@999999999", "machines.readings@0", "machines.readings_raw@999999999999999999999"),
    *("machines.repair_champion@999999999", "machines.repair_forecast@999999999"),
    *("machines.repair\0", "machines.\0", "machines.repair_", "machines.readings@1 ", " machines.repair"),
    *("\u00e9.\u00fc", "\U0001f680.\U0001f680", "\u202e.\u202e", "\u200b.\u200b", "\udcff.\udcff", "\udcff"),
    *(
        "[bold]a[/bold].b",
        "[/].b",
        "%s.%s",
        "{}.{0}",
        "a.b\x1b[31m",
        "'; drop table x; --",
        "$(id).b",
        "`id`",
    ),
    *("../../etc/passwd", "/", "a/b.c", "C:\\a.b", "*", "?", "a" * 10_000, f"{'a' * 5000}.{'b' * 5000}"),
    *(
        "2013-13",
        "2013-00",
        "0000-00",
        "9999-99",
        "2013-1",
        "\u0662\u0660\u0661\u0663-01",
        "..2013",
        "2013..",
        "256.256.256.256",
    ),
]

ANY = st.text(st.characters(exclude_categories=()), max_size=12)
"""Any letters at all, with those that only bytes which are no text come to."""


NO_VERSION = ("rollback", "pin", "unpin")
"""Commands whose key has none."""


def arguments() -> Iterator[Any]:
    """Every place for text in every command of the live object: the words before it, and those after it."""

    def below(words: tuple[str, ...], command: Any) -> Iterator[Any]:
        children = getattr(command, "commands", {})
        if children:
            yield pytest.param(words, (), id=" ".join(("mesh", *words, "COMMAND")))
        for name, child in children.items():
            yield from below((*words, name), child)
        texts = [p for p in command.params if not getattr(p, "is_flag", False) and p.name != "help"]
        for place in texts:
            others = [p for p in texts if p is not place and p.required]
            sound = SOUND | ({"key": "machines.repair"} if words[-1] in NO_VERSION else {})
            options = [
                word for p in others if p.opts[0].startswith("-") for word in (p.opts[0], sound[p.name])
            ]
            plain = [sound[p.name] for p in others if not p.opts[0].startswith("-")]
            before = [*words, *options, *plain]
            if place.opts[0].startswith("-"):
                # A selection that exists: what is odd is the option alone.
                key = [sound[p.name] for p in texts if p.name == "selection"]
                yield pytest.param(
                    (*before, *key), (place.opts[0],), id=" ".join(("mesh", *words, place.opts[0]))
                )
            else:
                yield pytest.param(tuple(before), ("--",), id=" ".join(("mesh", *words, place.name)))

    return below((), typer.main.get_command(cli.app))


@pytest.fixture(scope="module")
def copied(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the machines' workspace, with a model that is trained."""
    folder = tmp_path_factory.mktemp("odd") / "copy"
    shutil.copytree(machines.folder, folder)
    return folder


@pytest.fixture
def inside(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Be in that workspace, in which nothing is started or written anew."""
    with mesh_home(copied / ".mesh"), workspace(copied):
        monkeypatch.setattr(ui, "ensure_dagster_home", nothing_starts)
        monkeypatch.setattr(scaffold, "_filled", nothing_starts)
        yield copied


def nothing_starts(*_args: object) -> None:
    """In place of what would start a webserver and a daemon, or write a domain."""
    raise MeshError("it would start", remedy="not in this test")


def assert_message(words: list[str]) -> str:
    """A command line ends well or with a message, and never in a traceback; what it printed."""
    result = runner.invoke(cli.app, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exc_info)
    assert result.exit_code in (0, 1, 2), words
    assert "Traceback" not in result.output, words
    if result.exit_code:
        assert result.stderr.strip(), words
    return result.output


@pytest.mark.slow
@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(("before", "marker"), list(arguments()))
def test_odd_text_in_any_place_is_answered(before: tuple[str, ...], marker: tuple[str, ...]) -> None:
    """Each text in each place of each command, whatever it is, in a mesh where there is something to find."""
    assert "champion" in assert_message(["show", "machines.repair@1"])
    for text in ODD:
        assert_message([*before, *marker, text])


@pytest.mark.slow
@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("command", ["show", "why", "status", "run", "rebuild", "new domain"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.one_of(
        ANY, st.builds("{}.{}@{}".format, ANY, ANY, ANY), st.builds("machines.repair@{}".format, ANY)
    )
)
def test_any_text_is_answered(command: str, text: str) -> None:
    """Text that a generator comes up with, where a key, a domain or a name is expected."""
    assert_message([*command.split(), "--", text])
