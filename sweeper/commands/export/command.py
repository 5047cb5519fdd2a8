"""The command `export`."""

from typing import Annotated

import typer

from sweeper.commands.console import open_run, say
from sweeper.commands.options import RUNS, NameArgument, RunsOption, ToOption, WhereArgument
from sweeper.errors import UserError


def export(
    name: NameArgument,
    where: WhereArgument = None,
    runs: RunsOption = RUNS,
    to: ToOption = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV instead of Parquet.")] = False,
) -> None:
    """Write the records of a run as files, or to a tool that you use."""
    # loaded late: other commands start without it
    from sweeper.commands.export import tools

    if csv and to not in (None, "csv"):
        raise UserError(f"export: --csv and --to {to} say different things; leave one out")
    asked = to or ("csv" if csv else "parquet")
    tools.tool(asked)
    tools.export(asked, open_run(runs, name), where, say)
