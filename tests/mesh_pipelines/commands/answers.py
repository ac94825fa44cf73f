"""A function of the platform that answers what a test gives it."""

from __future__ import annotations

import pytest


def answer(monkeypatch: pytest.MonkeyPatch, place: object, name: str, value: object) -> None:
    """Let one function of the platform answer ``value``, or raise it."""

    def function(*_args: object, **_options: object) -> object:
        if isinstance(value, Exception):
            raise value
        return value

    monkeypatch.setattr(place, name, function)
