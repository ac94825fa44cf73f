"""The code version of an asset: a hash of the syntax trees of its module and of what that imports from its package."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec, resolve_name
from pathlib import Path


def code_version(module: str, package: str) -> str:
    """Hash a module and those modules of its package that it imports, at its top or inside a function.

    Twelve hexadecimal digits that change when the syntax tree changes, and not with comments or layout.
    """
    digest = hashlib.sha256()
    for name, tree in sorted(_closure(module, package).items()):
        digest.update(name.encode())
        digest.update(tree)
    return digest.hexdigest()[:12]


def _closure(module: str, package: str) -> dict[str, bytes]:
    seen: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        file = None if name in seen else _file_of(name)
        if file is None:
            continue
        seen[name], imported = _read(name, file, file.stat().st_mtime_ns)
        waiting += [other for other in imported if other.startswith(package + ".")]
    return seen


def _file_of(name: str) -> Path | None:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.has_location and spec.origin else None


@lru_cache(maxsize=1024)
def _read(name: str, file: Path, changed: int) -> tuple[bytes, tuple[str, ...]]:
    tree = ast.parse(file.read_bytes())
    around = name if file.name == "__init__.py" else name.rpartition(".")[0]
    return hashlib.sha256(ast.dump(tree).encode()).digest(), tuple(_imports(tree, around))


def _imports(tree: ast.AST, around: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), around)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
