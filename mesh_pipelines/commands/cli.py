"""The `mesh` command of domain teams, schedulers and auditors.

Exit codes: 0 all is well; 1 the mesh says no (a violation, a failed run, an error with a remedy);
2 the command line is not understood, or names nothing in this mesh.

A command reads the line, calls one function of the platform and shows the result. Everything heavy is imported inside
it, so that help and usage errors are instant.
"""

from __future__ import annotations

from mesh_pipelines.commands.app import MeshGroup, application, example
from mesh_pipelines.commands.demo import demo_app
from mesh_pipelines.commands.look import look_app
from mesh_pipelines.commands.models import models_app
from mesh_pipelines.commands.new import new_app
from mesh_pipelines.commands.run import run_app
from mesh_pipelines.commands.survive import OWN_PROCESS

app = application(
    cls=MeshGroup,
    help="Run, look at and look after this data mesh.",
    epilog=example("mesh demo", "mesh run operations.departure_delay", "mesh status --json"),
)
app.add_typer(demo_app, name="demo", no_args_is_help=False)
app.add_typer(new_app, name="new")
for group in (run_app, look_app, models_app):
    app.add_typer(group)  # without a name: its commands are those of ``mesh`` itself


def main() -> None:
    """Entry point of the `mesh` command."""
    app(prog_name="mesh", obj=OWN_PROCESS)
