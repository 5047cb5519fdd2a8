"""The trials of the search, best first."""

import pandas as pd

from sweeper.records.schema import TRIALS, Outcome
from sweeper.tables.select import completed_search, search_trials
from sweeper.tables.source import Source

BY_OUTCOME = [str(outcome) for outcome in Outcome]
"""Order of those that share no rank: completed, pruned, diverged, failed."""


def best_trials(trials: pd.DataFrame, n: int) -> pd.DataFrame:
    """The `n` completed search trials with the lowest objective; ties go to the lower number. All columns."""
    return completed_search(trials).sort_values(["objective", "trial"], ignore_index=True).head(n)


def leaderboard(trials: pd.DataFrame, n: int = 10) -> pd.DataFrame:
    """rank (from 1), trial, objective, steps, seconds, then the parameters that any of these trials has."""
    best = best_trials(trials, n)
    shown = best[["trial", "objective", "steps", "seconds", *_parameters(best)]]
    shown.insert(0, "rank", range(1, len(shown) + 1))
    return shown


def leaderboard_table(source: Source) -> pd.DataFrame:
    """Every search trial: completed ones by objective, then pruned, diverged and failed ones.

    Columns: rank (from 1; null unless completed), trial, phase, outcome, objective, steps, seconds,
    the parameters that any of them has, reason (why it ended early; empty if completed).
    """
    search = search_trials(source.trials)
    done = search["trial"].isin(completed_search(source.trials)["trial"])
    place = search["outcome"].map({name: index for index, name in enumerate(BY_OUTCOME)})
    order = search.assign(_late=~done, _place=place)
    order = order.sort_values(["_late", "_place", "objective", "trial"], ignore_index=True)
    columns = ["trial", "phase", "outcome", "objective", "steps", "seconds", *_parameters(search), "reason"]
    ranks = pd.Series(range(1, len(order) + 1), index=order.index, dtype="Int64").mask(order["_late"])
    return order[columns].assign(rank=ranks)[["rank", *columns]]


def _parameters(trials: pd.DataFrame) -> list[str]:
    return [name for name in trials.columns if name not in TRIALS.names and trials[name].notna().any()]
