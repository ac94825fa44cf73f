"""A card as text."""

from __future__ import annotations

from mesh_pipelines.reporting.reports import Card


def text_of(card: Card) -> str:
    """All that a card says."""
    said = [f"{name}: {text}" for section in card.sections for name, text in section.fields]
    said += [" ".join(row) for table in card.tables for row in table.rows]
    return "\n".join([card.title, *said])
