"""The command line application: its errors, exit codes and shared options."""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from mesh_pipelines.errors import MeshError, SelectionError

if TYPE_CHECKING:
    from mesh_pipelines.declaring.reader import Reader

NO: Final = 1
USAGE: Final = 2


class MeshGroup(TyperGroup):
    """Commands whose deliberate errors end in a message and an exit code, never in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MeshError as error:
            raise exit_for(error) from error
        except ValueError as error:
            # pydantic's ValidationError, recognised by its title: importing pydantic would slow every command.
            if getattr(error, "title", "") != "Settings":
                raise
            raise exit_for(_bad_settings(error)) from error
        except Exception as error:
            fault = _storage_error(error)
            if fault is None:
                raise
            raise exit_for(fault) from error


def application(**options: Any) -> typer.Typer:
    """A group of commands that answers to ``-h`` and never shows local variables, which may be keys."""
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


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for a program to read.")]
Force = Annotated[bool, typer.Option("--force", help="Make it again even if nothing changed.")]
Key = Annotated[str, typer.Argument(help="A product or model, as domain.name.")]
KeyAtVersion = Annotated[
    str, typer.Argument(help="A product or model, as domain.name or domain.name@version.", metavar="KEY")
]

LAST_VERSION: Final = 999_999_999
"""Highest number that is taken for a version: MLflow on PostgreSQL keeps it in 32 bits."""


def exit_for(error: MeshError) -> typer.Exit:
    """Show a deliberate error, and end with the exit code that it stands for."""
    from mesh_pipelines.reporting import terminal

    terminal.show(terminal.failure(error, terminal=sys.stderr.isatty()), file=sys.stderr)
    return typer.Exit(USAGE if isinstance(error, SelectionError) else NO)


def _storage_error(error: Exception) -> MeshError | None:
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
    messages = [fault["msg"].removeprefix("Value error, ") for fault in found]
    return MeshError(
        "; ".join(f"{name}: {what}" for name, what in zip(names, messages, strict=False)),
        where="the environment",
        remedy=f"mend or unset {', '.join(names)}",
    )


def key_and_version(text: str) -> tuple[str, int | None]:
    """``domain.name@version`` in its parts; ``None`` where no version is given."""
    key, at, version = text.partition("@")
    if not re.fullmatch(r"[^.@\s]+\.[^.@\s]+", key):
        raise typer.BadParameter(f"{text!r} is no key; write it as domain.name", param_hint="KEY")
    if at and not re.fullmatch(rf"[0-9]{{1,{len(str(LAST_VERSION))}}}", version):
        raise typer.BadParameter(f"{version!r} is no version; write it as {key}@1", param_hint="KEY")
    return key, int(version) if at else None


def key_alone(text: str, instead: str = "") -> str:
    """``domain.name`` where a version makes no sense.

    Args:
        instead: what to type for a version, with ``{key}`` and ``{version}``.
    """
    key, version = key_and_version(text)
    if version is not None:
        remedy = f"write it as {instead.format(key=key, version=version) or key}"
        raise typer.BadParameter(
            f"{text!r} names a version, and none is taken here; {remedy}", param_hint="KEY"
        )
    return key


def mesh_command() -> str:
    """The command as it can be typed here: `make demo` runs it in a .venv that is not activated."""
    import shutil

    if shutil.which("mesh"):
        return "mesh"
    return relative(Path(sys.executable).parent / "mesh", Path.cwd())


def person() -> Reader:
    """The person who types the command, by the account of the operating system; by its number if it has no name."""
    from mesh_pipelines.declaring.reader import Reader

    try:
        return Reader("person", getpass.getuser())
    except (
        KeyError,
        OSError,
    ):  # in a container, any number may run the process (an OSError since Python 3.13)
        return Reader("person", f"uid-{os.getuid()}")


def relative(path: Path, root: Path) -> str:
    """A path relative to a folder, where it lies below that."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(document, indent=2))


def exit_with(ok: bool) -> None:
    """End with exit code 1 unless all is well."""
    if not ok:
        raise typer.Exit(NO)
