"""Which trials can train as one: trials of the same shape, with a model that can be batched."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sweeper.study.settings import settings as settings_of
from sweeper.training.reasons import stack_reason_of
from sweeper.training.reference import train
from sweeper.training.setup import Task, part_sizes
from sweeper.training.stacked.engine import compare_stack, train_stack
from sweeper.trial import Outcome, PruningRule, Trial
from sweeper.user_code.calls import user_code

TRIED_STEPS = 2
"""Steps of the trial that tells whether a model can be batched."""
COMPARED_ROWS = 16
"""Most rows of a batch on which stacks are compared with trials alone."""
CHANGED = ("training.steps", "training.epochs", "training.dtype", "training.batch_size")


def shapes(task: Task, trials: Sequence[Trial]) -> list[list[Trial]]:
    """`trials` in groups of one shape: same model arguments, batch size, loss, precision, device, and as many
    rows of each part."""
    groups: dict[tuple[str, tuple[int, ...]], list[Trial]] = {}
    sizes = {seed: part_sizes(task, seed) for seed in {trial.seed for trial in trials}}
    for trial in trials:
        key = settings_of(task.study, trial.parameters).shape_key(trial.seed)
        groups.setdefault((key, sizes[trial.seed]), []).append(trial)
    return list(groups.values())


def why_not_stackable(task: Task, trial: Trial) -> str:
    """Why `trial` cannot train in a stack, or an empty string: two of it train for `TRIED_STEPS` steps.

    Trials that fail in themselves are no reason: they fail alone in any engine.
    """
    changed = {"steps": TRIED_STEPS, "epochs": None, "evaluations": 1}
    short = _changed(task, changed)
    twins = [replace(trial, number=k, parameters=_plain(trial), pruning=PruningRule()) for k in range(2)]
    try:
        with user_code():
            results = list(train_stack(short, twins, len(twins)))
    except Exception as error:  # whatever torch and the model make of it: one by one they may train
        return stack_reason_of(error)
    failed = [r.reason for r in results if r.outcome == Outcome.FAILED]
    return failed[0] if failed and not _fails_alone(short, twins[0]) else ""


def stack_differences(task: Task, trials: Sequence[Trial], penalized: bool) -> dict[str, str]:
    """Activation -> what stacks of `trials` compute otherwise than each alone; the equal ones left out.

    Each trial, one of each activation, goes into one stack on two seeds, once with an activation penalty if
    `penalized`. They are compared in float64, on batches of at most `COMPARED_ROWS`; a model that
    works in its own precision or batch size alone is compared with these when its stacks are made.
    """
    size = task.study.training.batch_size
    rows = COMPARED_ROWS if size == "full" else min(int(size), COMPARED_ROWS)
    changed = {"steps": TRIED_STEPS, "epochs": None, "evaluations": 1, "dtype": "float64", "batch_size": rows}
    exact, names = _changed(task, changed), [str(t.parameters.get("activation")) for t in trials]
    pairs = [
        replace(trial, number=2 * k + second, seed=trial.seed + second * apart, pruning=PruningRule())
        for k, trial in enumerate(trials)
        for apart in [_seeds_are_alike(task, trial)]
        for second in range(2)
    ]
    weights = [0.1 * (t.number % 2 == 1 and penalized) for t in pairs]
    pairs = [
        replace(t, parameters={**_plain(t), "activation_penalty": weight})
        for t, weight in zip(pairs, weights, strict=True)
    ]
    try:
        differences = compare_stack(exact, pairs)
    except Exception as error:  # whatever torch and the model make of it
        return {} if _fails_alone(exact, pairs[0]) else dict.fromkeys(names, stack_reason_of(error))
    return {names[number // 2]: why for number, why in differences.items() if why}


def _seeds_are_alike(task: Task, trial: Trial) -> bool:
    """Whether two seeds of a trial have one loss and as many rows, as a stack needs; balanced weights are of
    one seed."""
    own, (one, other) = settings_of(task.study, trial.parameters), (trial.seed, trial.seed + 1)
    return own.loss_key(one) == own.loss_key(other) and part_sizes(task, one) == part_sizes(task, other)


def _changed(task: Task, training: Mapping[str, Any]) -> Task:
    """The task with other values in ``[training]``; stacks of one such task serve all of its trials."""
    section = task.study.training.model_copy(update=dict(training))
    token = f"{task.token} {sorted(training.items(), key=str)}"
    return Task(task.study.model_copy(update={"training": section}), task.data, token)


def _plain(trial: Trial) -> dict[str, Any]:
    """Its parameters without those that `_changed` sets."""
    return {k: v for k, v in trial.parameters.items() if not k.startswith(CHANGED)}


def penalizable(task: Task, trials: Sequence[Trial]) -> list[Trial]:
    """`trials`, those of kinds of penalty that cannot be computed with one that can, if there is one."""
    short = _changed(task, {"steps": 1, "epochs": None, "evaluations": 1})
    kinds = dict[str, bool]()
    """Whether a trial trains with them."""
    for trial in trials:
        settings = settings_of(task.study, trial.parameters)
        if settings.activation_penalty > 0 and settings.penalty_kind not in kinds:
            kinds[settings.penalty_kind] = not _fails_alone(short, trial)
    usable = [kind for kind, trains in kinds.items() if trains]
    other = {kind: usable[0] for kind in kinds if usable and kind not in usable}
    return [
        replace(trial, parameters={**trial.parameters, "penalty_kind": other[kind]})
        if kind in other
        else trial
        for trial in trials
        for kind in [str(trial.parameters.get("penalty_kind"))]
    ]


def _fails_alone(task: Task, trial: Trial) -> bool:
    try:
        with user_code():
            return train(task, trial).outcome == Outcome.FAILED
    except Exception:  # whatever it is, the trial itself raises it
        return True
