"""Settings with which a run gives its winner more fresh seeds: tried on the race that its records tell."""

import math
from typing import Any

import pandas as pd

from sweeper.answer.rows import as_costs, parameters_of, search_trials
from sweeper.search.finalists import next_round, racers
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.study import Study
from sweeper.trial import Outcome
from sweeper.wording import given

NO_TIES = {"matters": 0.0}
"""Keeps a race going that ended because all that were left differ by little."""


def more_seeds(
    study: Study, trials: pd.DataFrame, winner: int, seeds: int, *, ties: bool = False
) -> tuple[str, ...]:
    """``key=value`` of the run that goes on until trial `winner` has `seeds` fresh seeds.

    A race may end before its budget is spent; then a larger budget alone adds nothing. So the race of the
    records, `trials`, is held once more with each change. Empty where none adds a seed: one finalist is left,
    or all that are left score the same. With `ties` no near tie ends the race on its way.
    """
    costs = as_costs(trials, study.objective)
    rows = costs[costs["phase"] == "confirm"]
    numbers, on, values = rows["trial"], rows["seed"], rows["objective"].astype(float)
    scores = {(int(n), int(s)): float(v) for n, s, v in zip(numbers, on, values, strict=True)}
    known = {each.number: each for each in _summaries(costs)}
    chosen, confirm = [each.number for each in racers(study, known, scores)], study.confirm
    larger: dict[str, Any] = {"seeds": seeds}
    if confirm.budget is not None:
        larger = {"budget": seeds * len(chosen)}
    further = larger | NO_TIES if confirm.matters and len(chosen) > 1 else larger
    for changed in (further,) if ties else (larger, further):
        longer = confirm.model_copy(update=changed)
        missing = next_round(longer, chosen, study.search.seed, scores) if chosen else []
        if winner in (number for number, _ in missing):
            return (
                *(f"confirm.{key}={given(value)}" for key, value in changed.items()),
                *no_more(study, trials),
            )
    return ()


def no_more(study: Study, trials: pd.DataFrame) -> tuple[str, ...]:
    """What keeps a search as it is that its clock ended: a run that goes on would search on."""
    made = len(search_trials(trials))
    return (f"search.trials={made}",) if study.search.minutes and made < study.search.trials else ()


def _summaries(costs: pd.DataFrame) -> list[TrialSummary]:
    """Of the trials of the search, as far as finalists are picked by them."""
    return [
        TrialSummary(
            number=int(row["trial"]),
            phase=row["phase"],
            parameters=parameters_of(row),
            outcome=Outcome(row["outcome"]),
            objective=float(row["objective"]) if pd.notna(row["objective"]) else math.nan,
            steps=int(row["steps"]),
            seconds=float(row["seconds"]),
            reason=row["reason"],
            curve={},
        )
        for _, row in search_trials(costs).iterrows()
    ]
