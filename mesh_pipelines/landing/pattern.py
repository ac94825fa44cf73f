"""The pattern of a source's file names."""

from __future__ import annotations

import re
import unicodedata

PARTITIONS = {"month": "[0-9]{4}-[0-9]{2}", "day": "[0-9]{4}-[0-9]{2}-[0-9]{2}", "year": "[0-9]{4}"}


def fault_of_pattern(pattern: str) -> str:
    """The fault of a source's pattern, in words; empty if it names files below the domain's own folder."""
    folder, _, last = pattern.rpartition("/")
    if not last or not pattern.isprintable():
        return "names no file"
    if (
        pattern.startswith(("/", "~"))
        or "\\" in pattern
        or {"", ".", ".."} & set(folder.split("/") if folder else ())
    ):
        return "leaves the domain's own folder"
    if "{" in folder or "*" in folder:
        return "has a placeholder in its folder; only the file's name may have one"
    unknown = sorted(set(re.findall(r"\{(\w*)\}", last)) - set(PARTITIONS))
    if unknown:
        return f"holds {{{unknown[0]}}}, which is no kind of partition: {', '.join(PARTITIONS)}"
    if len(re.findall(r"\{\w+\}", last)) > 1:
        return "holds more than one partition"
    return ""


def folded(name: str) -> str:
    """A name without what people overlook in it: case, blanks around it, accents as characters of their own."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def matcher(pattern: str) -> re.Pattern[str]:
    """The expression of a file's name, with a group of the name of its partition."""
    expression = ""
    for part in re.split(r"(\{\w+\}|\*)", pattern):
        if part == "*":
            expression += "[^/]*"
        elif part.startswith("{"):
            name = part[1:-1]
            expression += f"(?P<{name}>{PARTITIONS[name]})"
        else:
            expression += re.escape(part)
    return re.compile(expression, re.DOTALL)
