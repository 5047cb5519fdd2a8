"""Trackio: a project with the name of the run, kept on this machine unless Trackio is set up otherwise."""

import contextlib
import io
import os
from pathlib import Path

from sweeper.commands.export.tool import Say, Tool
from sweeper.commands.export.training import trainings
from sweeper.result import Result


def write(result: Result, folder: str | None, say: Say) -> None:
    """Write to Trackio's own folder, or to ``DIR``; trainings that are there already are left alone."""
    if folder is not None:
        os.environ["TRACKIO_DIR"] = str(Path(folder).resolve())  # read when the package is imported
    # loaded late: the package may be missing, and reads the environment
    import trackio

    name = result.study.name
    try:
        known = {run.name for run in trackio.Api().runs(name)}
    except ValueError:  # there is no such project yet
        known = set()
    new = [training for training in trainings(result) if training.name not in known]
    for training in new:
        with contextlib.redirect_stdout(io.StringIO()):  # it greets every run
            run = trackio.init(
                project=name,
                name=training.name,
                group=training.phase,
                config={**training.parameters, **training.about},
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            for step, values in training.points.items():
                run.log(values, step=step)
            run.log(training.totals, step=training.steps)
            run.finish()
    already = len(result.trials) - len(new)
    say(f"{len(new)} trainings in the project {name!r}" + (f"; {already} were there" if already else ""))
    say(f"look at them with: trackio show --project {name}")


TRACKIO = Tool("a project of Trackio, in DIR [default: Trackio's own folder]", write, "trackio", "trackio")
