"""The whole grammar of JSON lines, to find the line at which the parser of the values has failed."""

from __future__ import annotations

import json
import math

from mesh_pipelines.landing.records import MalformedFile


def judge_syntax(block: bytes, line: int) -> None:
    """Hold each line against the whole grammar, and its numbers against the range of a double (RFC 8259, section 6).
    Raises MalformedFile: a line is no JSON text, in words that hold nothing of it.
    """
    for number, text in enumerate(block.split(b"\n"), line):
        if not text.strip(b" \t\r"):
            continue
        try:
            json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_readable)
        except json.JSONDecodeError as error:
            place = f"{error.msg[0].lower()}{error.msg[1:]}, at character {error.colno:,}"
            raise MalformedFile(f"is not one whole JSON object: {place}", number) from None
        except OverflowError:
            what = "holds a number beyond the range of a double, an integer of more than 38 digits, or NaN"
            raise MalformedFile(what, number) from None
        except RecursionError:
            raise MalformedFile("holds lists or objects in great depth", number) from None


def _refuse_constant(name: str) -> None:
    raise OverflowError(name)


def _readable(digits: str) -> int:
    _finite(digits)
    if (
        not -(2**127) <= (value := int(digits)) < 2**128
    ):  # beyond it, the parser of the values refuses the line
        raise OverflowError
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise OverflowError
    return value
