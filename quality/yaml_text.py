"""The one way to read YAML: contracts, ``domain.yaml``, ``workspace.yaml``, and YAML within a contract.

The text is first read as a stream of events, in memory that does not grow with what its aliases stand for: a file of
nine lines may name itself a thousand million times. Only a text within the limits is built as objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ALIASED = 10_000
"""Nodes that the aliases of a text may stand for together; ten times as many may be written out."""
DEPTH = 100
"""Lists and mappings within each other."""
BYTES = 10_000_000
_NUMBER = 100
"""Characters of a number: Python reads a longer one in quadratic time, or refuses it."""
_TEXT = "tag:yaml.org,2002:str"
_SHOWN = 40


class YamlFault(ValueError):
    """Error of a text that is not read: the fault with its line, and what to write instead."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}; {fix}")
        self.problem, self.fix = problem, fix


class _Loader(yaml.CSafeLoader):
    """Safe YAML in which dates stay text, as ODCS wants them."""

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        if len(node.value) > _NUMBER:
            raise _fault(f"has a number of {len(node.value):,} characters", node, "quote it")
        integer = node.tag == "tag:yaml.org,2002:int"
        return self.construct_yaml_int(node) if integer else self.construct_yaml_float(node)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
for _tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
    _Loader.add_constructor(_tag, _Loader.construct_number)


def read_yaml(path: Path, *, aliased: int = ALIASED) -> tuple[object, bytes]:
    """The document of a file, and the bytes it was read from.

    Raises:
        YamlFault: it is not read, see :func:`parse_yaml`.
        OSError: the file is missing or cannot be read.
    """
    with path.open("rb") as handle:
        content = handle.read(BYTES + 1)
    return parse_yaml(content, aliased=aliased), content


def parse_yaml(content: bytes | str, *, aliased: int = ALIASED) -> object:
    """The one document of a text.

    Args:
        aliased: nodes that its aliases may stand for together, each counted as often as it is used.

    Raises:
        YamlFault: it is not UTF-8, not YAML, has a key twice in one mapping, a tag, a second document, or is beyond a
            limit: of size, depth, nodes as written or nodes that aliases stand for.
    """
    if len(content) > BYTES:
        raise YamlFault(f"is larger than {BYTES:,} bytes, the limit of YAML", "split it, or write less")
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
    except UnicodeDecodeError:
        raise YamlFault("the file is not UTF-8 text", "save it as UTF-8") from None
    try:
        _judge(text, aliased)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except YamlFault:
        raise
    except (yaml.YAMLError, ValueError) as error:
        raise YamlFault(f"the file is not YAML: {_words_of(error)}", "mend the YAML") from None


@dataclass
class _Open:
    """A list or mapping that has begun.

    Args:
        parts: nodes directly in it so far; in a mapping every other one is a key.
        nodes: in it so far, those of its aliases among them.
    """

    anchor: str | None
    keys: set[str] | None
    parts: int = 0
    nodes: int = 1


@dataclass
class _Judge:
    """The events of a text so far, counted against the limits."""

    aliased: int
    written: int = 0
    stood_for: int = 0
    path: list[_Open] = field(default_factory=list["_Open"])
    sizes: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._take_alias(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = self.path.pop()
            self._add(ended.anchor, ended.nodes)
        elif isinstance(event, yaml.NodeEvent):
            self._take_node(event)

    def _take_alias(self, event: yaml.AliasEvent) -> None:
        self._next(None, event)
        size = self.sizes.get(str(event.anchor), 0)
        if not size:
            raise _fault(
                "has an alias within what it stands for, or of nothing", event, "write the value itself"
            )
        self.stood_for += size
        if self.stood_for > self.aliased:
            raise _fault(
                f"has aliases that stand for more than {self.aliased:,} nodes together",
                event,
                "write the values themselves; who needs more raises MESH_YAML_ALIASES",
            )
        self._add(None, size)

    def _take_node(self, event: Any) -> None:
        if event.tag not in (None, "!", _TEXT):
            raise _fault("has a tag, and only plain YAML is read", event, "leave the tag out")
        self.written += 1
        if self.written > 10 * self.aliased:
            raise _fault(
                f"has more than {10 * self.aliased:,} nodes",
                event,
                "split it; who needs more raises MESH_YAML_ALIASES, of which this is ten times",
            )
        if isinstance(event, yaml.ScalarEvent):
            self._next(event.value, event)
            self._add(event.anchor, 1)
            return
        self._next(None, event)
        if len(self.path) == DEPTH:
            raise _fault(f"has more than {DEPTH} lists or mappings within each other", event, "write it flat")
        if event.anchor:
            self.sizes.pop(event.anchor, None)  # until it has ended it stands for nothing
        self.path.append(_Open(event.anchor, set() if isinstance(event, yaml.MappingStartEvent) else None))

    def _next(self, text: str | None, event: Any) -> None:
        """Note the next node of the innermost list or mapping; ``text`` is that of a scalar."""
        if not self.path:
            return
        within = self.path[-1]
        if within.keys is not None and within.parts % 2 == 0 and text is not None:
            if text in within.keys:
                raise _fault(f"`{_short(text)}` is written twice", event, "keep one of the two")
            within.keys.add(text)
        within.parts += 1

    def _add(self, anchor: str | None, nodes: int) -> None:
        if anchor:
            self.sizes[anchor] = nodes
        if self.path:
            self.path[-1].nodes += nodes


def _judge(text: str, aliased: int) -> None:
    loader = _Loader(text)
    judge, documents = _Judge(aliased), 0
    try:
        while loader.check_event():
            event: Any = loader.get_event()
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise _fault("has a second document", event, "keep one document a file")
            judge.take(event)
    finally:
        loader.dispose()


def _fault(problem: str, place: Any, fix: str) -> YamlFault:
    return YamlFault(f"{problem} (line {place.start_mark.line + 1:,})", fix)


def _words_of(error: Exception) -> str:
    """An error of PyYAML with its place first: ``line 44, column 2: did not find expected ':'``."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or not problem:
        return " ".join(str(error).replace('in "<unicode string>", ', "").split())
    context = getattr(error, "context", None)
    return (
        f"line {mark.line + 1:,}, column {mark.column + 1:,}: {problem}{f' ({context})' if context else ''}"
    )


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
