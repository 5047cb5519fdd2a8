"""Which rows of ``trials`` count, in which order, what they are called and what they were trained with."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sweeper.components.optimizers import OPTIMIZER_OPTIONS
from sweeper.records.schema import TRIALS, decode
from sweeper.study.parameters import SCHEDULE_KEYS
from sweeper.study.space import among, same
from sweeper.trial import cost, is_maximized
from sweeper.wording import exact, number, shown

OWN = "model's own"
"""Shown for trials without an activation of the study where the model brings its own."""
FIRST = ("learning_rate", "optimizer", "activation", "activation_penalty")
"""Parameters that stand before all others."""


def as_costs(trials: pd.DataFrame, objective: str) -> pd.DataFrame:
    """`trials` with what ranks them in place of the objective: lower is better, see `sweeper.trial.cost`."""
    if not is_maximized(objective):
        return trials
    return trials.assign(objective=cost(objective, trials["objective"].astype(float)))


def retrained(trials: pd.DataFrame) -> int:
    """How many finalists were trained on fresh seeds, whatever became of them."""
    return int(trials.loc[trials["phase"] == "confirm", "trial"].nunique())


def search_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Rows of the search (explore and exploit), in the order of their numbers."""
    return _by_number(trials, trials["phase"] != "confirm")


def completed_search(trials: pd.DataFrame) -> pd.DataFrame:
    """Search trials that trained to their end with a finite objective."""
    sound = (trials["outcome"] == "completed") & np.isfinite(trials["objective"].astype(float))
    return _by_number(trials, (trials["phase"] != "confirm") & sound)


def _by_number(trials: pd.DataFrame, wanted: "pd.Series[bool]") -> pd.DataFrame:
    """The rows that are `wanted`, by trial: taken at once, as a table has many columns of text."""
    rows = np.flatnonzero(wanted.to_numpy(bool))
    rows = rows[np.argsort(trials["trial"].to_numpy()[rows], kind="stable")]
    return trials.take(rows).reset_index(drop=True)


class FreshScores(NamedTuple):
    """The objective of the finalists on fresh seeds."""

    trials: np.ndarray
    """(finalists,): their numbers, which rise"""
    scores: np.ndarray
    """(finalists, seeds); NaN where a seed was lost or not run"""
    ran: np.ndarray
    """(finalists, seeds): whether it was run"""


def fresh_scores(trials: pd.DataFrame) -> FreshScores:
    """The scores of the confirmations in ``trials``, seeds in their order."""
    fresh = np.flatnonzero((trials["phase"] == "confirm").to_numpy(bool))
    numbers, row = np.unique(trials["trial"].to_numpy("int64")[fresh], return_inverse=True)
    seeds, column = np.unique(trials["seed"].to_numpy()[fresh], return_inverse=True)
    scores = np.full((len(numbers), len(seeds)), np.nan)
    ran = np.zeros(scores.shape, dtype=bool)
    scores[row, column] = trials["objective"].astype(float).to_numpy()[fresh]
    ran[row, column] = True
    return FreshScores(numbers, scores, ran)


def with_names(trials: pd.DataFrame, default: str = OWN) -> pd.DataFrame:
    """`trials` with `default` where the activation is null: that of a built-in model is known."""
    names = trials["activation"].astype(object)
    return trials.assign(activation=names.where(names.notna(), default).astype("str"))


def as_texts(values: "pd.Series[Any]") -> "pd.Series[str]":
    """Values of one setting as people read them: numbers as they would be typed (``10`` also for 10.0,
    ``1e-4``), lists in brackets. Two values have the same text only if they are equal."""
    return pd.Series([_text(value) for value in values], index=values.index, dtype="str")


def _text(value: Any) -> str:
    value = decode(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    if not isinstance(value, int | float | np.number) or isinstance(value, bool | np.bool_):
        return str(value)
    size = abs(float(value))
    if 0 < size < 1e-3:  # as `number` has it, but in all digits
        return f"{'-' if value < 0 else ''}{number(size, 12)}"
    return exact(float(value))


def by_size(text: str) -> tuple[bool, float, str]:
    """Sorts `as_texts`: numbers by their size, before words by the alphabet."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


def with_kinds(trials: pd.DataFrame) -> pd.DataFrame:
    """`trials` without the kind of a penalty whose weight is 0: it is of no kind."""
    if "penalty_kind" not in trials or "activation_penalty" not in trials:
        return trials
    return trials.assign(penalty_kind=trials["penalty_kind"].where(trials["activation_penalty"] != 0))


def label(row: Mapping[Hashable, Any], *, more: int = 0) -> str:
    """A trial in a few words, ``"#17 adam, gelu, lr 0.003, penalty 0.0001"``; what it lacks is left out.
    `more`: further digits of rate and penalty, where it is to be told from another."""
    words = [str(row["optimizer"])]
    if pd.notna(row["activation"]) and row["activation"] != OWN:
        words.append(str(row["activation"]))
    words.append(f"lr {number(row['learning_rate'], 2 + more)}")
    penalty = row.get("activation_penalty", 0.0)
    if pd.notna(penalty) and penalty > 0:
        kind = row.get("penalty_kind")
        words.append(f"{'' if pd.isna(kind) else f'{kind} '}penalty {number(penalty, 1 + more)}")
    words += [_option(name, decode(row[name])) for name in OPTIMIZER_OPTIONS if _is_given(row, name)]
    words += list(_structures(row).values())[:MOST]
    return f"#{row['trial']} " + ", ".join(word for word in words if word)


def _structures(row: Mapping[Hashable, Any]) -> dict[str, str]:
    """Settings of the model and of training, and the schedule, in words; in one order, however the records or
    the study file have them."""
    names = [str(name) for name in row if str(name).startswith(("model.", "training.")) or name == "schedule"]
    return {name: _structure(name, decode(row[name])) for name in in_order(names) if _is_given(row, name)}


def in_order(names: Iterable[str]) -> list[str]:
    """Names of settings as they are shown: the four axes, the schedule, all others by the alphabet. A study
    file that was written anew has them in another order than the one that was run."""
    before = (*FIRST, *SCHEDULE_KEYS)
    return sorted(names, key=lambda name: (before.index(name) if name in before else len(before), name))


def _is_given(row: Mapping[Hashable, Any], name: str) -> bool:
    """Whether the trial has this parameter."""
    value = decode(row.get(name))
    return isinstance(value, tuple) or bool(pd.notna(value))


def _option(name: str, value: Any) -> str:
    """``decay 0.001``, ``momentum 0.95``, ``betas (0.9, 0.99)``, ``nesterov``; nothing if it is off."""
    if name == "weight_decay":
        return f"decay {number(value, 2)}" if value > 0 else ""
    if isinstance(value, bool):
        return name if value else ""
    return f"{name} {shown(value)}"


MOST = 3
"""Settings of the model and of training, and the schedule, that a label has."""


def _structure(name: str, value: Any) -> str:
    """``depth 6``, ``cosine``, ``norm batch``, ``batch size 64``."""
    if name == "schedule":
        return str(value)
    own, _, rest = name.partition(".")
    return f"{rest if own == 'model' else rest.replace('_', ' ')} {shown(value)}"


def labels(trials: pd.DataFrame) -> "pd.Series[str]":
    """`label` of every row; those that say the same of several trials have more digits, and settings of model
    and training that they would leave out and by which these trials differ."""
    rows = trials.to_dict("records")
    said = [label(row) for row in rows]
    alike: dict[str, list[int]] = {}
    for place, each in enumerate(said):
        alike.setdefault(each.partition(" ")[2], []).append(place)
    for places in alike.values():
        if len(places) > 1:
            for place, more in zip(places, _apart([rows[k] for k in places]), strict=True):
                said[place] = ", ".join([label(rows[place], more=2), *more])
    return pd.Series(said, index=trials.index, dtype="str")


def search_labels(trials: pd.DataFrame) -> "pd.Series[str]":
    """`labels` by the number of each trial of the search, among all of which they are told apart: so one is
    called the same wherever it is named."""
    search = search_trials(trials)
    return labels(search).set_axis(search["trial"].to_numpy())


def _apart(rows: Sequence[Mapping[Hashable, Any]]) -> list[list[str]]:
    """Of each row what its label leaves out and these rows do not share."""
    left_out = [dict(list(_structures(row).items())[MOST:]) for row in rows]
    names = in_order({name for each in left_out for name in each})
    unlike = [name for name in names if len({each.get(name, "") for each in left_out}) > 1]
    return [[each[name] for name in unlike if name in each] for each in left_out]


def best_trials(trials: pd.DataFrame, n: int) -> pd.DataFrame:
    """The `n` completed search trials with the lowest objective; ties go to the lower number. All columns."""
    return completed_search(trials).sort_values(["objective", "trial"], ignore_index=True).head(n)


def tied_best(trials: pd.DataFrame) -> int:
    """How many completed search trials have the lowest objective."""
    scores = completed_search(trials)["objective"].astype(float)
    return int((scores == scores.min()).sum())


def leaderboard(trials: pd.DataFrame, n: int = 10, objective: str = "validation_loss") -> pd.DataFrame:
    """rank (from 1), trial, objective, steps, seconds, then the parameters that any of these trials has."""
    best = as_costs(best_trials(as_costs(trials, objective), n), objective)
    shown = best[["trial", "objective", "steps", "seconds", *parameter_columns(best)]]
    shown.insert(0, "rank", range(1, len(shown) + 1))
    return shown


def parameter_columns(trials: pd.DataFrame) -> list[str]:
    """The parameters that any of `trials` has."""
    return [name for name in trials.columns if name not in TRIALS.names and trials[name].notna().any()]


def having(rows: pd.DataFrame, name: str, value: Any) -> "pd.Series[bool]":
    """Which rows have this value of a setting; cells are as in records, lists and mixed values in JSON."""
    cells = [decode(cell) for cell in rows[name]]
    return pd.Series([same(cell, value) for cell in cells], rows.index, dtype=bool)


def parameters_of(row: "pd.Series[Any]") -> dict[str, Any]:
    """The parameters of one row of the ``trials`` table, those that its optimizer does not take left out."""
    names = [name for name in row.index if name not in TRIALS.names]
    return {name: decode(row[name]) for name in names if not pd.isna(row[name])}


def published(rows: pd.DataFrame, defaults: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Whether each trial is one of the published `defaults` (parameters), which nobody tuned or drew."""
    return np.array([among(parameters_of(row), defaults) for _, row in rows.iterrows()], dtype=bool)


def begun(trials: pd.DataFrame) -> pd.DataFrame:
    """Without those that diverged before their first step: no learning rate had any part in that."""
    return trials[~((trials["outcome"] == "diverged") & (trials["steps"] == 0))]


def schedules(trials: pd.DataFrame, fixed: str) -> "pd.Series[str]":
    """The schedule of each trial; `fixed` where the search has none."""
    key = next((key for key in SCHEDULE_KEYS if key in trials), None)
    return pd.Series(fixed, index=trials.index) if key is None else trials[key].fillna(fixed)


def differing(trials: pd.DataFrame) -> list[str]:
    """Settings of which the first of `trials` has a value that none of the others has; what only one side
    has, options of an optimizer, is left out."""
    first, rest = trials.iloc[0], trials.iloc[1:]
    return [
        name
        for name in parameter_columns(trials)
        if pd.notna(first[name]) and rest[name].notna().any() and first[name] not in rest[name].tolist()
    ]


def trained_alone(trials: pd.DataFrame, number: int) -> float | None:
    """The objective of the search's trial `number`, where the reference engine trained it: any program that
    does the same steps gives the same numbers. ``None`` where it trained in a stack."""
    own = trials[(trials["trial"] == number) & (trials["phase"] != "confirm")]
    return float(own["objective"].iloc[-1]) if own["engine"].eq("reference").all() else None


def drawn(trials: pd.DataFrame, unlearned: int, chosen: Sequence[Mapping[str, Any]]) -> frozenset[int]:
    """Numbers of the trials that nobody chose and no result suggested.

    Of the first `unlearned` those that were explored before anything was exploited and have the settings of
    none of `chosen`. The records alone say so: a study whose ranges were changed would now begin otherwise.
    """
    learned = trials.loc[trials["phase"] == "exploit", "trial"].min()
    before = trials["trial"] < (unlearned if pd.isna(learned) else min(unlearned, int(learned)))
    rows = trials[(trials["phase"] == "explore") & before]
    alike = rows[rows["learning_rate"].isin([one["learning_rate"] for one in chosen])]  # few; spares time
    return frozenset(rows["trial"]) - frozenset(alike.loc[published(alike, chosen), "trial"])
