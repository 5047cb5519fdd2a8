"""What commands print, and how they open a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sweeper.loading import loading
from sweeper.printable import printable

if TYPE_CHECKING:
    from sweeper.result import Result

# loaded late: what a command needs, so that the others start without it


def say(text: object, *, nl: bool = True, err: bool = False) -> None:
    """Print; what others wrote moves no cursor."""
    typer.echo(printable(str(text)), nl=nl, err=err)


def open_run(runs: Path, name: str) -> "Result":
    """The run, and on stderr what was left out of it."""
    with loading():
        from sweeper.records.damage import lines
        from sweeper.result import open_result

    result = open_result(runs, name)
    for line in lines(result.findings):
        say(line, err=True)
    return result


def print_answer(result: "Result") -> None:
    """What a run has found, in a few lines."""
    from sweeper.report.note import plain_answer

    say(plain_answer(result.study, result.answer, result.records))
