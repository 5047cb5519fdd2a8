"""The finalists on fresh seeds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sweeper.answer.confirmed import ENOUGH_SEEDS
from sweeper.answer.placing import Finalist, losses, lower_means, placing
from sweeper.report.section import Evidence, Section, Shown
from sweeper.report.sections.variance import FLATTERED, bias
from sweeper.wording import capital, count, interval, listing, number


def one_row_each(finalists: pd.DataFrame) -> pd.DataFrame:
    """Without the seeds: a row per finalist."""
    ranks = finalists.drop_duplicates("rank")
    columns = ["rank", "label", "mean", "low", "high", "n", "failures", "tied", "search_objective"]
    return ranks[columns].rename(columns={"label": "finalist", "n": "seeds"})


def answer(evidence: Evidence) -> tuple[str, ...]:
    """Who won, who is tied, what was lost, and how far the search had flattered the winner."""
    ranks = evidence.tables["finalists"].drop_duplicates("rank").to_dict("records")
    first, others = ranks[0], ranks[1:]
    finalists = [_finalist(row, evidence.tables["finalists"]) for row in ranks]
    placed = placing(finalists, evidence.metric, first["label"], "has")
    said = [
        f"{placed} over {count(first['n'], 'fresh seed')}: {_score(first)}."
        if _plain(finalists)
        else f"{placed}; its mean {evidence.metric} over {count(first['n'], 'seed')} is {_score(first)}."
    ]
    said += [f"{clause}." for clause in lower_means(finalists)]
    tied = [row["label"] for row in others if row["tied"]]
    if tied and first["n"] == 1:
        said.append(f"One seed cannot tell it from {listing(tied)}.")
    elif tied and first["n"] < ENOUGH_SEEDS:
        few = f"{count(first['n'], 'seed')} are too few to tell it from {listing(tied)}; that does not make"
        said.append(f"{capital(few)} {'it' if len(tied) == 1 else 'them'} as good.")
    elif tied:
        said.append(
            f"These seeds cannot tell it from {listing(tied)}: {'its' if len(tied) == 1 else 'their'} "
            "paired difference to the winner is too small for a call."
        )
    said += _others(evidence.tables["comparison"], finalists, tied=bool(tied))
    lost = [
        f"{row['label']} {losses(finalist)} of {finalist.tried}"
        for row, finalist in zip(ranks, finalists, strict=True)
        if finalist.lost
    ]
    if lost:
        said.append(f"Seeds lost: {listing(lost)}.")
    said.append(_flattery(first, bias(evidence.tables["comparison"])))
    return tuple(said)


def _finalist(row: Mapping[Any, Any], finalists: pd.DataFrame) -> Finalist:
    own = finalists[finalists["rank"] == row["rank"]]
    diverged = int((own["outcome"] == "diverged").sum())
    lost = (diverged, row["failures"] - diverged)
    return Finalist(row["label"], row["mean"], row["n"], *lost, bool(row["dropped"]), row["difference"])


def _plain(finalists: Sequence[Finalist]) -> bool:
    """Several finalists on the same seeds, none of them lost: what was said of the mean goes for all."""
    one = len({finalist.completed for finalist in finalists}) == 1
    return len(finalists) > 1 and one and not any(finalist.lost for finalist in finalists)


def _others(comparison: pd.DataFrame, finalists: Sequence[Finalist], *, tied: bool) -> list[str]:
    """Of those that are not tied: worse on the same seeds, lower on the shared ones, or lost more seeds."""
    apart = comparison.iloc[1:][~comparison["tied"].iloc[1:].astype(bool)]
    more = apart["failures"] > comparison["failures"].min()
    lower = apart[~more & (apart["difference"] < 0)]
    said = [
        f"On the seeds that both completed, {name} is lower than the winner; each lost other seeds."
        for name in lower["label"]
    ]
    worse = apart[~more & (apart["difference"] > 0)]
    lost = sum(finalist.lost > finalists[0].lost for finalist in finalists)
    if tied or worse.empty or len(worse) + lost < len(finalists) - 1:
        return said
    ends = "did worse on the seeds that both had"
    return [*said, f"Every other finalist {f'{ends}, or lost more of them' if lost else ends}."]


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
        "The two best trials of the search were trained again, with the best of other combinations of the "
        "compared values and the best published default. A fresh seed draws initial weights, batch order "
        "and, where the data came unsplit, a new split into training and validation rows. Finalists get "
        "the same seeds, so they are compared pair by pair.",
        "It is a race. After 4, 6, 8, 10, 13 … seeds, finalists drop out that are worse than the leader by "
        "then, with more evidence than an interval above 0, or lost two seeds more; their seeds go to "
        "those that are left. It ends when one is left, when all that are left are known to differ by less "
        "than confirm.matters, or when the budget is spent. Intervals hold whenever it ends.",
        "Intervals of means are 95 % intervals, each by itself; that of the winner allows for its having "
        "been picked as the lowest. Those of paired differences hold all at once. They hold on the condition "
        "that the seeds have shown what luck can do: of a setting with one bad seed in twenty, ten seeds "
        "often show none. A finalist is tied when it is not called worse. One that failed on more seeds "
        "ranks after those that failed on fewer.",
        "The winner has the lowest mean of the finalists that lost the fewest seeds, so on average its own "
        "mean flatters a little.",
    ),
)
