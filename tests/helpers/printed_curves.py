"""The curve that the script of a trial prints, beside the recorded one."""

import contextlib
import io
import re
from typing import Any

from sweeper.report.script import script
from sweeper.training.setup import Task
from sweeper.trial import Trial, TrialResult


def printed(task: Task, trial: Trial) -> dict[tuple[int, str], float]:
    """The curve that the script of a trial prints: a plain loop without this package."""
    text, said = script(task.study, trial.parameters, trial.seed, data=task.data), io.StringIO()
    scope: dict[str, Any] = {"__name__": "script"}
    exec(compile(text, "best.py", "exec"), scope)
    with contextlib.redirect_stdout(said):
        scope["main"](seed=trial.seed, test=False, save=None)
    return curve_in(said.getvalue())


def curve_in(said: str) -> dict[tuple[int, str], float]:
    """(step, metric) -> value of the lines of a curve."""
    lines = re.findall(r"^step (\d+): (.*)$", said, flags=re.MULTILINE)
    pairs = [(int(step), pair.split(" ")) for step, line in lines for pair in line.split(", ")]
    return {(step, name): float(value) for step, (name, value) in pairs}


def recorded(result: TrialResult) -> dict[tuple[int, str], float]:
    """The same of the records."""
    return {(s, m): v for s, m, v in result.curves if m not in ("penalty", "learning_rate")}
