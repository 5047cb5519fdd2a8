"""Finalists seed by seed, beside what the search had promised."""

import pandas as pd

from sweeper.answer.confirmed import confirmed
from sweeper.answer.rows import labels, search_trials
from sweeper.tables.source import Source

COLUMNS = [
    "rank",
    "trial",
    "label",
    "seed",
    "outcome",
    "objective",
    "mean",
    "low",
    "high",
    "n",
    "failures",
    "tied",
    "dropped",
    "difference",
    "search_objective",
    "metric",
]


def finalists(source: Source) -> pd.DataFrame:
    """One row per finalist and fresh seed, the winner first; columns as in `COLUMNS`.

    `objective` is the score on that seed, `search_objective` the score in the search, the rest is
    repeated from `confirmed`. Finalists without one completed seed come last, with null means. Empty
    if no finalist completed a seed.
    """
    ranking = confirmed(source.trials)
    rows = source.trials[source.trials["phase"] == "confirm"]
    if ranking.empty:
        return pd.DataFrame(columns=COLUMNS)
    lost = sorted(set(rows["trial"]) - set(ranking["trial"]))
    failures = [int((rows["trial"] == trial).sum()) for trial in lost]
    last = pd.DataFrame({"trial": lost, "n": 0, "failures": failures, "tied": False, "dropped": False})
    ranking = pd.concat([ranking, last], ignore_index=True) if lost else ranking
    ranking = ranking.assign(rank=range(1, len(ranking) + 1), metric=source.objective)
    search = search_trials(source.trials)
    names = pd.DataFrame(
        {"trial": search["trial"], "label": labels(search), "search_objective": search["objective"]}
    )
    seeds = rows[["trial", "seed", "outcome", "objective"]]
    frame = seeds.merge(ranking, on="trial").merge(names, on="trial", how="left")
    return frame.sort_values(["rank", "seed"], ignore_index=True)[COLUMNS]
