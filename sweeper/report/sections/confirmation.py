"""The finalists on fresh seeds."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown
from sweeper.report.sections.variance import FLATTERED, bias
from sweeper.report.words import count, interval, listing, number


def one_row_each(finalists: pd.DataFrame) -> pd.DataFrame:
    """Without the seeds: a row per finalist."""
    ranks = finalists.drop_duplicates("rank")
    columns = ["rank", "label", "mean", "low", "high", "n", "failures", "tied", "search_objective"]
    return ranks[columns].rename(columns={"label": "finalist", "n": "seeds"})


def answer(evidence: Evidence) -> tuple[str, ...]:
    """Who won, who is tied, what was lost, and how far the search had flattered the winner."""
    ranks = evidence.tables["finalists"].drop_duplicates("rank").to_dict("records")
    first, others = ranks[0], ranks[1:]
    score = _score(first)
    said = [
        f"{first['label']} has the lowest mean {evidence.metric} over "
        f"{count(first['n'], 'fresh seed')}: {score}."
        if others
        else f"{first['label']} was the only finalist; its mean {evidence.metric} over "
        f"{count(first['n'], 'fresh seed')} is {score}."
    ]
    tied = [row["label"] for row in others if row["tied"]]
    if tied and first["n"] == 1:
        said.append(f"One seed cannot tell it from {listing(tied)}.")
    elif tied:
        said.append(
            f"These seeds cannot tell it from {listing(tied)}: {'its' if len(tied) == 1 else 'their'} "
            "paired difference to the winner has an interval that contains 0."
        )
    elif others:
        said.append("Every other finalist did worse on the same seeds, or failed on more of them.")
    lost = [
        f"{row['label']} on {row['failures']} of {row['n'] + row['failures']}"
        for row in ranks
        if row["failures"]
    ]
    if lost:
        said.append(f"Seeds that diverged or failed: {listing(lost)}.")
    said.append(_flattery(first, bias(evidence.tables["comparison"])))
    return tuple(said)


def _score(row: Mapping[Any, Any]) -> str:
    if not math.isfinite(row["low"]):
        return f"{number(row['mean'])} (one seed, so its spread is not known)"
    mean, low, high = interval(row["mean"], row["low"], row["high"])
    return f"{mean} (95 % interval {low} to {high})"


def _flattery(first: Mapping[Any, Any], shown: str) -> str:
    """The winner's score in the search beside its mean; `shown` is what the finalists show together."""
    search, mean = first["search_objective"], first["mean"]
    if search < mean:
        relation = "below its mean on fresh seeds"
        if shown == FLATTERED:
            reason = "; the search flattered the finalists, so trust the fresh seeds"
        elif shown:
            reason = (
                ", which one seed may do: the finalists together do not show that the search flattered them"
            )
        else:
            reason = "; the lowest of many may owe that to luck, so trust the fresh seeds"
    else:
        relation = "above its mean on fresh seeds" if search > mean else "equal to its mean on fresh seeds"
        reason = ""
    return f"In the search the winner scored {number(search)} on one seed, {relation}{reason}."


SECTION = Section(
    key="confirmation",
    question="Which settings win on fresh seeds?",
    answer=answer,
    figure="confirmation",
    shown=(Shown("finalists", "One row per finalist; the CSV has every seed", one_row_each),),
    how=(
        "The best trials of the search, and the best of each compared value, were trained again. A fresh "
        "seed draws initial weights, batch order and, where the data came unsplit, a new split into "
        "training and validation rows. All finalists get the same seeds, so they are compared pair by pair.",
        "Intervals are 95 % intervals of the mean over seeds; that of the winner allows for its having "
        "been picked as the lowest, those of paired differences for the number of finalists. A finalist is "
        "tied when the interval of its difference to the winner contains 0. One that failed on more seeds "
        "ranks after those that failed on fewer.",
        "The winner is the lowest of the finalists' means, so on average its own mean flatters a little.",
    ),
)
