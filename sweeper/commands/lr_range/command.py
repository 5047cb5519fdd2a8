"""The command line of the learning-rate range test."""

from typing import Annotated

import typer

from sweeper.commands.console import say
from sweeper.commands.options import (
    REPORTS,
    JobsOption,
    JsonOption,
    ReportsOption,
    SetOption,
    StudyArgument,
)
from sweeper.loading import loading
from sweeper.to_json import to_json

# loaded late: what a command needs, so that the others start without it


def lr_range(
    study: StudyArgument,
    reports: ReportsOption = REPORTS,
    assignments: SetOption = None,
    jobs: JobsOption = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Optimizer steps of each training.")] = 40,
    rates: Annotated[int, typer.Option("--rates", min=5, help="Learning rates for each combination.")] = 64,
    as_json: JsonOption = False,
) -> None:
    """Find learning rates worth searching with many short trainings."""
    from sweeper.study.find import written_device
    from sweeper.training.initialize import initialize_worker
    from sweeper.training.pool.local import pool_here

    with pool_here(jobs, initialize_worker, written_device(study, assignments or ())) as pool:
        with loading():
            from sweeper.asked import load_study
            from sweeper.commands.lr_range.journey import lr_range as test
            from sweeper.commands.lr_range.words import print_lr_range, to_dict
        asked = load_study(pool, study, tuple(assignments or ()))
        range_test = test(pool, asked, steps=steps, rates=rates)
    figure = range_test.save(reports / asked.name)
    if as_json:
        say(to_json(to_dict(range_test.suggestions, range_test.conditions, figure)))
        return
    print_lr_range(range_test.suggestions, range_test.conditions)
    if figure is not None:
        say(f"figure: {figure}")
