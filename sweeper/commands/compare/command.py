"""The command line of a comparison."""

from sweeper.commands.console import open_run, say
from sweeper.commands.options import (
    REPORTS,
    RUNS,
    FirstArgument,
    JsonOption,
    ReportsOption,
    RunsOption,
    SecondArgument,
)
from sweeper.to_json import to_json

# loaded late: what a command needs, so that the others start without it


def compare(
    a: FirstArgument,
    b: SecondArgument,
    runs: RunsOption = RUNS,
    reports: ReportsOption = REPORTS,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs: which winner is better, how sure that is, what differs."""
    from sweeper.commands.compare.page import side_by_side, to_dict, write
    from sweeper.commands.compare.words import text

    opened = open_run(runs, a), open_run(runs, b)
    for each in opened:
        each.study.lies_in(reports=reports)
    side = side_by_side(a, opened[0], b, opened[1])
    page = write(side, reports / f"{a}-vs-{b}")
    plain = f"{text(side)}\ncomparison: {page}"
    say(to_json(to_dict(side)) if as_json else plain)
