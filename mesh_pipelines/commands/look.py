"""``mesh status``, ``show``, ``why``, ``check``: commands that change nothing."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mesh_pipelines.commands.app import (
    Json,
    Key,
    KeyAtVersion,
    application,
    example,
    exit_for,
    exit_with,
    key_alone,
    key_and_version,
    print_json,
)

look_app = application()


@look_app.command(epilog=example("mesh status", "mesh status operations.departures --json"))
def status(
    keys: Annotated[
        list[str] | None, typer.Argument(help="Only these products and models.", metavar="KEY")
    ] = None,
    as_json: Json = False,
) -> None:
    """Products and models as they stand."""
    from mesh_pipelines.reporting import terminal
    from mesh_pipelines.reporting.status import read_state

    mesh = read_state(keys or None)
    if as_json:
        print_json(mesh.to_json())
    else:
        terminal.show(terminal.state(mesh))
    if mesh.refused and not as_json:
        terminal.show(terminal.refused(mesh.refused), file=sys.stderr)
    if mesh.remark and not as_json:
        terminal.show(mesh.remark, file=sys.stderr)
    if mesh.trouble:
        raise exit_for(mesh.trouble)
    exit_with(not mesh.refused)


@look_app.command(epilog=example("mesh show operations.departures", "mesh show operations.departure_delay@1"))
def show(key: KeyAtVersion, as_json: Json = False) -> None:
    """One product's or model's card.

    A product: promise, columns, owner, last audit, who uses it. A model: metrics, inputs, gate.
    """
    name, version = key_and_version(key)
    from mesh_pipelines.reporting import terminal
    from mesh_pipelines.reporting.card import describe

    found = describe(name, version)
    if as_json:
        print_json(found.to_json())
    else:
        terminal.show(terminal.card(found))


@look_app.command(epilog=example("mesh check", "mesh check --json"))
def check(as_json: Json = False) -> None:
    """Hold every contract, domain, function and code location against the federation's rules.

    Shows all violations at once, each with its place and its fix. Functions are called without rows.
    """
    from mesh_pipelines.orchestration.check import examine_mesh
    from mesh_pipelines.reporting import terminal

    found = examine_mesh()
    if as_json:
        violations = [
            {"rule": v.rule, "where": v.where, "problem": v.problem, "fix": v.fix} for v in found.violations
        ]
        print_json({"ok": not violations, "violations": violations, "notes": list(found.notes)})
    else:
        terminal.show(terminal.violations(found.violations, found.notes))
    exit_with(not found.violations)


@look_app.command(epilog=example("mesh why operations.departure_delay"))
def why(key: Key, as_json: Json = False) -> None:
    """The reason why an asset is as it is: what it waits for, what happened last, what the next tick would do."""
    name = key_alone(key)
    from mesh_pipelines.reporting import terminal
    from mesh_pipelines.reporting.why import explain

    found = explain(name)
    if as_json:
        print_json(found.to_json())
    else:
        terminal.show(terminal.card(found))
