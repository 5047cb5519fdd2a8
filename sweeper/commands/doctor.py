"""The command `doctor`: this machine, and a pool or study if one is named."""

from typing import Annotated

import typer

from sweeper.commands.options import JsonOption

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

    findings = diagnose()
    if pool or study:
        from sweeper.commands.pool_check import check_pool

        findings += check_pool(pool or "local", study)
    show(findings, as_json=as_json)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
