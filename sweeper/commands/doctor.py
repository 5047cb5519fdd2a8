"""The command `doctor`: this machine, and a pool or study if one is named."""

from typing import Annotated

import typer

from sweeper.commands.options import JsonOption
from sweeper.printable import printable

# loaded late: other commands start without it


def doctor(
    as_json: JsonOption = False,
    pool: Annotated[
        str | None, typer.Option("--pool", metavar="POOL", help="Ask its workers, too, as before a run.")
    ] = None,
    study: Annotated[
        str | None, typer.Option("--study", metavar="STUDY", help="Say how much of the pool it keeps busy.")
    ] = None,
) -> None:
    """Check this machine, and a pool if one is named: Python, torch, devices, versions; suggest fixes."""
    from sweeper.doctor import diagnose, show

    checked = None
    if pool or study:  # what is written wrongly is told at once
        from sweeper.commands.pool_check import PoolCheck

        checked = PoolCheck.of(pool or "local", study)
    findings, code = diagnose(tell=_tell), 0
    if checked is not None:
        more, code = checked.findings(_tell)
        findings += more
    show(findings, as_json=as_json)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(code or 1)


def _tell(line: str) -> None:
    """What is being done, and how long it may take: standard output has the findings alone."""
    typer.echo(printable(line), err=True)
