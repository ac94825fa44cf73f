"""Keys: versioned, wrapped, private, safe under concurrent processes, and destroyed for good."""

from __future__ import annotations

import base64
import json
import logging
import multiprocessing
import stat
from pathlib import Path

import pytest

from mesh_pipelines.errors import KeyUnavailable
from resources.keys.keyring import Keyring

MASTER = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()
PLACE = ("operations", "departures", "confidential")


def test_a_data_key_is_made_once_and_is_the_same_for_every_keyring(tmp_path: Path) -> None:
    """The first use makes version 1; another process reads the very same secret."""
    first = Keyring(tmp_path, MASTER).data_key(*PLACE)
    assert (first.version, len(first.secret)) == (1, 32)
    assert Keyring(tmp_path, MASTER).data_key(*PLACE) == first


def test_each_domain_product_and_classification_has_its_own_key(tmp_path: Path) -> None:
    """No two places share a secret."""
    keyring = Keyring(tmp_path, MASTER)
    places = [
        PLACE,
        ("operations", "departures", "internal"),
        ("operations", "other", "confidential"),
        ("weather", "departures", "confidential"),
    ]
    assert len({keyring.data_key(*place).secret for place in places}) == len(places)


def test_rotation_makes_a_new_current_version_and_keeps_the_old_one(tmp_path: Path) -> None:
    """After a rotation the current key is version 2, and version 1 still opens."""
    keyring = Keyring(tmp_path, MASTER)
    old, new = keyring.data_key(*PLACE), keyring.rotate(*PLACE)
    assert new.version == 2
    assert keyring.data_key(*PLACE) == new
    assert keyring.data_key(*PLACE, version=1) == old


def test_destroyed_keys_never_come_back(tmp_path: Path) -> None:
    """Destroying forgets the wrapped bytes themselves; the next key has a new number and a new secret."""
    keyring = Keyring(tmp_path, MASTER)
    old = keyring.data_key(*PLACE)
    assert keyring.destroy(*PLACE) == (1,)
    assert keyring.destroy(*PLACE) == ()
    with pytest.raises(KeyUnavailable, match="was destroyed on"):
        keyring.data_key(*PLACE, version=1)
    assert "wrapped" not in (tmp_path / "operations/departures.json").read_text()
    new = keyring.data_key(*PLACE)
    assert new.version == 2
    assert new.secret != old.secret


def test_a_version_that_never_was_is_named(tmp_path: Path) -> None:
    """Asking for an unknown version says which key, which file, and what to do."""
    with pytest.raises(KeyUnavailable, match=r"departures/confidential has no version 7") as error:
        Keyring(tmp_path, MASTER).data_key(*PLACE, version=7)
    assert error.value.where.endswith("departures.json")
    assert error.value.remedy


def test_another_master_key_opens_nothing(tmp_path: Path) -> None:
    """A wrong master key is another error than a missing key, with the setting to correct."""
    Keyring(tmp_path, MASTER).data_key(*PLACE)
    with pytest.raises(KeyUnavailable, match="does not open with this master key") as error:
        Keyring(tmp_path, OTHER).data_key(*PLACE)
    assert "MESH_MASTER_KEY" in error.value.remedy


@pytest.mark.parametrize("text", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_a_master_key_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    """Neither text that is no base64 nor a key of another length is taken for a master key."""
    (tmp_path / "master.key").write_text(text)
    with pytest.raises(KeyUnavailable, match="not base64 of 32 bytes"):
        Keyring(tmp_path).data_key(*PLACE)


def test_a_wrapped_key_cannot_be_moved_to_another_place(tmp_path: Path) -> None:
    """The purpose of a key is authenticated with it: copying its bytes under another classification fails."""
    keyring = Keyring(tmp_path, MASTER)
    keyring.data_key(*PLACE)
    file = tmp_path / "operations/departures.json"
    content = json.loads(file.read_text())
    content["keys"]["internal"] = content["keys"]["confidential"]
    file.write_text(json.dumps(content))
    with pytest.raises(KeyUnavailable):
        keyring.data_key("operations", "departures", "internal")


def test_a_generated_master_key_is_announced_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first keyring says where its master key lies; the next one just reads it."""
    with caplog.at_level(logging.WARNING):
        first = Keyring(tmp_path)
        secret = first.data_key(*PLACE)
        second = Keyring(tmp_path)
        assert second.data_key(*PLACE) == secret
    assert first.generated == tmp_path / "master.key"
    assert second.generated is None
    assert [r.getMessage() for r in caplog.records if "Back it up" in r.getMessage()] == [caplog.messages[0]]


def test_no_new_master_key_is_made_where_keys_exist(tmp_path: Path) -> None:
    """A lost master key is an error, not a reason to make one that opens nothing."""
    Keyring(tmp_path).data_key(*PLACE)
    (tmp_path / "master.key").unlink()
    with pytest.raises(KeyUnavailable, match="the master key is missing"):
        Keyring(tmp_path).data_key(*PLACE)
    assert not (tmp_path / "master.key").exists()


def test_keys_are_private(tmp_path: Path) -> None:
    """Folders are 0700 and files 0600, and no secret is in a repr or in clear on disk."""
    path = tmp_path / "keys"
    keyring = Keyring(path)
    key = keyring.data_key(*PLACE)
    for item in [path, *path.rglob("*")]:
        assert stat.S_IMODE(item.stat().st_mode) == (0o700 if item.is_dir() else 0o600), item
    assert "secret" not in repr(key)
    assert base64.b64encode(key.secret).decode() not in (path / "operations/departures.json").read_text()


def test_rewrapping_changes_the_master_key_and_no_data_key(tmp_path: Path) -> None:
    """After a rewrap the new master key opens the same secrets, and the old one opens nothing."""
    keyring = Keyring(tmp_path, MASTER)
    keys = [keyring.data_key(*PLACE), keyring.rotate(*PLACE)]
    assert keyring.rewrap(OTHER) == 2
    assert [Keyring(tmp_path, OTHER).data_key(*PLACE, version=k.version) for k in keys] == keys
    with pytest.raises(KeyUnavailable):
        Keyring(tmp_path, MASTER).data_key(*PLACE)


def _first_use(path: str) -> str:
    return Keyring(path).data_key(*PLACE).secret.hex()


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    """Six processes meet an empty keyring at once: one master key, one data key, for all of them."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(_first_use, [str(tmp_path)] * 6, chunksize=1))) == 1
        pool.close()
        pool.join()  # else they are ended by a signal, which does not reach where a shell has it ignored
    stored = json.loads((tmp_path / "operations/departures.json").read_text())["keys"]["confidential"]
    assert list(stored["versions"]) == ["1"]


@pytest.mark.parametrize("name", ["../evil", "a/b", ""])
def test_a_name_cannot_leave_the_keyring(tmp_path: Path, name: str) -> None:
    """Names become file names, so only names are taken."""
    with pytest.raises(ValueError, match="not a name"):
        Keyring(tmp_path, MASTER).data_key("operations", name, "internal")
