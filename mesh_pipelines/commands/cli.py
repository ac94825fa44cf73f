"""The `mesh` command: what domain teams, schedulers and auditors type.

Exit codes: 0 all is well; 1 the mesh says no (a violation, a failed run, an error with a remedy);
2 the command line is not understood, or names nothing in this mesh.

Each command is thin: it reads the line, calls one function of the platform and shows what comes back.
Everything heavy is imported inside it, so that help and usage errors are instant.
"""

from __future__ import annotations

import atexit
import json
import keyword
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from mesh_pipelines.errors import MeshError, SelectionError

if TYPE_CHECKING:
    from mesh_pipelines.orchestration.run import RunReport

OK: Final = 0
NO: Final = 1
USAGE: Final = 2


class MeshGroup(TyperGroup):
    """Commands whose deliberate errors end in a message and an exit code, never in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MeshError as error:
            raise _refused(error) from error
        except ValueError as error:
            # pydantic's ValidationError, told by its title: importing pydantic would slow every command.
            if getattr(error, "title", "") != "Settings":
                raise
            raise _refused(_bad_settings(error)) from error
        except Exception as error:
            told = _fault_of_storage(error)
            if told is None:
                raise
            raise _refused(told) from error


def _app(**options: Any) -> typer.Typer:
    return typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_show_locals=False,  # a local may be a key
        context_settings={"help_option_names": ["--help", "-h"]},
        **options,
    )


def example(*lines: str) -> str:
    """The end of a command's help: command lines that really work."""
    return "\n\n".join(["Example:" if len(lines) == 1 else "Examples:", *lines])


app = _app(
    cls=MeshGroup,
    help="Run, look at and look after this data mesh.",
    epilog=example("mesh demo", "mesh run operations.departure_delay", "mesh status --json"),
)
demo_app = typer.Typer()
new_app = _app(help="Write something new to start from.", epilog=example("mesh new domain revenue"))
app.add_typer(demo_app, name="demo", no_args_is_help=False)
app.add_typer(new_app, name="new")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for a program to read.")]
Force = Annotated[bool, typer.Option("--force", help="Make it again even if nothing changed.")]
Key = Annotated[str, typer.Argument(help="A product or model, as domain.name or domain.name@version.")]


@demo_app.callback(invoke_without_command=True, epilog=example("mesh demo", "mesh demo land 2013-10"))
def demo(ctx: typer.Context, as_json: Json = False) -> None:
    """Land January to September 2013, run the whole mesh, and show what came of it.

    Typed twice, it does nothing twice: what has not changed is up to date.
    """
    if ctx.invoked_subcommand:
        return
    from mesh_pipelines.commands.demo_data import FIRST_MONTHS, land
    from mesh_pipelines.reporting import terminal as cards
    from mesh_pipelines.reporting.status import read_state
    from mesh_pipelines.shared import platform

    shared = platform()
    # It takes longer to get ready than planning does.
    with shared.auditor.beside():
        land(FIRST_MONTHS, shared.settings.landing_folder)
        report = _run((), partition=None, force=False)
    mesh = read_state()
    if as_json:
        _print_json({"run": _run_document(report), "state": mesh.to_json()})
    else:
        cards.show(cards.state(mesh), cards.run_summary(report), cards.troubles(report.steps))
        if report.ok:
            trained = next((m.key for m in reversed(mesh.models) if m.champion), None)
            cards.show("", cards.commands("What to do next:", _next_steps(trained)))
    _exit(report.ok)


@demo_app.command("land", epilog=example("mesh demo land 2013-10"))
def demo_land(
    months: Annotated[list[str], typer.Argument(help="Months of 2013, as 2013-10.", metavar="MONTH")],
) -> None:
    """Let the outside world land more months of real files; `mesh run` then makes what they change."""
    from mesh_pipelines.commands.demo_data import land
    from mesh_pipelines.reporting import terminal as cards
    from resources.settings import get_settings

    landed = land(months, get_settings().landing_folder)
    cards.show(
        *(
            f"{'landed   ' if file.changed else 'unchanged'}  {file.path}  {file.rows:,} rows"
            for file in landed
        ),
        cards.commands("What to do next:", [(f"{_mesh()} run", "make what these files change")]),
    )


@app.command(
    epilog=example(
        "mesh run", "mesh run operations.departure_delay", "mesh run operations --partition 2013-10"
    )
)
def run(
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
    from mesh_pipelines.reporting import terminal as cards

    report = _run(tuple(selection or ()), partition=partition, force=force)
    if as_json:
        _print_json(_run_document(report))
    else:
        cards.show(cards.run_summary(report), cards.troubles(report.steps))
    _exit(report.ok)


@app.command(epilog=example("mesh status", "mesh status operations.departures --json"))
def status(
    keys: Annotated[
        list[str] | None, typer.Argument(help="Only these products and models.", metavar="KEY")
    ] = None,
    as_json: Json = False,
) -> None:
    """Products and models as they stand."""
    from mesh_pipelines.reporting import terminal as cards
    from mesh_pipelines.reporting.status import read_state

    mesh = read_state(keys or None)
    if as_json:
        _print_json(mesh.to_json())
    else:
        cards.show(cards.state(mesh))
    if mesh.trouble:
        raise _refused(mesh.trouble)


@app.command(epilog=example("mesh show operations.departures", "mesh show operations.departure_delay@1"))
def show(key: Key, as_json: Json = False) -> None:
    """One product's or model's card.

    A product: promise, columns, owner, last audit, who uses it. A model: metrics, inputs, gate.
    """
    name, version = _key_and_version(key)
    from mesh_pipelines.reporting import terminal as cards
    from mesh_pipelines.reporting.status import describe

    found = describe(name, version)
    if as_json:
        _print_json(found.to_json())
    else:
        cards.show(cards.card(found))


@app.command(epilog=example("mesh check", "mesh check --json"))
def check(as_json: Json = False) -> None:
    """Hold every contract, domain and code location against the federation's rules.

    Shows all violations at once, each with its place and its fix.
    """
    from mesh_pipelines.orchestration.check import check_mesh
    from mesh_pipelines.reporting import terminal as cards

    found = check_mesh()
    if as_json:
        _print_json(
            {
                "ok": not found,
                "violations": [
                    {"rule": v.rule, "where": v.where, "problem": v.problem, "fix": v.fix} for v in found
                ],
            }
        )
    else:
        cards.show(cards.violations(found) if found else "Every contract, domain and code location is sound.")
    _exit(not found)


@app.command(epilog=example("mesh rebuild operations.departure_delay@1"))
def rebuild(key: Key, as_json: Json = False) -> None:
    """Train a model's version again from its record, and say whether its bytes are the same."""
    name, version = _key_and_version(key)
    if version is None:
        raise typer.BadParameter(f"say which version, as {key}@1", param_hint="KEY")
    from mesh_pipelines.orchestration.run import rebuild as rebuild_version
    from mesh_pipelines.reporting import terminal as cards

    report = rebuild_version(name, version)
    if as_json:
        _print_json(report.to_json())
    else:
        cards.show(cards.rebuild(report))
    _exit(report.same)


Because = Annotated[str, typer.Option(help="Why; it stays on record.")]


@app.command(epilog=example("mesh why operations.departure_delay"))
def why(key: Key, as_json: Json = False) -> None:
    """Why an asset is as it is: what it waits for, what happened last, what the next tick would do."""
    name, _ = _key_and_version(key)
    from mesh_pipelines.reporting import terminal as cards
    from mesh_pipelines.reporting.why import explain

    found = explain(name)
    if as_json:
        _print_json(found.to_json())
    else:
        cards.show(cards.card(found))


@app.command(
    epilog=example('mesh promote operations.departure_delay@2 --because "agreed with the control room"')
)
def promote(key: Key, because: Because) -> None:
    """Make a version the champion, by your word; predictions follow."""
    name, version = _key_and_version(key)
    if version is None:
        raise typer.BadParameter(f"say which version, as {key}@1", param_hint="KEY")
    from mesh_pipelines.orchestration import model_requests as decisions

    _show_move(name, decisions.promote(name, version, because))


@app.command(
    epilog=example('mesh rollback operations.departure_delay --because "delays look wrong since noon"')
)
def rollback(
    key: Key,
    because: Because,
    to: Annotated[int | None, typer.Option(help="The version; default: the champion before.")] = None,
) -> None:
    """Give the champion's place back to the version before."""
    name, _ = _key_and_version(key)
    from mesh_pipelines.orchestration import model_requests as decisions

    _show_move(name, decisions.rollback(name, because, to))


@app.command(epilog=example('mesh pin operations.departure_delay --because "audit until Friday"'))
def pin(key: Key, because: Because) -> None:
    """Keep today's champion, whatever the gate says, until it is unpinned."""
    name, _ = _key_and_version(key)
    from mesh_pipelines.orchestration import model_requests as decisions

    _show_move(name, decisions.pin(name, because))


@app.command(epilog=example('mesh unpin operations.departure_delay --because "the audit is over"'))
def unpin(key: Key, because: Because) -> None:
    """Let the gate move the champion again."""
    name, _ = _key_and_version(key)
    from mesh_pipelines.orchestration import model_requests as decisions

    _show_move(name, decisions.unpin(name, because))


@new_app.command("domain", epilog=example("mesh new domain revenue"))
def new_domain(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and underscores, e.g. revenue.")],
) -> None:
    """Write a small domain that works at once.

    It has a contract, a source with sample data, a product, a model, a test and a README.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise typer.BadParameter(
            f"{name!r} is no name for a domain: lower-case letters, digits and underscores, a letter first",
            param_hint="NAME",
        )
    from mesh_pipelines import scaffold
    from mesh_pipelines.reporting import terminal as cards
    from resources.settings import get_settings

    root = get_settings().workspace.parent
    written = scaffold.new_domain(name, root)
    mesh = _mesh()
    cards.show(
        f"Wrote {cards.count(len(written), 'file')}:",
        *(f"  {_relative(path, root)}" for path in written),
        cards.commands(
            "What to do next:",
            [
                (f"{mesh} check", "hold it against the federation's rules"),
                (f"{mesh} run {name}", "make its product and train its model"),
                (f"make test TESTS=domains/{name}", "run its test"),
            ],
        ),
    )


@app.command(epilog=example("mesh ui", "mesh ui --port 3001"))
def ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
) -> None:
    """Start the Dagster webserver and daemon on the whole mesh; Ctrl-C stops both."""
    from mesh_pipelines.commands.ui import serve
    from resources.settings import get_settings

    raise typer.Exit(serve(get_settings(), host=host, port=port))


def main() -> None:
    """Entry point of the `mesh` command."""
    code: int | str | None = OK
    try:
        app(prog_name="mesh")
    except SystemExit as ended:
        code = ended.code
    leave(code)


def leave(code: int | str | None) -> NoReturn:
    """End the process without taking apart what it imported, which takes seconds and brings nothing.

    What was registered for the end (temporary files, logs) is done first.

    Args:
        code: the exit code; a text is said, and means 1, as ``sys.exit`` has it.
    """
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        code = NO
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    with suppress(BrokenPipeError):  # whoever read it has gone
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or OK)


def _run(selection: tuple[str, ...], *, partition: str | None, force: bool) -> RunReport:
    from mesh_pipelines.orchestration import run as runs
    from mesh_pipelines.reporting.progress import TerminalReporter

    with TerminalReporter() as reporter:
        return runs.run(selection, partition=partition, force=force, reporter=reporter)


def _run_document(report: RunReport) -> dict[str, Any]:
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


def _refused(error: MeshError) -> typer.Exit:
    from mesh_pipelines.reporting import terminal as cards

    cards.show(cards.failure(error, terminal=sys.stderr.isatty()), file=sys.stderr)
    return typer.Exit(USAGE if isinstance(error, SelectionError) else NO)


def _fault_of_storage(error: Exception) -> MeshError | None:
    """What a full disk or a folder of somebody else's broke, wherever it was met."""
    if isinstance(error, typer.Exit | typer.Abort):
        return None
    from resources.settings import get_settings
    from resources.storage_faults import storage_error

    return storage_error(error, get_settings().folders)


def _bad_settings(error: Any) -> MeshError:
    found = error.errors(
        include_input=False, include_url=False, include_context=False
    )  # the input may be a secret
    names = [f"MESH_{str(fault['loc'][0]).upper()}" for fault in found if fault["loc"]]
    told = [fault["msg"].removeprefix("Value error, ") for fault in found]
    return MeshError(
        "; ".join(f"{name}: {what}" for name, what in zip(names, told, strict=False)),
        where="the environment",
        remedy=f"mend or unset {', '.join(names)}",
    )


def _key_and_version(text: str) -> tuple[str, int | None]:
    key, at, version = text.partition("@")
    if not re.fullmatch(r"[^.@\s]+\.[^.@\s]+", key):
        raise typer.BadParameter(f"{text!r} is no key; write it as domain.name", param_hint="KEY")
    if at and not version.isdecimal():
        raise typer.BadParameter(f"{version!r} is no version; write it as {key}@1", param_hint="KEY")
    return key, int(version) if at else None


def _show_move(key: str, move: Any) -> None:
    from mesh_pipelines.reporting import terminal as cards

    now = "none" if move.to is None else f"{key}@{move.to}"
    before = "" if move.before in (None, move.to) else f", before it {key}@{move.before}"
    cards.show(f"{move.action}: the champion is {now}{before}; by {move.who}, because: {move.because}")


def _next_steps(model: str | None) -> list[tuple[str, str]]:
    mesh = _mesh()
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


def _mesh() -> str:
    """How this command can be typed here: `make demo` runs it in a .venv that nobody has activated."""
    import shutil

    if shutil.which("mesh"):
        return "mesh"
    return _relative(Path(sys.executable).parent / "mesh", Path.cwd())


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _print_json(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, indent=2))


def _exit(ok: bool) -> None:
    if not ok:
        raise typer.Exit(NO)
