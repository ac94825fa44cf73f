"""Trains one round on rows that are made up, through XGBoost's C API: some parameters are refused only by training."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mesh_pipelines.modeling.parameters import xgboost_library

_ROWS = 8
_KINDS = {"number": b"q", "boolean": b"i", "text": b"c"}


def fault_of_training(params: Mapping[str, Any], names: Sequence[str], kinds: Sequence[str]) -> str:
    """The reason in words why XGBoost cannot train with these parameters on such features; empty where it can."""
    bad = [name for name in names if set(name) & set("[]<")]
    if bad:
        return f"XGBoost takes no feature whose name holds [, ] or <: {', '.join(bad)}"
    library = xgboost_library()
    width, booster, matrix = len(names), ctypes.c_void_p(), ctypes.c_void_p()
    values = (ctypes.c_float * (_ROWS * width))(*(float(i // width % 2) for i in range(_ROWS * width)))
    first = 0 if str(params.get("objective", "")).startswith("binary") else 1  # some objectives take no zero
    labels = (ctypes.c_float * _ROWS)(*(float(first + i % 2) for i in range(_ROWS)))
    types = (ctypes.c_char_p * width)(*(_KINDS[kind] for kind in kinds))
    size = ctypes.c_uint64
    steps: list[tuple[Any, ...]] = [
        (
            library.XGDMatrixCreateFromMat,
            values,
            size(_ROWS),
            size(width),
            ctypes.c_float(-1),
            ctypes.byref(matrix),
        ),
    ]
    try:
        if fault := _fault(library, steps):
            return fault
        steps = [
            (library.XGDMatrixSetFloatInfo, matrix, b"label", labels, size(_ROWS)),
            (library.XGDMatrixSetStrFeatureInfo, matrix, b"feature_type", types, size(width)),
            (library.XGBoosterCreate, (ctypes.c_void_p * 1)(matrix), size(1), ctypes.byref(booster)),
        ]
        if fault := _fault(library, steps):
            return fault
        for name, value in {**params, "nthread": 1, "verbosity": 0}.items():
            library.XGBoosterSetParam(booster, name.encode(), str(value).encode())
        return _fault(library, [(library.XGBoosterUpdateOneIter, booster, ctypes.c_int(0), matrix)])
    finally:
        if booster:
            library.XGBoosterFree(booster)
        if matrix:
            library.XGDMatrixFree(matrix)


def _fault(library: Any, steps: Sequence[tuple[Any, ...]]) -> str:
    for call, *given in steps:
        if call(*given):
            return _refusal(library.XGBGetLastError().decode(errors="replace"))
    return ""


def _refusal(message: str) -> str:
    """XGBoost's error in one line, without its place in C++."""
    line = next((line.strip() for line in message.splitlines() if line.strip()), "unknown")
    words = re.sub(r"^\[[\d:]+\] |^\S+\.(?:cc|cu|h):\d+: |^Check failed: ", "", line)
    while words != line:
        line, words = words, re.sub(r"^\S+\.(?:cc|cu|h):\d+: |^Check failed: ", "", words)
    return f"XGBoost refuses to train with its params: {words[:200]}"
