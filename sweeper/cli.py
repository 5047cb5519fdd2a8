"""The commands: which there are, and their order in the help. What each does stands in `commands/`."""

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from sweeper.commands.before_a_run import activations, advise, init, schema
from sweeper.commands.compare.command import compare
from sweeper.commands.doctor import doctor
from sweeper.commands.export.command import export
from sweeper.commands.lr_range.command import lr_range
from sweeper.commands.of_a_run import best, dashboard, report, status
from sweeper.commands.run import run
from sweeper.commands.transfer.command import transfer
from sweeper.commands.worker import worker
from sweeper.exits import exit_code, interruptible
from sweeper.version import __version__


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sweeper {__version__}")
        raise typer.Exit


app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Find the learning rate, optimizer, activation and activation penalty that suit your model and data."""


COMMANDS: Mapping[str, Callable[..., None]] = {
    "run": run,
    "worker": worker,
    "transfer": transfer,
    "report": report,
    "best": best,
    "status": status,
    "export": export,
    "lr-range": lr_range,
    "dashboard": dashboard,
    "activations": activations,
    "advise": advise,
    "compare": compare,
    "init": init,
    "schema": schema,
    "doctor": doctor,
}
"""In the order of the help."""
for name, command in COMMANDS.items():
    app.command(name)(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors of the user become one message and an exit code."""
    with interruptible():
        raise SystemExit(exit_code(lambda: app(arguments)))
