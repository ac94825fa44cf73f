"""YAML is read by one function, within limits that a file cannot get around."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from quality.yaml_text import ALIASED, BYTES, DEPTH, YamlFault, parse_yaml, read_yaml

pytestmark = pytest.mark.odd_input("limits", "held up")

ROOT = Path(__file__).resolve().parents[2]


def bomb(levels: int, each: int = 10) -> str:
    """Lists of aliases of lists: ``each`` to the power of ``levels`` strings."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * each)}]" for n in range(1, levels + 1)]
    return "\n".join(lines) + "\n"


MERGES = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 10)}]\n  k{n}: 1\n" for n in range(1, 20)
)
TWICE = "is written twice"


REFUSED = [
    "a bomb",
    "a small bomb",
    "a bomb of merge keys",
    "a list in itself",
    "a mapping in itself",
    "no anchor",
    "flow lists",
    "flow mappings",
    "block lists",
    "many nodes",
    "many bytes",
    "a long number",
    "a long number to the base of sixty",
    "a key twice",
    "a key twice in quotes",
    "a key twice in a list",
    "a key twice beside a merge",
    "a Python object",
    "a number by tag",
    "a time by tag",
    "two documents",
    "broken",
    "broken within",
    "a zero byte",
    "a list as a key",
    "no text",
]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (bomb(9), f"aliases that stand for more than {ALIASED:,} nodes"),
        (bomb(4), "aliases that stand for more"),
        (MERGES, "aliases that stand for more"),
        ("a: &a [*a]", "within what it stands for"),
        ("a: &a\n  b: {c: *a}", "within what it stands for"),
        ("a: *b", "or of nothing"),
        ("[" * 100_000, f"more than {DEPTH} lists"),
        ("{a: " * 100_000, f"more than {DEPTH} lists"),
        ("- " * 100_000, f"more than {DEPTH} lists"),
        ("- x\n" * (10 * ALIASED), f"more than {10 * ALIASED:,} nodes"),
        ("#" * (BYTES + 1), f"larger than {BYTES:,} bytes"),
        ("a: " + "1" * 10_000, "number of 10,000 characters"),
        ("a: " + "1:" * 100_000 + "1.0", "number of 200,003 characters"),
        ("a: 1\nb: 2\na: 3", rf"`a` {TWICE} \(line 3\)"),
        ('a: {"b": 1, b: 2}', TWICE),
        ("[a, {b: 1, b: 2}]", TWICE),
        ("x: &x {b: 1}\ny: {<<: *x, c: 1, c: 2}", TWICE),
        ("a: !!python/object:os.system {}", "has a tag"),
        ("a: !!int x", "has a tag"),
        ("a: !!timestamp x", "has a tag"),
        ("a: 1\n---\na: 2", "second document"),
        ("a: [", r"not YAML: line 2, column 1: did not find .*while parsing a flow node"),
        ("a: 1\n b: 2", r"not YAML: line 2, column 3: mapping values are not allowed in this context;"),
        ("a: \x00", "not YAML: unacceptable character .* position 3"),
        ("? [a]\n: 1", r"not YAML: line 1, column 3: found unhashable key"),
        (b"\xff\xfe\xff", "UTF-8"),
    ],
    ids=REFUSED,
)
def test_what_is_refused(text: str | bytes, words: str) -> None:
    """Each fault in less than a second, with the line and a fix."""
    begun = time.monotonic()
    with pytest.raises(YamlFault, match=words) as raised:
        parse_yaml(text)
    assert time.monotonic() - begun < 1
    assert raised.value.fix
    assert "<" not in str(raised.value), "it is a file, and no <unicode string>"


def test_what_is_read_is_what_yaml_says() -> None:
    """Aliases, merge keys that are overridden, and numbers within the limits; dates stay text."""
    text = (
        "base: &base {a: 1, b: 2}\nown: {<<: *base, b: 3}\nboth: [*base, *base]\n"
        "day: 2026-01-01\nn: -1.5e3\nhex: 0x1F\ntext: !!str 7\nnothing:\n"
    )
    assert parse_yaml(text) == {
        **{key: value for key, value in yaml.safe_load(text).items() if key != "day"},
        "day": "2026-01-01",
    }
    assert parse_yaml("") is None


def test_the_limit_of_aliases_is_counted_by_use() -> None:
    """Three uses of two nodes are six."""
    text = "a: &a [x]\nb: [*a, *a, *a]"
    parse_yaml(text, aliased=6)
    with pytest.raises(YamlFault, match="more than 5 nodes"):
        parse_yaml(text, aliased=5)


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    """A file of 10^90 nodes is refused in a process of 600 MB of address space."""
    file = tmp_path / "bomb.yaml"
    file.write_text(bomb(90))
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (600_000_000, 600_000_000))\n"
        "from pathlib import Path; from quality.yaml_text import YamlFault, read_yaml\n"
        f"try: read_yaml(Path({str(file)!r}))\nexcept YamlFault as fault: print(fault)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert "more than 10,000 nodes" in found.stdout


def test_contracts_of_many_columns_are_within_the_limit(tmp_path: Path) -> None:
    """5,000 properties with nine nodes each."""
    file = tmp_path / "wide.yaml"
    file.write_text("".join(f"- {{name: c{n}, a: 1, b: 2, c: 3}}\n" for n in range(5_000)))
    document, content = read_yaml(file)
    assert isinstance(document, list)
    assert len(document) == 5_000
    assert content == file.read_bytes()


def test_no_other_module_reads_yaml() -> None:
    """YAML is parsed in one module of the platform."""
    found = [
        str(file.relative_to(ROOT))
        for room in ("mesh_pipelines", "quality", "resources", "domains")
        for file in sorted((ROOT / room).rglob("*.py"))
        if "tests" not in file.relative_to(ROOT).parts
        and re.search(r"yaml\.\w*load", file.read_text(encoding="utf-8"))
    ]
    assert found == ["quality/yaml_text.py"]
