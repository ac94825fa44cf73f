"""What is known of contracts that were tried: kept between processes, and forgotten when anything of it changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quality import tried_rules
from quality.contract import Contract, load_contract
from quality.rule_trial import RuleFault
from quality.tried_rules import key_of, read, write
from tests.quality.conftest import FLIGHTS, Rewrite

FAULT = RuleFault("r", "$.schema[0]", 'it "cannot" run \ud800', "mend it", certain=False)


@pytest.fixture
def other_engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Engines of another version."""
    tried_rules._makers.cache_clear()
    monkeypatch.setattr(tried_rules, "version", lambda name: f"{name} 99")
    yield
    tried_rules._makers.cache_clear()


def test_a_contract_has_one_key(flights: Contract) -> None:
    """Whoever has loaded it."""
    assert key_of(flights) == key_of(load_contract(FLIGHTS))


def test_the_key_follows_the_contract_and_its_stage(
    flights: Contract, landed: Contract, rewrite: Rewrite
) -> None:
    """A promise about text that landed is tried by itself."""

    def change(document: dict[str, Any]) -> None:
        document["schema"][0]["quality"][0]["description"] = "other words"

    assert len({key_of(flights), key_of(landed), key_of(load_contract(rewrite(change)))}) == 3


def test_the_key_follows_the_engines(flights: Contract, request: pytest.FixtureRequest) -> None:
    """Another version of an engine may take what this one refuses."""
    before = key_of(flights)
    request.getfixturevalue("other_engines")
    assert key_of(flights) != before


def test_the_key_follows_the_code_that_tries(
    flights: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A change of a module beside it is a change of what was tried."""
    request.getfixturevalue("other_engines")
    monkeypatch.setattr(tried_rules, "__file__", str(tmp_path / "tried_rules.py"))
    (tmp_path / "rules.py").write_text("x = 1")
    before = key_of(flights)
    (tmp_path / "rules.py").write_text("x = 2")
    tried_rules._makers.cache_clear()
    assert key_of(flights) != before


def test_faults_are_read_as_they_were_written(tmp_path: Path) -> None:
    """Contracts without a fault are known too; no unfinished file is left."""
    known = {"a": (), "b": (FAULT, RuleFault("s", "", "p", "f"))}
    write(tmp_path / "tried.json", known)
    assert read(tmp_path / "tried.json") == known
    write(tmp_path / "tried.json", {"c": ()})
    assert read(tmp_path / "tried.json") == {"c": ()}
    assert [file.name for file in tmp_path.iterdir()] == ["tried.json"]


@pytest.mark.odd_input("after a kill, and odd homes", "held up")
@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"1", b'"a"', b"\xff", b'{"a": 1}', b'{"a": null}', b'{"a": [1]}', b'{"a": ["x"]}',
        b'{"a": [{"rule": "r"}]}', json.dumps({"a": [{**vars(FAULT), "later": 1}]}).encode(),
    ],
)  # fmt: skip
def test_a_file_of_another_form_holds_nothing(tmp_path: Path, content: bytes) -> None:
    """One that was cut off, or that another version wrote: all is tried again."""
    (tmp_path / "tried.json").write_bytes(content)
    assert read(tmp_path / "tried.json") == {}


@pytest.mark.odd_input("after a kill, and odd homes", "held up")
def test_a_memory_that_cannot_be_kept_is_none(tmp_path: Path) -> None:
    """No file, a folder in its place, or no folder for it: nothing is kept, and none is made."""
    for file in (None, tmp_path / "nowhere/tried.json", tmp_path):
        write(file, {"a": ()})
        assert read(file) == {}
    assert list(tmp_path.iterdir()) == []
