"""Which trials can train as one: trials of the same shape, with a model that can be batched."""

from collections.abc import Sequence
from dataclasses import replace

from sweeper.search.trial import Rungs, Trial
from sweeper.study.settings import settings as settings_of
from sweeper.training.fused import train_stack
from sweeper.training.reasons import reason_of
from sweeper.training.result import Outcome
from sweeper.training.setup import Task
from sweeper.user_code import user_code

STEPS = 2
"""Steps of the trial that tells whether a model can be batched."""


def shapes(task: Task, trials: Sequence[Trial]) -> list[list[Trial]]:
    """`trials` in groups of one shape: same model arguments, batch size, loss, precision, device."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        s = settings_of(task.study, trial.parameters)
        key = repr((sorted(s.model_options.items()), s.batch_size, s.dtype, s.device, s.loss))
        groups.setdefault(key, []).append(trial)
    return list(groups.values())


def fusible(task: Task, trial: Trial) -> str:
    """Why `trial` cannot train in a stack, or an empty string; found by training two of it for `STEPS` steps.

    Trials that fail in themselves are no reason: they fail alone in any engine.
    """
    changed = {"steps": STEPS, "epochs": None, "evaluations": 1}
    training = task.study.training.model_copy(update=changed)
    short = Task(task.study.model_copy(update={"training": training}), task.data)
    plain = {k: v for k, v in trial.parameters.items() if k not in ("training.steps", "training.epochs")}
    twins = [replace(trial, number=k, parameters=plain, rungs=Rungs()) for k in range(2)]
    try:
        with user_code():
            results = list(train_stack(short, twins, len(twins)))
    except Exception as error:  # whatever torch and the model make of it: one by one they may train
        return reason_of(error)
    failed = [r.reason for r in results if r.outcome == Outcome.FAILED]
    return failed[0] if failed and not _fails_alone(short, twins[0]) else ""


def _fails_alone(task: Task, trial: Trial) -> bool:
    from sweeper.training.reference import train

    try:
        with user_code():
            return train(task, trial).outcome == Outcome.FAILED
    except Exception:  # whatever it is, the trial itself raises it
        return True
