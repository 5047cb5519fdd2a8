"""Whether loss, scores and objective fit each other, as far as the study tells without its data."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from sweeper.components.losses import LOSSES
from sweeper.components.metrics import METRICS, named, names
from sweeper.errors import MAX_MISTAKES, Mistake, did_you_mean
from sweeper.study.sections import SearchSection, TrainingSection
from sweeper.study.space import Space
from sweeper.suggestions import suggestion
from sweeper.user_code.lookup import is_built_in

OPTIONS = ("label_smoothing", "class_weight", "quantile", "ignore_index")
ALWAYS = ("validation_loss", "validation_error", "train_loss")
"""Objectives that need no score."""


def metric_name(source: Any) -> str:
    """The name under which a score of ``training.metrics`` is recorded: that of its function."""
    if isinstance(source, str):
        return source.rpartition(":")[2].rpartition(".")[2]
    return str(getattr(source, "__name__", type(source).__name__))


def check_loss_options(training: TrainingSection, space: Space | None, mistakes: list[Mistake]) -> None:
    """Options that the loss does not take would do nothing."""
    searched = space.listed("training.loss") if space else ()
    losses = [loss for loss in (training.loss, *searched) if isinstance(loss, str)]
    taken = {option for loss in losses if loss in LOSSES for option in LOSSES[loss].options}
    for option in OPTIONS:
        value, default = getattr(training, option), TrainingSection.model_fields[option].default
        in_space = space is not None and f"training.{option}" in space.parameters
        if option in taken or (value == default and not in_space):
            continue
        fit = " or ".join(name for name, loss in LOSSES.items() if option in loss.options)
        where = f"search.space.training.{option}" if in_space else f"training.{option}"
        mistakes.append(
            Mistake(where, f"only loss {fit} has it; leave it out", value if not in_space else None)
        )


def check_metrics(sources: Sequence[Any], look_up: Callable[[Any], Any], mistakes: list[Mistake]) -> None:
    """Names that are none, functions that cannot be found, and two scores of one name."""
    key, seen = "training.metrics", set[str]()
    for source in sources[:MAX_MISTAKES]:
        name = metric_name(source)
        if is_built_in(source):
            if not named(source):
                mistakes.append(
                    Mistake(key, did_you_mean(source, [*names(), "package.module:function"]), source)
                )
        elif look_up(source) is not None and (named(name) or name in ("loss", "error")):
            problem = (
                f"{name!r} is the name of a built-in score: leave it out, or name yours otherwise, as by "
                f"`from … import {name} as own_{name}` in a module of yours"
            )
            mistakes.append(Mistake(key, problem, source if isinstance(source, str) else None))
        if name in seen:
            mistakes.append(Mistake(key, "listed twice", name))
        seen.add(name)


PART = re.compile(r"^(val|valid|validation|dev|eval|test)[_./ -]")
"""How others begin the names of scores of rows that were not trained on."""


def check_objective(
    search: SearchSection, space: Space, training: TrainingSection, mistakes: list[Mistake]
) -> None:
    """The objective must be recorded, fit the loss, and have a direction."""
    losses = LOSSES.get(training.loss) if isinstance(training.loss, str) else None
    name = search.objective.removeprefix("validation_")
    users = [metric_name(m) for m in training.metrics if not is_built_in(m)]
    problem = ""
    if search.objective in ALWAYS:
        if name == "error" and losses and losses.task == "regression":
            problem = f"the share of wrong classes, which loss {losses.name} has none of; use validation_loss"
    elif not search.objective.startswith("validation_") or not (named(name) or name in users):
        if losses or not search.objective.startswith("validation_"):  # a loss of the user's may have parts
            fitting = [each for each in (*users, *names()) if losses is None or _fits(losses.task, each)]
            every = [*ALWAYS, *(f"validation_{each}" for each in fitting)]
            if losses and losses.task == "regression":
                every.remove("validation_error")
            whole = f"validation_{PART.sub('', search.objective)}"
            problem = did_you_mean(whole if suggestion(whole, every) else search.objective, every)
            if any(each.key == "training.metrics" for each in mistakes):
                return  # a score that is refused may be the one
    elif losses and not _fits(losses.task, name):
        fit = dict.fromkeys(f"validation_{m.name}" for m in METRICS if m.task == losses.task)
        problem = f"no score beside loss {losses.name}; use validation_loss, {', '.join(fit)}"
    if problem:
        mistakes.append(Mistake("search.objective", problem, search.objective))
    else:
        _check_direction(search, name, mistakes)
    _check_several_losses(search, space, losses.task if losses else "", mistakes)


def _fits(task: str, name: str) -> bool:
    """Whether a score goes with losses of a task; one of the user's goes with all."""
    return not named(name) or bool(_tasks(task) & {metric.task for metric in named(name)})


def _tasks(task: str) -> set[str]:
    """Those of a loss: whether classes come in sequences is known with the data."""
    return {task, "sequence"} if task == "classification" else {task}


def _check_direction(search: SearchSection, name: str, mistakes: list[Mistake]) -> None:
    known = {metric.maximize for metric in named(name)} or ({False} if search.objective in ALWAYS else set())
    if not known and search.maximize is None:
        problem = f"say whether higher values of {search.objective} are better: true or false"
        mistakes.append(Mistake("search.maximize", problem))
    elif known and search.maximize not in (None, *known):
        side = "higher" if True in known else "lower"
        problem = f"of {search.objective} {side} values are better; leave it out"
        mistakes.append(Mistake("search.maximize", problem, search.maximize))


def _check_several_losses(search: SearchSection, space: Space, task: str, mistakes: list[Mistake]) -> None:
    if "training.loss" not in space.parameters:
        return
    where = "search.space.training.loss"
    if search.objective in ("validation_loss", "train_loss"):
        other = "rmse" if task == "regression" else "error"
        problem = (
            f"values of different losses cannot be ranked by {search.objective}: set search.objective = "
            f'"validation_{other}", or run one study for each loss'
        )
        mistakes.append(Mistake(where, problem))
    tasks = {LOSSES[loss].task for loss in space.listed("training.loss") if loss in LOSSES}
    if task and tasks - {task}:
        problem = f"all losses must be for the same kind of targets as training.loss ({task})"
        mistakes.append(Mistake(where, problem))
