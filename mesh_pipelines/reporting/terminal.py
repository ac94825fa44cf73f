"""The mesh on a terminal: tables, cards and errors that fit 100 columns; plain text where there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.segment import Segment
from rich.table import Table as Grid
from rich.text import Text

from mesh_pipelines.errors import DefinitionError, MeshError, Violation
from mesh_pipelines.modeling.rebuild import RebuildReport
from mesh_pipelines.reporting.reports import Card, MeshState, ModelVersionState, ProductState, SourceState
from quality.markup import printable

if TYPE_CHECKING:
    from mesh_pipelines.orchestration.run_report import RunReport, StepReport

WIDTH = 100
"""Columns that every table fits into."""

LONGEST_KEY = 40
"""A key up to this length is never folded."""

NOTHING = "-"

STATUS_STYLES = {
    "done": "green",
    "up to date": "dim",
    "failed": "bold red",
    "skipped": "yellow",
    "waiting": "yellow",
    "refused": "bold red",
}


class _PlainConsole(Console):
    """A console that shows control characters of file names, headers and values, and obeys none of them."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def console(file: IO[str] | None = None) -> Console:
    """A console on ``file`` (default: standard output as it is now), at most ``WIDTH`` columns wide."""
    screen = Console(file=file or sys.stdout, markup=False, highlight=False, emoji=False)
    return _PlainConsole(
        file=file or sys.stdout,
        width=min(screen.width, WIDTH) if screen.is_terminal else WIDTH,
        markup=False,
        highlight=False,
        emoji=False,
    )


def show(*parts: RenderableType, file: IO[str] | None = None) -> None:
    """Print what the functions of this module return."""
    out = console(file)
    for part in parts:
        out.print(part)


def failure(error: MeshError, *, terminal: bool) -> RenderableType:
    """The problem, its place and the remedy.

    Args:
        terminal: draws a frame around it; without, each part is a line that ``grep`` finds.
    """
    if isinstance(error, DefinitionError):
        return violations(error.violations)
    # A frame would break a long path in two, and nobody could copy it: the place gets a line of its own.
    title = "The mesh says no" if type(error) is MeshError else _words(type(error).__name__)
    parts = [Text(error.what, style="bold")]
    if error.where:
        parts.append(Text.assemble(("where   ", "dim"), error.where, overflow="fold"))
    if error.remedy:
        parts.append(Text.assemble(("remedy  ", "dim"), error.remedy))
    if terminal:
        return Panel(Group(*parts), title=title, title_align="left", border_style="red")
    return Group(Text(f"error: {title}"), *parts)


def violations(found: Sequence[Violation], notes: Sequence[str] = ()) -> RenderableType:
    """Every broken rule: place, problem, rule, fix; then what could not be checked."""
    parts: list[RenderableType] = []
    for violation in found:
        parts.append(Text.assemble((violation.where, "bold"), overflow="fold"))
        parts.append(
            Padding(Text.assemble(violation.problem, (f"  [{violation.rule}]", "dim")), (0, 0, 0, 2))
        )
        parts.append(Padding(Text.assemble(("fix: ", "green"), violation.fix), (0, 0, 0, 2)))
    parts += [Text(f"note: {note}", style="dim", overflow="fold") for note in notes]
    if found:
        parts.append(Text(f"{count(len(found), 'violation')} found", style="bold red"))
    else:
        parts.append(Text("Every contract, domain and code location is sound."))
    return Group(*parts)


def run_summary(report: RunReport) -> RenderableType:
    """One sentence: number of steps, duration, and the share of the time that was overhead."""
    if all(step.status == "up to date" for step in report.steps):
        return Text(f"Nothing to do: everything is up to date ({report.seconds:.1f} s to see that).")
    words = ", ".join(
        f"{number} {status}"
        for status in STATUS_STYLES
        if (number := sum(step.status == status for step in report.steps))
    )
    share = report.overhead_seconds / report.seconds if report.seconds else 0.0
    return Group(
        Text(f"{count(len(report.steps), 'step')}: {words}.", style="" if report.ok else "bold red"),
        Text(
            f"It took {report.seconds:.1f} s; {report.overhead_seconds:.1f} s of it ({share:.0%}) was not "
            "reading, auditing, training or writing."
        ),
        Text(f"{report.starting_seconds:.1f} s of that passed before the first step."),
    )


def troubles(steps: Sequence[StepReport]) -> RenderableType:
    """The steps that were not made, each with its reason in full."""
    parts: list[RenderableType] = []
    for step in steps:
        if step.status in ("failed", "skipped", "waiting", "refused"):
            parts.append(Text(f"{step.key}: {step.status}", style=STATUS_STYLES[step.status]))
            parts.append(Padding(Text(step.message), (0, 0, 0, 2)))
    return Group(*parts)


def refused(found: Mapping[str, Sequence[Violation]]) -> RenderableType:
    """Domains and assets that are left out, and the violations for it, each once."""
    head = Text(f"left out until mended, and what is published of it stays: {', '.join(sorted(found))}")
    return Group(head, violations(list(dict.fromkeys(v for faults in found.values() for v in faults))))


def state(mesh: MeshState) -> RenderableType:
    """Products and models as they stand."""
    if mesh.refused and not mesh.products and not mesh.models:
        return Text("No product or model of this mesh is sound.")
    if not mesh.products and not mesh.models:
        if mesh.sources:
            return sources(mesh.sources)
        return Text(
            "This mesh has no product or model yet: `mesh new domain NAME` writes a domain that works."
        )
    tables = (products(mesh.products), *((models(mesh),) if mesh.models else ()), lags(mesh))
    return Group(*tables, *((sources(mesh.sources),) if mesh.sources else ()))


def products(found: Sequence[ProductState]) -> RenderableType:
    """One line per published table."""
    keys = [product.key for product in found]
    grid = _grid(
        "product", ">version", ">rows", ">quarantined", ">checks", ">contract", "published (UTC)", keys=keys
    )
    for product in found:
        if product.version is None:
            grid.add_row(product.key, *[NOTHING] * 5, Text("not yet", style="dim"))
            continue
        held = product.checks_passed == product.checks_total
        grid.add_row(
            product.key,
            str(product.version),
            f"{product.rows:,}",
            Text(f"{product.quarantined:,}", style="yellow" if product.quarantined else ""),
            Text(f"{product.checks_passed}/{product.checks_total}", style="green" if held else "bold red"),
            product.contract_version or NOTHING,
            _when(product.published_at),
        )
    return grid


def sources(found: Sequence[SourceState]) -> RenderableType:
    """One line per source that has rows in quarantine, with the command that shows them."""
    grid = _grid("rows refused of", ">quarantined", "shown by", keys=[source.key for source in found])
    for source in found:
        number = "cannot be read" if source.quarantined is None else f"{source.quarantined:,}"
        grid.add_row(source.key, Text(number, style="yellow"), f"mesh show {source.key} --refused")
    return grid


def models(mesh: MeshState) -> RenderableType:
    """One line per model version in use or refused, its metrics beside the naive baseline's."""
    keys = [model.key for model in mesh.models]
    grid = _grid("model", ">version", "stands as", "metric", "baseline", "why", keys=keys)
    for model in mesh.models:
        if model.champion is None and model.challenger is None:
            grid.add_row(model.key, NOTHING, Text("not trained", style="dim"), *[NOTHING] * 3)
        for name, style, version in (
            ("champion", "bold green", model.champion),
            ("challenger", "yellow", model.challenger),
        ):
            if version is not None:
                measured, naive = _metrics(version)
                grid.add_row(
                    model.key, str(version.version), Text(name, style), measured, naive, version.reason
                )
    return grid


def lags(mesh: MeshState) -> RenderableType:
    """One line per product and model: the reach of its data, and its delay."""
    found = [(product.key, product.lag, product.version is not None) for product in mesh.products]
    found += [(model.key, model.lag, bool(model.champion or model.challenger)) for model in mesh.models]
    keys = [key for key, *_ in found]
    grid = _grid("how far behind", "data until", "landed until", ">waiting", "why", keys=keys)
    for key, lag, made in found:
        why = [*lag.behind, *([lag.late] if lag.late else [])]
        still = "up to date" if made else "there is nothing yet to make it of"
        grid.add_row(
            key,
            lag.until[:10] or NOTHING,
            lag.landed_until or NOTHING,
            str(lag.waiting or NOTHING),
            Text("; ".join(why), style="yellow") if why else Text(still, style="dim"),
        )
    return grid


def card(found: Card) -> RenderableType:
    """The card of one product or model."""
    parts: list[RenderableType] = [Text.assemble((found.title, "bold"), ("  " + found.stage, "dim"))]
    if found.summary:
        parts.append(Text(found.summary))
    for section in found.sections:
        parts += [Text(), Rule(section.heading, align="left", style="dim", characters="-")]
        grid = Grid.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for label, value in section.fields:
            grid.add_row(Text(label), Text(value))
        parts.append(grid)
    for table in found.tables:
        parts += [Text(), Rule(table.heading, align="left", style="dim", characters="-")]
        grid = _grid(*table.columns)
        for row in table.rows:
            grid.add_row(*(Text(cell) for cell in row))
        parts.append(grid)
    return Group(*parts)


def rebuild(report: RebuildReport) -> RenderableType:
    """The result of a rebuild, with both sums."""
    verdict = (
        Text("The same bytes: this model is what its record says.", style="green")
        if report.same
        else Text("Other bytes: this model is not what its record makes.", style="bold red")
    )
    fields = Grid.grid(padding=(0, 2))
    for label, value in (
        ("recorded sha256", report.recorded),
        ("rebuilt sha256", report.rebuilt),
        ("took", f"{report.seconds:.1f} s"),
        ("because", report.detail),
    ):
        if value:
            fields.add_row(Text(label, style="dim"), Text(value))
    return Group(Text(f"{report.key}@{report.version}", style="bold"), fields, verdict)


def commands(heading: str, lines: Sequence[tuple[str, str]]) -> RenderableType:
    """Commands to type next; a command is never folded, so that it can be copied."""
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for command, purpose in lines:
        grid.add_row(Text("  " + command, style="bold"), Text(purpose))
    return Group(Text(heading), grid)


def count(number: int, noun: str) -> str:
    """``1 step``, ``2 steps``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _grid(*columns: str, keys: Iterable[str] = ()) -> Grid:
    """A table without frame; a column whose name starts with ``>`` is flush right.

    Args:
        columns: the headings.
        keys: cells of the first column that should stay in one piece, so that they can be copied.
    """
    grid = Grid(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    whole = min(max((len(key) for key in keys), default=0), LONGEST_KEY) or None
    for place, column in enumerate(columns):
        right = column.startswith(">")
        grid.add_column(
            Text(column.removeprefix(">")),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
            min_width=whole if place == 0 else None,
        )
    return grid


def _metrics(version: ModelVersionState) -> tuple[str, str]:
    names = [name for name in version.metrics if name in version.baseline] or list(version.metrics)[:1]
    measured = "\n".join(f"{name} {version.metrics[name]:.4g}" for name in names) or NOTHING
    naive = (
        "\n".join(f"{version.baseline[name]:.4g}" for name in names if name in version.baseline) or NOTHING
    )
    return measured, naive


def _when(moment: datetime | None) -> str:
    return NOTHING if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _words(name: str) -> str:
    """``AuditRefused`` as ``Audit refused``."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return spaced.capitalize()
