"""Links lead to the `mesh ui` that runs on the home, wherever it listens."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from resources.settings import Settings
from resources.ui_address import announce_ui, running_ui, ui_url

OTHER = "http://127.0.0.1:3999"


def test_links_follow_the_ui_that_runs(tmp_path: Path) -> None:
    """Before it and after it they lead to the default, at which the next one listens."""
    settings = Settings(home=tmp_path / "home")
    assert ui_url(settings) == "http://127.0.0.1:3000"
    with announce_ui(settings, OTHER):
        assert ui_url(settings) == OTHER
    assert ui_url(settings) == "http://127.0.0.1:3000"
    assert list(settings.home.iterdir()) == []


def test_an_address_that_is_set_is_the_one_of_all_links(tmp_path: Path) -> None:
    """People come through a proxy, whatever the process behind it listens on."""
    settings = Settings(home=tmp_path / "home", ui_url="https://mesh.example.com")
    with announce_ui(settings, OTHER):
        assert ui_url(settings) == "https://mesh.example.com"
        assert running_ui(settings) == OTHER


def test_what_a_killed_ui_left_leads_nobody_astray(
    sleeper: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    """Its file names a process that is gone."""
    process, named = sleeper
    settings = Settings(home=tmp_path)
    (tmp_path / "ui.json").write_text(f'{{"url": "{OTHER}", "process": "{named}"}}')
    assert running_ui(settings) == OTHER
    process.kill()
    process.wait()
    assert running_ui(settings) == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"url": 1}', '"a"'])
def test_a_file_that_says_nothing_is_none(text: str, tmp_path: Path) -> None:
    """Cut off or edited, it hides no link."""
    (tmp_path / "ui.json").write_text(text)
    assert ui_url(Settings(home=tmp_path)) == "http://127.0.0.1:3000"
