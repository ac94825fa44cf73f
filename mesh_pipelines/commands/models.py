"""``mesh rebuild``, ``promote``, ``rollback``, ``pin``, ``unpin``: what people do with models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mesh_pipelines.commands.app import (
    LAST_VERSION,
    Json,
    Key,
    KeyAtVersion,
    application,
    example,
    exit_with,
    key_alone,
    key_and_version,
    person,
    print_json,
)

models_app = application()


@models_app.command(epilog=example("mesh rebuild operations.departure_delay@1"))
def rebuild(key: KeyAtVersion, as_json: Json = False) -> None:
    """Train a model's version again from its record, and say whether its bytes are the same."""
    name, version = key_and_version(key)
    if version is None:
        raise typer.BadParameter(f"say which version, as {key}@1", param_hint="KEY")
    from mesh_pipelines.orchestration.model_requests import rebuild as rebuild_version
    from mesh_pipelines.reporting import terminal

    report = rebuild_version(name, version)
    if as_json:
        print_json(report.to_json())
    else:
        terminal.show(terminal.rebuild(report))
    exit_with(report.same)


Because = Annotated[str, typer.Option(help="Why; it stays on record.")]


@models_app.command(
    epilog=example('mesh promote operations.departure_delay@2 --because "agreed with the control room"')
)
def promote(key: KeyAtVersion, because: Because) -> None:
    """Make a version the champion, by your word; predictions follow."""
    name, version = key_and_version(key)
    if version is None:
        raise typer.BadParameter(f"say which version, as {key}@1", param_hint="KEY")
    from mesh_pipelines.orchestration import model_requests

    _show_move(name, model_requests.promote(name, version, because, by=person()))


@models_app.command(
    epilog=example('mesh rollback operations.departure_delay --because "delays look wrong since noon"')
)
def rollback(
    key: Key,
    because: Because,
    to: Annotated[
        int | None,
        typer.Option(min=1, max=LAST_VERSION, help="The version; default: the champion before."),
    ] = None,
) -> None:
    """Give the champion's place back to the version before."""
    name = key_alone(key, "{key} --to {version}")
    from mesh_pipelines.orchestration import model_requests

    _show_move(name, model_requests.rollback(name, because, to, by=person()))


@models_app.command(epilog=example('mesh pin operations.departure_delay --because "audit until Friday"'))
def pin(key: Key, because: Because) -> None:
    """Keep today's champion, whatever the gate says, until it is unpinned."""
    name = key_alone(key)
    from mesh_pipelines.orchestration import model_requests

    _show_move(name, model_requests.pin(name, because, by=person()))


@models_app.command(epilog=example('mesh unpin operations.departure_delay --because "the audit is over"'))
def unpin(key: Key, because: Because) -> None:
    """Let the gate move the champion again."""
    name = key_alone(key)
    from mesh_pipelines.orchestration import model_requests

    _show_move(name, model_requests.unpin(name, because, by=person()))


def _show_move(key: str, move: Any) -> None:
    from mesh_pipelines.reporting import terminal

    now = "none" if move.to is None else f"{key}@{move.to}"
    before = "" if move.before in (None, move.to) else f", before it {key}@{move.before}"
    terminal.show(f"{move.action}: the champion is {now}{before}; by {move.who}, because: {move.because}")
