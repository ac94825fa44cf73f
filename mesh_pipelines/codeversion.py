"""The code version of an asset: a hash of what its module says, whatever its comments and layout."""

from __future__ import annotations

import ast
import hashlib
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType


def code_version(module: str, package: str) -> str:
    """Hash a module and those modules of the same package that it imports.

    Args:
        module: dotted name of the module that declares the asset; it has been imported.
        package: dotted name of the domain's package; code outside of it does not count.

    Returns:
        Twelve hexadecimal digits that change when the syntax tree changes, and not with comments or layout.
    """
    digest = hashlib.sha256()
    for name in sorted(_closure(module, package)):
        digest.update(name.encode())
        digest.update(_tree_digest(name))
    return digest.hexdigest()[:12]


def _closure(module: str, package: str) -> set[str]:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in sys.modules:
            continue
        seen.add(name)
        for value in vars(sys.modules[name]).values():
            origin = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
            if isinstance(origin, str) and origin.startswith(package + "."):
                waiting.append(origin)
    return seen


@lru_cache(maxsize=1024)
def _tree_digest(name: str) -> bytes:
    file = getattr(sys.modules[name], "__file__", None)
    if not file:
        return b""
    tree = ast.parse(Path(file).read_bytes())
    return hashlib.sha256(ast.dump(tree).encode()).digest()
