"""Slices of real data, as the tests of the domains have them."""

from __future__ import annotations

from domains.conftest import home as home
from domains.conftest import landing as landing
from domains.conftest import read_source as read_source
