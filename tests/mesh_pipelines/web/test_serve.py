"""The web process: the names that it answers for, and what it tells who started it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_pipelines.web.serve import announce, names
from resources.settings import Settings


def test_the_server_answers_for_the_names_that_the_settings_give(tmp_path: Path) -> None:
    """Its address, the one that people are given, and further ones."""
    settings = Settings(home=tmp_path, ui_url="https://mesh.example.com", ui_hosts=("other.example",))
    assert set(names(settings, "http://[fd00::1]:3000")) == {"[fd00::1]", "mesh.example.com", "other.example"}
    assert names(Settings(home=tmp_path), "http://127.0.0.1:3000") == ["127.0.0.1"]


def test_an_address_without_a_name_adds_none(tmp_path: Path) -> None:
    """Nor does one that is no address; further names stay as they are written."""
    settings = Settings(home=tmp_path, ui_hosts=("one.example", "[fd00::2]"))
    assert names(settings, "") == ["one.example", "[fd00::2]"]
    assert names(settings, "nonsense") == ["one.example", "[fd00::2]"]


def test_the_names_of_an_address_are_in_the_form_of_a_host_header(tmp_path: Path) -> None:
    """Without port and user, in small letters; an IPv6 address in brackets."""
    assert names(Settings(home=tmp_path), "https://User@Mesh.Example.COM:8443/mesh") == ["mesh.example.com"]
    assert names(Settings(home=tmp_path), "http://[::1]:3000") == ["[::1]"]


def test_who_started_it_is_told_where_it_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, at once, with both addresses and how to end it."""
    announce("http://127.0.0.1:3000")
    [line] = capsys.readouterr().out.splitlines()
    assert "Dagster is at http://127.0.0.1:3000," in line
    assert "http://127.0.0.1:3000/mesh" in line
    assert "Ctrl-C" in line
