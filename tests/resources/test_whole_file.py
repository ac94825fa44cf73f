"""A small file is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.whole_file import write_whole


def test_the_new_text_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    """In UTF-8, and nothing else is left in the folder."""
    file = tmp_path / "ui.json"
    for text in ("first", "", "ü"):
        write_whole(file, text)
        assert file.read_bytes() == text.encode()
        assert list(tmp_path.iterdir()) == [file]


def test_an_open_file_keeps_the_text_that_it_had(tmp_path: Path) -> None:
    """A reader that began before sees no mixture."""
    file = tmp_path / "ui.json"
    write_whole(file, "before")
    with file.open() as reader:
        write_whole(file, "after it")
        assert reader.read() == "before"


def test_without_a_folder_it_is_an_error(tmp_path: Path) -> None:
    """It makes none."""
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere" / "ui.json", "text")
