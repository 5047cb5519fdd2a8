"""The trainings of a transfer: at every size a grid of learning rates, on the same seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweeper.commands.lr_range.trials import combinations
from sweeper.errors import StudyError, UserError, shown
from sweeper.study.space import Range
from sweeper.study.study import Given, Study
from sweeper.trial import Trial, cost
from sweeper.wording import given

RATES, SEEDS = 24, 5
FEWEST = 3
"""Sizes from which an exponent is judged: through two points there is always a line."""
AROUND = 30.0
"""A rate that the study does not search is varied by this factor to both sides."""
OVER = "--over KEY=SIZE,SIZE,SIZE, such as model.width=32,64,128"


@dataclass(frozen=True)
class Over:
    """Which key takes which sizes."""

    key: str
    sizes: tuple[int | float, ...]
    """Ascending: what is fitted"""
    to: int | float
    """What is predicted"""
    check: int | float | None = None
    """Trained, too, and predicted from the others"""

    @property
    def trained(self) -> tuple[int | float, ...]:
        """All sizes that are trained, ascending."""
        return tuple(sorted({*self.sizes, *([] if self.check is None else [self.check])}))


def parsed(over: str, to: float, check: float | None) -> Over:
    """What the command line says.

    Raises:
        UserError: naming option and value.
    """
    key, equals, listed = over.partition("=")
    if not equals or not key.startswith(("model.", "training.")):
        raise UserError(
            f"--over {shown(over)}: a key of [model] or [training] with its sizes is needed: {OVER}"
        )
    sizes = []
    for word in listed.split(","):
        try:
            sizes.append(_number(float(word)))
        except (ValueError, OverflowError):
            raise UserError(f"--over {key}: {shown(word)} is no number; allowed: {OVER}") from None
    return checked(Over(key, tuple(sizes), _number(to), None if check is None else _number(check)))


def checked(over: Over) -> Over:
    """`over` with its sizes in order.

    Raises:
        UserError: if there are too few, some are not above 0, or what is predicted is trained.
    """
    sizes = tuple(sorted(set(over.sizes)))
    if len(sizes) < FEWEST:
        raise UserError(
            f"--over {over.key}: {len(sizes)} different sizes; {FEWEST} are needed at least, as through two "
            "points there is always a line"
        )
    for option, size in [("--over", each) for each in sizes] + [("--to", over.to), ("--check", over.check)]:
        if size is not None and not 0 < size < float("inf"):
            raise UserError(f"{option} {over.key}: {given(size)} is no size; allowed: a number above 0")
    for option, size in (("--to", over.to), ("--check", over.check)):
        if size in sizes:
            raise UserError(
                f"{option} {given(size)}: this size is among those of --over; a prediction is for a "
                "size left out"
            )
    return Over(over.key, sizes, over.to, over.check)


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def sized(study: Study, over: Over) -> Study:
    """`study` that searches the sizes, its other values as they are; what it checks is checked for each.

    Raises:
        UserError: if the key or a size is wrong, as `Study` says of a key of its space.
    """
    section, _, name = over.key.partition(".")
    model, training = study.model, study.training
    if section == "model":
        kept = {k: v for k, v in dict(model).items() if k != name} | {
            k: v for k, v in (model.model_extra or {}).items() if k != name
        }
        model = type(model).model_validate(kept)
    space = {**_without(study.search.space, over.key), over.key: list(over.trained)}
    search = study.search.model_copy(update={"space": space, "tries": ()})  # nothing is searched here
    given = Given(name=study.name, data=study.data, model=model, training=training, search=search)
    try:
        return Study(file=f"--over {over.key}", folder=study.folder, **given)
    except StudyError as error:
        raise UserError(str(error).replace(f"search.space.{over.key}", over.key)) from None


def _without(space: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The space without `key`, written with a dot or as a table."""
    head, _, tail = key.partition(".")
    kept = {name: value for name, value in space.items() if name != key}
    if isinstance(kept.get(head), Mapping):
        kept[head] = {name: value for name, value in kept[head].items() if name != tail}
        if not kept[head]:
            del kept[head]
    return kept


def held_by_default(study: Study, key: str) -> dict[str, Any]:
    """A middle configuration of the study's first optimizer, without learning rate and size."""
    return {name: value for name, value in combinations(study)[0].items() if name != key}


def grid(study: Study, optimizer: str, rates: int) -> np.ndarray:
    """(rates,) log-spaced learning rates over the study's range for this optimizer."""
    entry = study.space.entry("learning_rate", optimizer)
    assert entry is not None
    values = entry[1]
    if isinstance(values, Range):
        return np.geomspace(values.low, values.high, rates)
    return np.geomspace(min(values.values) / AROUND, max(values.values) * AROUND, rates)


def transfer_trials(
    over: Over, held: Mapping[str, Any], rates: Sequence[float], seeds: Sequence[int]
) -> list[Trial]:
    """Every size at every rate on every seed."""
    configurations = [
        (seed, {**held, over.key: size, "learning_rate": float(rate)})
        for size in over.trained
        for rate in rates
        for seed in seeds
    ]
    return [
        Trial(number, "explore", seed, parameters, measured=False)
        for number, (seed, parameters) in enumerate(configurations)
    ]


def costs_by_seed(rows: pd.DataFrame, settings: str | list[str], objective: str) -> pd.DataFrame:
    """Costs of trainings, a row for each of the settings and a column for each seed: infinite where one
    diverged; settings of which one failed, and has no row, are left out."""
    costs = np.asarray(cost(objective, rows["objective"].to_numpy(dtype=float)))
    costs = np.where(np.isfinite(costs), costs, np.inf)
    return rows.assign(cost=costs).pivot(index=settings, columns="seed", values="cost").dropna()
