"""``mesh demo``: real files land, the whole mesh runs."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_pipelines.commands.app import Json, example, exit_with, mesh_command, print_json
from mesh_pipelines.commands.run import bring_up_to_date, run_document

demo_app = typer.Typer()


@demo_app.callback(invoke_without_command=True, epilog=example("mesh demo", "mesh demo land 2013-10"))
def demo(ctx: typer.Context, as_json: Json = False) -> None:
    """Land January to September 2013, run the whole mesh, and show what came of it.

    Typed twice, it does nothing twice: what has not changed is up to date.
    """
    if ctx.invoked_subcommand:
        return
    from mesh_pipelines.commands.demo_data import FIRST_MONTHS, land
    from mesh_pipelines.reporting import terminal
    from mesh_pipelines.reporting.status import read_state
    from mesh_pipelines.shared import shared_resources

    shared = shared_resources()
    # It takes longer to get ready than planning does.
    with shared.auditor.beside():
        land(FIRST_MONTHS, shared.settings.landing_folder)
        report = bring_up_to_date((), partition=None, force=False)
    mesh = read_state()
    if as_json:
        print_json({"run": run_document(report), "state": mesh.to_json()})
    else:
        terminal.show(terminal.state(mesh), terminal.run_summary(report), terminal.troubles(report.steps))
        if report.ok:
            trained = next((m.key for m in reversed(mesh.models) if m.champion), None)
            terminal.show("", terminal.commands("What to do next:", _next_steps(trained)))
    exit_with(report.ok)


@demo_app.command("land", epilog=example("mesh demo land 2013-10"))
def demo_land(
    months: Annotated[list[str], typer.Argument(help="Months of 2013, as 2013-10.", metavar="MONTH")],
) -> None:
    """Let the outside world land more months of real files; `mesh run` then makes what they change."""
    from mesh_pipelines.commands.demo_data import land
    from mesh_pipelines.reporting import terminal
    from resources.settings import get_settings

    landed = land(months, get_settings().landing_folder)
    terminal.show(
        *(
            f"{'landed   ' if file.changed else 'unchanged'}  {file.path}  {file.rows:,} rows"
            for file in landed
        ),
        terminal.commands("What to do next:", [(f"{mesh_command()} run", "make what these files change")]),
    )


def _next_steps(model: str | None) -> list[tuple[str, str]]:
    mesh = mesh_command()
    lines = [
        (f"{mesh} ui", "see the lineage, checks and plots in a browser"),
        (f"{mesh} demo land 2013-10 && {mesh} run", "one more month: only what it changes is made"),
        (f"{mesh} new domain revenue", "add a domain of your own"),
    ]
    if model:
        lines[1:1] = [
            (f"{mesh} show {model}", "one model: metrics, inputs, gate"),
            (f"{mesh} rebuild {model}@1", "train it again and compare the bytes"),
        ]
    return lines
