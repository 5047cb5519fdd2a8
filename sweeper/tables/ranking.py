"""The trials of the search, best first."""

import pandas as pd

from sweeper.answer.rows import completed_search, parameter_columns, search_trials
from sweeper.records.schema import Outcome
from sweeper.tables.source import Source

BY_OUTCOME = [str(outcome) for outcome in Outcome]
"""Order of those that share no rank: completed, pruned, diverged, failed."""


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
    columns = [
        "trial",
        "phase",
        "outcome",
        "objective",
        "steps",
        "seconds",
        *parameter_columns(search),
        "reason",
    ]
    ranks = pd.Series(range(1, len(order) + 1), index=order.index, dtype="Int64").mask(order["_late"])
    return order[columns].assign(rank=ranks)[["rank", *columns]]
