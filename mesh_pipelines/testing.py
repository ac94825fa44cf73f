"""For tests of a domain: a temporary home and workspace, landed rows, and a check of a contract."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from resources.settings import WORKSPACE, get_settings

if TYPE_CHECKING:
    import polars as pl

    from mesh_pipelines.declaring.mesh import Mesh

_ELSEWHERE = ("DAGSTER_HOME", "MLFLOW_TRACKING_URI")


@contextlib.contextmanager
def mesh_home(folder: Path) -> Generator[Path]:
    """Put everything below a folder: landing, lake, keys, MLflow, Dagster.

    Args:
        folder: the home; it need not exist. No other ``MESH_`` setting of the machine is in force meanwhile.
    """
    before = {name: value for name, value in os.environ.items() if _is_setting(name)}
    for name in before:
        del os.environ[name]
    os.environ["MESH_HOME"] = str(folder)
    get_settings.cache_clear()
    try:
        yield folder
    finally:
        for name in [name for name in os.environ if _is_setting(name)]:
            del os.environ[name]
        os.environ.update(before)
        get_settings.cache_clear()


@contextlib.contextmanager
def workspace(root: Path) -> Generator[Path]:
    """Enter a workspace: ``domains`` is the package below this folder, whatever was imported by that name before.

    Args:
        root: the folder; ``workspace.yaml`` and the package are made where they are missing.
    """
    (root / "domains").mkdir(parents=True, exist_ok=True)
    for file, text in (("domains/__init__.py", '"""The domains."""\n'), (WORKSPACE, "load_from:\n")):
        if not (root / file).exists():
            (root / file).write_text(text, encoding="utf-8")
    before = {name: module for name, module in sys.modules.items() if _is_domain(name)}
    path = list(sys.path)
    for name in before:
        del sys.modules[name]
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        with contextlib.chdir(root):
            yield root
    finally:
        for name in [name for name in sys.modules if _is_domain(name)]:
            del sys.modules[name]
        sys.modules.update(before)
        sys.path[:] = path


@contextlib.contextmanager
def small_domain(folder: Path, name: str = "machines") -> Generator[Mesh]:
    """A mesh of one small working domain, as ``mesh new domain`` writes it, with its sample landed.

    Args:
        folder: an empty folder, e.g. ``tmp_path``; it holds both the workspace and the mesh home.
        name: the domain's name.
    """
    from mesh_pipelines.governance.load_mesh import load_mesh
    from mesh_pipelines.scaffold import new_domain

    with mesh_home(folder / ".mesh"), workspace(folder):
        new_domain(name, folder)
        yield load_mesh(folder)


def read_landed(file: Path, contract: Path) -> pl.LazyFrame:
    """Rows of a landed CSV file in the types of its source's contract, as the domain's functions are given them.

    Args:
        file: the file; its columns are those of the contract.
        contract: the contract of the source, ``<name>.odcs.yaml``.
    """
    import polars as pl

    from quality.contract import load_contract
    from quality.typed import typed

    promise = load_contract(contract, stage="source")
    return typed(pl.read_csv(file, infer_schema=False).select(*promise.dtypes), promise).frame.lazy()


def assert_promise_kept(rows: pl.LazyFrame, contract: Path) -> None:
    """Hold a product's rows against the shape that its contract promises.

    Args:
        rows: what the product's function makes.
        contract: the contract of the product, ``<name>.odcs.yaml``.

    Raises:
        AssertionError: columns, their order or types are others; a key occurs twice; a required value is missing.
    """
    from quality.contract import load_contract

    promise, frame = load_contract(contract), rows.collect()
    if list(frame.schema.items()) != list(promise.dtypes.items()):
        raise AssertionError(f"promised are the columns {promise.dtypes}, there are {dict(frame.schema)}")
    if frame.select(promise.key).is_duplicated().any():
        raise AssertionError(f"{', '.join(promise.key)} does not identify a row")
    if missing := [c.name for c in promise.columns if c.required and frame[c.name].null_count()]:
        raise AssertionError(f"values are missing in {', '.join(missing)}")


def _is_setting(name: str) -> bool:
    return name.startswith("MESH_") or name in _ELSEWHERE


def _is_domain(name: str) -> bool:
    return name == "domains" or name.startswith("domains.")
