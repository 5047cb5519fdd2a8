"""The command `worker`: it works for the drivers of a shared folder."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.printable import printable


def worker(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that `sweeper run STUDY --pool dir:DIR` names.")
    ],
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            min=1,
            help="Calls at the same time, per GPU where there is one [default: one per GPU or core]",
        ),
    ] = None,
    idle: Annotated[
        float | None,
        typer.Option(
            "--idle",
            metavar="SECONDS",
            min=0,
            help="Leave after so long without work [default: when the sweep ends]",
        ),
    ] = None,
) -> None:
    """Train trials for `sweeper run STUDY --pool dir:DIR`, from any machine that sees the folder."""
    # loaded late: other commands start without it
    from sweeper.training.pool.folder_worker import serve

    serve(folder, jobs, idle, lambda line: typer.echo(printable(line), err=True))
