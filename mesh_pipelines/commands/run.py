"""``mesh run`` and ``mesh ui``: commands that make things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_pipelines.commands.app import Force, Json, application, example, exit_with, person, print_json
from mesh_pipelines.commands.survive import OWN_PROCESS, SentReporter, can_fork, surviving

if TYPE_CHECKING:
    from mesh_pipelines.orchestration.run_report import RunReport


run_app = application()


@run_app.command(
    epilog=example(
        "mesh run", "mesh run operations.departure_delay", "mesh run operations --partition 2013-10"
    )
)
def run(
    ctx: typer.Context,
    selection: Annotated[
        list[str] | None,
        typer.Argument(
            help="Domains or keys, each with all it needs upstream. Default: every domain.",
            metavar="SELECTION",
        ),
    ] = None,
    partition: Annotated[
        str | None, typer.Option(help="Only this partition, or a range such as 2013-01..2013-03.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Make what is out of date, in the order of its lineage."""
    if partition is not None and not partition.strip(". \t"):
        raise typer.BadParameter(
            "it names none; write it as 2013-10 or 2013-01..2013-03", param_hint="--partition"
        )
    report = bring_up_to_date(
        tuple(selection or ()), partition=partition, force=force, forks=ctx.obj is OWN_PROCESS
    )
    from mesh_pipelines.reporting import terminal  # with threads of Polars: after the fork

    if as_json:
        print_json(run_document(report))
    else:
        terminal.show(terminal.run_summary(report), terminal.troubles(report.steps))
    exit_with(report.ok)


@run_app.command(epilog=example("mesh ui", "mesh ui --port 3001"))
def ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
) -> None:
    """Start the web application and the daemon that keeps the whole mesh up to date; Ctrl-C stops both."""
    from mesh_pipelines.commands.ui import serve
    from resources.settings import get_settings

    raise typer.Exit(serve(get_settings(), host=host, port=port))


def bring_up_to_date(
    selection: tuple[str, ...], *, partition: str | None, force: bool, forks: bool = False
) -> RunReport:
    """Run a selection, its progress shown on the terminal.

    Args:
        forks: do so in a child of this process: a domain's code that ends it fails its own asset alone.
    """
    with surviving(forks=forks and can_fork()) as earlier:
        from mesh_pipelines.orchestration import run as runs
        from mesh_pipelines.reporting.progress import TerminalReporter

        with TerminalReporter() as reporter:
            sent = SentReporter(reporter, earlier)
            return runs.run(
                selection,
                partition=partition,
                force=force,
                reporter=sent,
                by=person(),
                earlier=earlier.reports,
            )


def run_document(report: RunReport) -> dict[str, Any]:
    """A run report as ``--json`` prints it."""
    return {
        "ok": report.ok,
        "seconds": round(report.seconds, 3),
        "overhead_seconds": round(report.overhead_seconds, 3),
        "starting_seconds": round(report.starting_seconds, 3),
        "runs": list(report.run_ids),
        "steps": [
            {
                "key": step.key,
                "stage": step.stage,
                "status": step.status,
                "seconds": round(step.seconds, 3),
                "work_seconds": round(step.work_seconds, 3),
                "message": step.message,
            }
            for step in report.steps
        ],
    }
