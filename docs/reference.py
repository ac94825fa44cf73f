"""Writes the words of a domain into docs/reference.md again, from their docstrings.

python docs/reference.py
"""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import mesh_pipelines
from mesh_pipelines.declaring.model_spec import ModelSpec

PAGE = Path(__file__).resolve().parent / "reference.md"
BEGIN, END = "<!-- words: begin -->", "<!-- words: end -->"
WORDS = (
    *("source", "sql_source", "data_product", "Port", "provenance", "sql", "feature_set"),
    *("totals_as_of", "latest_as_of", "values_at", "angle_of_year"),
    *("model", "Gate", "Retrain", "Watch", "predictions", "domain"),
)
_GIVEN_BY_THE_FEATURE_SET = {"key", "time", "entity"}


def words() -> str:
    """All words of a domain, as markdown."""
    return "\n\n".join(_word(name) for name in WORDS)


def _word(name: str) -> str:
    word = getattr(mesh_pipelines, name)
    about, arguments = _docstring(word)
    parts = [f"### {name}", _signature(name, _parameters(word)), about, _listed(arguments)]
    if name == "model":
        known = _parameters(word)
        more = [
            given
            for given in _parameters(ModelSpec)
            if given.name not in {each.name for each in known} | _GIVEN_BY_THE_FEATURE_SET
        ]
        found = _docstring(ModelSpec)[1]
        parts += [
            "Its further options:",
            _signature("model", more, "..."),
            _listed({given.name: found[given.name] for given in more if given.name in found}),
        ]
    return "\n\n".join(part for part in parts if part)


def _parameters(word: Any) -> list[inspect.Parameter]:
    made = {each.name: each.default_factory for each in fields(word)} if is_dataclass(word) else {}
    return [
        each if (factory := made.get(each.name, MISSING)) is MISSING else each.replace(default=factory())
        for each in inspect.signature(word).parameters.values()
    ]


def _signature(name: str, parameters: list[inspect.Parameter], first: str = "") -> str:
    given, starred = [first] if first else [], False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            given.append("*")
            starred = True
        prefix = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        text = f"{prefix}{parameter.name}: {parameter.annotation}"
        given.append(
            text if parameter.default is parameter.empty else f"{text} = {_default(parameter.default)}"
        )
    line = f"{name}({', '.join(given)})"
    if len(line) > 100:
        line = f"{name}(\n" + "".join(f"    {each},\n" for each in given) + ")"
    return f"```python\n{line}\n```"


def _default(value: Any) -> str:
    return repr(value)


def _docstring(word: Any) -> tuple[str, dict[str, str]]:
    """The text of a docstring, and its arguments by name."""
    text = _markdown(inspect.getdoc(word) or "")
    about, _, rest = text.partition("\nArgs:\n")
    about, _, raises = about.partition("\nRaises:\n")
    rest, _, raises = rest.partition("\nRaises:\n") if rest else ("", "", raises)
    arguments: dict[str, str] = {}
    for name, said in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", rest, re.MULTILINE):
        arguments[name] = " ".join(said.split())
    about = "\n\n".join(" ".join(part.split()) for part in about.split("\n\n"))
    return about.strip(), arguments


def _markdown(text: str) -> str:
    text = re.sub(r":\w+:`(?:~[\w.]+\.)?([\w.]+)`", r"`\1`", text)
    return text.replace("``", "`")


def _listed(arguments: dict[str, str]) -> str:
    return "\n".join(f"- `{name}`: {about}" for name, about in arguments.items())


def page() -> str:
    """The page with its words as they are in the code."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{words()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
