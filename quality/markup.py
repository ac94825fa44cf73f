"""Values on a page of HTML: masked before another library renders them, and escaped once in what it wrote.

Whatever that library does with a text (templates of its own, Markdown, attributes, no escaping at all), a masked
one has no character that means anything to it.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_FIRST = 0xE100
"""The masks are characters of private use from here on, one for each of ASCII."""
_SPECIAL = "<>&\"'`$\\{}[]()*|~!#@"
_MASKS = {ord(char): chr(_FIRST + ord(char)) for char in _SPECIAL}
_PLAIN = {ord(mask): chr(char) for char, mask in _MASKS.items()}
_ESCAPED = {mask: f"&#{ord(char)};" for mask, char in _PLAIN.items()}
_IN_A_REPR = re.compile(rf"\\u({_FIRST >> 8:x}[0-9a-f]{{2}})")


def mask(value: Any) -> Any:
    """A value whose texts, however deep, have masks for characters of markup, and none that only control a terminal."""
    match value:
        case str():
            return printable(value.translate(dict.fromkeys(_PLAIN, "\ufffd"))).translate(_MASKS)
        case Mapping():
            return {name: mask(inner) for name, inner in value.items()}
        case list() | tuple():
            return [mask(inner) for inner in value]
        case _:
            return value


def unmask(text: str) -> str:
    """A page of HTML with what was masked as text, escaped."""
    # Python writes a character of private use within a list as an escape sequence.
    return _IN_A_REPR.sub(lambda found: chr(int(found[1], 16)), text).translate(_ESCAPED)


def printable(text: str) -> str:
    """A text without control characters and without those that turn the direction of what follows."""
    if text.isprintable():
        return text
    return "".join(
        char
        if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs")
        else f"\\x{ord(char):02x}"
        for char in text
    )


def markdown_cell(text: str) -> str:
    """A text as one cell of a table in Markdown: no markup, no HTML, no line of its own."""
    escaped = html.escape(printable(" ".join(text.split())), quote=False)
    return "".join(f"\\{char}" if char in "\\`[]|" else char for char in escaped)
