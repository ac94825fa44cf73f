"""Texts in places that are kept in clear: sealed with the key of their column, equal where they are equal."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from mesh_pipelines.errors import KeyUnavailable
from resources.keys.keyring import Keyring
from resources.keys.sealed_text import TextSeal


def seal_of(keyring: Keyring, column: str = "born", classification: str = "restricted") -> TextSeal:
    """The seal of a column of one product."""
    return TextSeal(keyring, "clinic", "patients", column, classification)


def test_a_sealed_text_shows_nothing_and_comes_back(tmp_path: Path) -> None:
    """Equal texts are equal when sealed; another process opens them; nothing, and a public text, stay as they are."""
    seal = seal_of(Keyring(tmp_path))
    kept = seal.seal("1987-03-05")
    assert "1987" not in kept
    assert kept == seal.seal("1987-03-05")
    assert kept != seal.seal("1987-03-06")
    assert seal_of(Keyring(tmp_path)).open(kept) == "1987-03-05"
    assert seal.seal("") == ""
    assert seal_of(Keyring(tmp_path), classification="public").seal("1987-03-05") == "1987-03-05"


def test_a_text_that_was_kept_in_clear_is_read(tmp_path: Path) -> None:
    """As records had them before texts were sealed."""
    assert seal_of(Keyring(tmp_path)).open("1987-03-05") == "1987-03-05"


def test_a_changed_text_and_one_of_another_column_are_refused(tmp_path: Path) -> None:
    """Sealed text is authenticated, with its column."""
    keyring = Keyring(tmp_path)
    kept = seal_of(keyring).seal("1987-03-05")
    with pytest.raises(InvalidTag):
        seal_of(keyring, column="died").open(kept)
    other = "A" if kept[-8] != "A" else "B"
    with pytest.raises(InvalidTag):
        seal_of(keyring).open(kept[:-8] + other + kept[-7:])


def test_an_older_key_opens_and_a_destroyed_one_does_not(tmp_path: Path) -> None:
    """A key that is rotated seals what comes next."""
    keyring = Keyring(tmp_path)
    seal = seal_of(keyring)
    first = seal.seal("1987-03-05")
    keyring.rotate("clinic", "patients", "restricted")
    assert seal.seal("1987-03-05") != first
    assert seal.open(first) == "1987-03-05"
    keyring.destroy("clinic", "patients", "restricted")
    with pytest.raises(KeyUnavailable):
        seal.open(first)
