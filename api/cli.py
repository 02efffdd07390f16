"""The command ``bluelight``: its subcommands, and errors as one line."""

from __future__ import annotations

import reprlib
import signal
import sys
from importlib.metadata import entry_points
from os import PathLike, fspath
from typing import Any

import click

from api.commands.build import build, check
from api.commands.calibrate import calibrate
from api.commands.demo import demo
from api.commands.export_log import export_log
from api.commands.isochrone import isochrone
from api.commands.matrix import matrix
from api.commands.plan import plan
from api.commands.prune_log import prune_log
from api.commands.refine import refine
from api.commands.route import route
from api.commands.serve import serve
from api.commands.simulate import compare, replay, simulate
from api.commands.staff import staff
from api.commands.token import token
from api.commands.verify_log import verify_log
from api.version import bluelight_version
from routing.errors import InputError

PLUGINS = "bluelight.commands"
"""Entry point group of further commands, such as ``benchmark``."""

BAD_INPUT = 2
INTERRUPTED = 130


class OneLineErrors(click.Group):
    """A group that tells each error of its user in one line, and exits with 2.

    Further commands come from the entry points of the group `PLUGINS`.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of use, plug-ins last.

        Parameters
        ----------
        ctx : click.Context
            The context.

        Returns
        -------
        list of str
            Names.
        """
        return [*self.commands, *sorted(entry_points(group=PLUGINS).names - set(self.commands))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of this project or of a plug-in.

        Parameters
        ----------
        ctx : click.Context
            The context.
        cmd_name : str
            Its name.

        Returns
        -------
        click.Command or None
            None where there is no such command.
        """
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        for plugin in entry_points(group=PLUGINS, name=cmd_name):
            command: click.Command = plugin.load()
            return command
        return None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; Ctrl-C ends it in one line.

        Parameters
        ----------
        ctx : click.Context
            The context.

        Returns
        -------
        object
            What the command returns.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("error: interrupted", err=True)
            ctx.exit(INTERRUPTED)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Parse and run a command line, and exit.

        Parameters
        ----------
        *args : object
            As of `click.Command.main`.
        **kwargs : object
            As of `click.Command.main`.

        Returns
        -------
        object
            Never: it exits with 0, with 2 on bad input, or as the command says.
        """
        try:
            code = super().main(*args, **kwargs | {"standalone_mode": False})
        except Exception as error:
            line = in_one_line(error)
            if line is None:
                raise
            click.echo(f"error: {line}", err=True)
            sys.exit(BAD_INPUT)
        sys.exit(code if isinstance(code, int) else 0)


def in_one_line(error: Exception) -> str | None:
    """Tell an error that the user can mend in one line.

    Parameters
    ----------
    error : Exception
        What a command raised.

    Returns
    -------
    str or None
        The line; None for a defect of the program, which deserves its traceback.
    """
    line: str | None
    match error:
        case InputError():
            line = str(error)
        case click.UsageError(ctx=click.Context() as ctx):
            line = f"{error.format_message()} (see {ctx.command_path} --help)"
        case click.ClickException():
            line = error.format_message()
        case click.Abort():
            line = "interrupted"
        case OSError(filename=str() | PathLike() as name, strerror=str() as reason):
            line = f"{fspath(name)}: {reason}"
        case ValueError() if "pydantic_core" in sys.modules:
            line = _validation_in_one_line(error)
        case _:
            return None
    return line and " ".join(line.split())


def _validation_in_one_line(error: ValueError) -> str | None:
    from pydantic_core import ValidationError  # noqa: PLC0415 - only once it is loaded

    if not isinstance(error, ValidationError):
        return None
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or error.title
    return f"{where}: {first['msg']} (given: {reprlib.repr(first['input'])})"


@click.group(cls=OneLineErrors, invoke_without_command=True)
@click.version_option(bluelight_version(), message="%(prog)s %(version)s")
@click.pass_context
def bluelight(ctx: click.Context) -> None:  # numpydoc ignore=PR01
    """Decide which rescue vehicle goes where, on open data alone.

    Start with 'bluelight demo'. A SCENARIO is a folder made by 'bluelight build', or
    the name of a city that comes with bluelight: reykjavik, neubrandenburg.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


for _command in (
    *(demo, build, check, calibrate, route, isochrone, matrix, plan, refine, staff),
    *(simulate, compare, replay, serve, token, verify_log, export_log, prune_log),
):
    bluelight.add_command(_command)


def main() -> None:
    """Run the command line; the entry point of the installed command."""
    # what is half-written goes when the stack unwinds, which a plain SIGTERM prevents
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    bluelight.main(prog_name="bluelight")


if __name__ == "__main__":
    main()
