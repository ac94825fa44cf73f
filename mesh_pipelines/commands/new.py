"""``mesh new``: something new to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mesh_pipelines.commands.app import application, example, mesh_command, relative

new_app = application(help="Write something new to start from.", epilog=example("mesh new domain revenue"))


@new_app.command("domain", epilog=example("mesh new domain revenue"))
def new_domain(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and underscores, e.g. revenue.")],
) -> None:
    """Write a small domain that works at once.

    It has a contract, a source with sample data, a product, a model, a test and a README.
    """
    from mesh_pipelines import scaffold
    from mesh_pipelines.reporting import terminal
    from resources.settings import get_settings

    root = get_settings().workspace.parent
    written = scaffold.new_domain(name, root)
    mesh = mesh_command()
    here = Path.cwd().resolve()
    elsewhere = (
        "" if here.is_relative_to(root) else f" in {root}, for there is no workspace.yaml from here upwards"
    )
    terminal.show(
        f"Wrote {terminal.count(len(written), 'file')}{elsewhere}:",
        *(f"  {relative(path, root)}" for path in written),
        terminal.commands(
            "What to do next:",
            [
                (f"{mesh} check", "hold it against the federation's rules"),
                (f"{mesh} run {name}", "make its product and train its model"),
                (f"make test TESTS=domains/{name}", "run its test"),
            ],
        ),
    )
