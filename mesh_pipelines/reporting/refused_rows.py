"""``mesh show KEY --refused``: the rows that a source or product has in quarantine."""

from __future__ import annotations

import polars as pl

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import SelectionError
from mesh_pipelines.governance.load_mesh import load_sound_mesh
from mesh_pipelines.landing.landed import FILE, ROW
from mesh_pipelines.publishing.quarantine import QUARANTINE
from mesh_pipelines.reporting.reports import Card, ReportTable, Section
from mesh_pipelines.shared import shared_resources
from quality.contract import Contract
from quality.outcome import RULES

SHOWN = 20
"""Rows that are shown."""
_LONGEST = 60
_HIDDEN = "(classified)"


def describe_refused(key: str) -> Card:
    """The rows in quarantine beside the newest version: place, broken rules, and values of public columns.

    Raises:
        SelectionError: nothing in the mesh has that key, or it has no contract by which rows are refused.
    """
    from mesh_pipelines.governance.load_mesh import project_root

    node = load_sound_mesh(project_root()).node(key)
    if node.contract is None:
        raise SelectionError(
            f"{key} has no contract, and only a contract refuses rows",
            remedy="name a source, a product or predictions",
        )
    lake, table = shared_resources().lake, key + QUARANTINE
    record = shared_resources().record(table)
    if record is None or not record.rows:
        return Card(key, node.stage, "", [Section("Refused", [("rows", "none is in quarantine")])])
    shown = _shown_columns(node.contract)
    order = [FILE, ROW]
    with lake.reading(table, record.version):
        frame = lake.scan(table, record.version, columns=[*order, RULES, *shown])
        rows = frame.bottom_k(SHOWN, by=[pl.col(name) for name in order]).sort(order).collect()
    fields = [
        ("rows", f"{record.rows:,} in quarantine" + _only_first(record.rows)),
        ("since", record.published_at.isoformat(timespec="seconds")),
        ("values", _rule_of_values(node, node.contract)),
    ]
    lines = [_line(row, node.contract, shown) for row in rows.iter_rows(named=True)]
    return Card(
        key,
        node.stage,
        "",
        [Section("Refused", [(name, text) for name, text in fields if text])],
        [ReportTable("Rows in quarantine", ("broken rules", "file", "row", "values"), lines)],
    )


def _only_first(rows: int) -> str:
    return f", of which the first {SHOWN} are shown" if rows > SHOWN else ""


def _shown_columns(contract: Contract) -> list[str]:
    """Columns whose refused values may be shown: the public ones, and of what landed only where all are public.

    In a line that is shifted, the value of a classified column stands in a public one.
    """
    if contract.is_source and not contract.all_public:
        return []
    return [column.name for column in contract.columns if column.name in contract.public]


def _rule_of_values(node: Node, contract: Contract) -> str:
    if contract.all_public:
        return ""
    if contract.is_source:
        return "not shown: some columns are classified, and a shifted line has their values in others"
    return f"only those of columns that the contract of {node.name} calls public"


def _line(row: dict[str, object], contract: Contract, shown: list[str]) -> tuple[str, str, str, str]:
    rules = row[RULES]
    values = [
        f"{column.name}: {_short(row[column.name]) if column.name in shown else _HIDDEN}"
        for column in contract.columns
    ]
    place = "" if row[ROW] is None else str(row[ROW])
    broken = ", ".join(map(str, rules)) if isinstance(rules, list) else ""
    return broken, str(row[FILE] or ""), place, "\n".join(values)


def _short(value: object) -> str:
    text = "(null)" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
