"""XGBoost's own judgement on parameters, without its Python package (which takes a second to import) and training."""

from __future__ import annotations

import ctypes
import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_UNUSED = re.compile(r"Parameters: \{ (.*) \} are not used")
_NAMED = re.compile(r"for (?:Parameter )?(\w+)")
_ALIASES = (
    "alpha", "eta", "eval_metric", "gamma", "interaction_constraints", "lambda", "monotone_constraints",
)  # fmt: skip
"""Names of parameters that XGBoost's configuration has in another form."""


_told: list[str] = []


@ctypes.CFUNCTYPE(None, ctypes.c_char_p)
def _listener(line: bytes) -> None:
    """Receive a line of XGBoost's log; it lives as long as the process, since XGBoost keeps its address."""
    _told.append(line.decode(errors="replace"))


@cache
def xgboost_library() -> Any:
    """XGBoost's shared library; its C API is stable (xgboost.readthedocs.io, "XGBoost C Package")."""
    spec = find_spec("xgboost")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("xgboost")
    library = ctypes.CDLL(str(next((Path(spec.origin).parent / "lib").glob("*xgboost.*"))))
    library.XGBGetLastError.restype = ctypes.c_char_p
    return library


Fault = tuple[str, str, Collection[str]]


def faults_of_parameters(params: Mapping[str, Any]) -> list[Fault]:
    """Parameters that XGBoost refuses or does not know: fault in words, name, and the names that it knows."""
    left, refused = dict(params), list[Fault]()
    while True:
        found = _faults_at_once(left)
        culprit = _culprit(left, found)
        if not culprit:
            return [*refused, *found]
        refused += found
        del left[culprit]


def _culprit(params: Mapping[str, Any], found: list[Fault]) -> str:
    """The parameter that XGBoost refuses before it sees the others; it may be named by its alias, or not at all."""
    if len(found) != 1 or found[0][2]:
        return ""
    if found[0][1] in params:
        return found[0][1]
    others = ({n: value for n, value in params.items() if n != name} for name in params)
    return next(
        (name for name, rest in zip(params, others, strict=True) if _faults_at_once(rest) != found), ""
    )


def _faults_at_once(params: Mapping[str, Any]) -> list[Fault]:
    library = xgboost_library()
    library.XGBRegisterLogCallback(_listener)
    _told.clear()
    booster, length, text = ctypes.c_void_p(), ctypes.c_uint64(), ctypes.c_char_p()
    library.XGBoosterCreate(None, ctypes.c_uint64(0), ctypes.byref(booster))
    try:
        # Without training rows it has to be given a number of features.
        asked = {**params, "num_feature": 1, "validate_parameters": 1, "verbosity": 1}
        for name, value in asked.items():
            library.XGBoosterSetParam(booster, name.encode(), str(value).encode())
        if library.XGBoosterSaveJsonConfig(booster, ctypes.byref(length), ctypes.byref(text)):
            return [_refusal(library.XGBGetLastError().decode(errors="replace"), params)]
        known = sorted({*_ALIASES, *_names(json.loads(text.value or b"{}"))})
    finally:
        library.XGBoosterFree(booster)
    unused = [name for names in _UNUSED.findall("".join(_told)) for name in re.findall(r'"(\w+)"', names)]
    objective = params.get("objective")
    return [
        (f"params has {name!r}, which XGBoost does not use with {objective}", name, known) for name in unused
    ]


def _refusal(message: str, params: Mapping[str, Any]) -> Fault:
    first = re.sub(r"^\[[\d:]+\] \S+: ", "", message.strip().splitlines()[0])
    named = next((name for name in _NAMED.findall(message) if name in params), "")
    return f"XGBoost refuses its params: {first}", named, ()


def _names(config: Any) -> Iterator[str]:
    if isinstance(config, dict):
        for name, value in config.items():
            if isinstance(value, str):
                yield name
            yield from _names(value)
