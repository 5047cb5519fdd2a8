"""Each finalist against the winner: who is tied, and what the simplest of them would cost."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweeper.answer.comparison import FAILS, ON_AVERAGE, TIED, WORSE
from sweeper.answer.confirmed import ENOUGH_SEEDS
from sweeper.answer.gain import would_be_seen
from sweeper.report.section import Evidence, Section, Shown
from sweeper.wording import capital, count, listing, number, percent

LOWER = "lower where shared"
"""Possible only where both lost seeds, and not the same ones."""
SAID = {
    TIED: "cannot be told from the winner",
    WORSE: "did worse on average and on most seeds",
    ON_AVERAGE: "did worse on average, but not surely on most seeds",
    LOWER: "did better on the seeds that both completed, but worse over those that each completed",
    FAILS: "diverged or failed on more seeds",
}
NAMED = 3
"""Finalists whose numbers are spelled out; the table has all."""


def against_the_winner(frame: pd.DataFrame) -> pd.DataFrame:
    """Differences and what they cost, without the means, which stand in the section before."""
    columns = ["rank", "label", "verdict", "difference", "difference_low", "difference_high", "p_better"]
    columns += ["seen", "p_low", "p_high", "extras", "simplest", "expected_regret"]
    return frame[columns].rename(columns={"label": "finalist"})


def answer(evidence: Evidence) -> tuple[str, ...]:
    """Verdicts, paired numbers of the next finalists, the simplest tied one, the expected cost."""
    frame = evidence.tables["comparison"]
    winner, *others = frame.to_dict("records")
    if not others:
        return ("Only one finalist completed a fresh seed, so there is nothing to compare it with.",)
    if winner["n"] == 1:
        return (f"One fresh seed cannot tell {len(frame)} finalists apart; confirm on more seeds.",)
    if winner["n"] < ENOUGH_SEEDS:
        few = f"{count(winner['n'], 'fresh seed')} are too few to call one of {len(frame)} finalists worse"
        return (f"{capital(few)}; confirm on {ENOUGH_SEEDS} or more.",)
    verdicts = [
        f"{len(part)} {words}"
        for name, words in SAID.items()
        if (part := [row for row in others if _verdict(row) == name])
    ]
    said = [f"Of {count(len(others), 'other finalist')}, {listing(verdicts)}."]
    said += [text for row in others[:NAMED] if (text := _numbers(row, evidence.metric))]
    return (*said, *simplest(frame, evidence.metric), *_regret(frame, evidence.metric))


def _verdict(row: Mapping[Any, Any]) -> str:
    return LOWER if row["verdict"] == ON_AVERAGE and row["difference"] < 0 else str(row["verdict"])


def _numbers(row: Mapping[Any, Any], metric: str) -> str:
    """Difference and P(winner < finalist), each with its interval; empty where seeds are too few."""
    if not math.isfinite(row["difference_low"]):
        return ""
    text = f"{row['label']}: {_difference(row, metric)}"
    if math.isfinite(row["p_better"]):
        text += f"; P(winner is lower on a fresh seed) = {percent(row['p_better'])} "
        text += f"({percent(row['p_low'])} to {percent(row['p_high'])})"
    return f"{text}{_seen(row)}."


def _seen(row: Mapping[Any, Any]) -> str:
    """Of a finalist that is tied: what difference these seeds would have shown."""
    return would_be_seen(row["seen"], row["seen_share"], " of the winner's") if row["verdict"] == TIED else ""


def _difference(row: Mapping[Any, Any], metric: str) -> str:
    """Above 0 where the winner is lower, as in the table."""
    ends = f"{number(row['difference_low'])} to {number(row['difference_high'])}"
    return f"{metric} minus that of the winner {number(row['difference'])} (interval {ends})"


def simplest(frame: pd.DataFrame, metric: str) -> tuple[str, ...]:
    """The simplest of the winner and those tied with it, and its price; nothing where none is tied."""
    tied = frame[frame["tied"]]
    if len(tied) < 2:
        return ()
    row = frame[frame["simplest"]].iloc[0].to_dict()
    if row["rank"] == 1:
        return ("No finalist tied with the winner is simpler than it.",)
    price = f" Its price: {_difference(row, metric)}." if math.isfinite(row["difference_low"]) else ""
    return (f"The simplest of those tied is {row['label']}.{price}",)


def _regret(frame: pd.DataFrame, metric: str) -> tuple[str, ...]:
    cost = frame["expected_regret"].iloc[0]
    if not math.isfinite(cost):
        return ()
    some = (frame["failures"] > frame["failures"].min()).any()
    best = "best finalist that lost as few seeds" if some else "best finalist"
    return (
        f"Using the winner is expected to cost {number(cost)} of {metric} against the {best}, had one known "
        "which that is.",
    )


SECTION = Section(
    key="finalists",
    question="Is the winner really better than the other finalists?",
    answer=answer,
    figure="comparison",
    shown=(Shown("comparison", "Paired differences to the winner", against_the_winner),),
    how=(
        "Differences are taken seed by seed. Their intervals hold the truth all of them at once, in 95 % of "
        "races: the winner was picked by the same numbers, so each rival is held against the largest "
        "statistic that identical settings show (step-down). A call asks for more than an interval above 0: "
        "identical settings are called different in at most 3 % of races, over all their looks, so that "
        "false calls stay rare where one setting is skewed or has rare bad seeds and its rivals have not. "
        "No interval can allow for what no seed has shown. Tied: not called. What would have been seen is "
        "the difference that is called in 80 % of races with as many seeds and as much luck. P(winner is "
        "lower) counts seeds, with Wilson's 95 % interval; “on most seeds” asks for at least 75 % and for an "
        "interval above one half (Bouthillier et al. 2021, arXiv 2103.03098).",
        "Simplest: the smallest searched model, then the fewest parts beyond plain gradient descent on ReLU "
        "layers (penalty, decay, dropout, schedule, momentum, numbers that the optimizer stores for each "
        "weight). The expected cost draws the means as the seeds leave them possible (Bayesian bootstrap).",
    ),
)
