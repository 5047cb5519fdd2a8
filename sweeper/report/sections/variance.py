"""Settings or luck: what the finalists' scores vary with, and how far the search had flattered."""

import math

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown
from sweeper.tables.variance import COMPONENTS
from sweeper.wording import count, interval, listing, percent

SETTINGS, SEED, BOTH = COMPONENTS
WORDS = {SETTINGS: "between settings", SEED: "what a seed does to all alike", BOTH: "what it does to each"}
FLATTERED, HARDER, NO_BIAS = "the search flattered them", "the search had been harder", "no bias shown"


def answer(evidence: Evidence) -> tuple[str, ...]:
    """The share of each component with its interval, whether that settles it, and the optimism."""
    frame = evidence.tables["variance"].set_index("component")
    shares = [
        f"{percent(row['share'])} {WORDS[str(name)]} ({percent(row['low'])} to {percent(row['high'])})"
        for name, row in frame.iterrows()
    ]
    first = frame.iloc[0]
    base = f"{count(int(first['finalists']), 'finalist')} on {count(int(first['seeds']), 'fresh seed')}"
    low, high = frame.loc[SETTINGS, "low"], frame.loc[SETTINGS, "high"]
    if high < 0.5:
        judged = "Luck outweighs settings: one training tells little about these finalists."
    elif low > 0.5:
        judged = "Settings outweigh luck among these finalists."
    else:
        judged = "Whether settings or luck weigh more is not settled by so few finalists and seeds."
    said = f"Of the variance of {base}, {listing(shares)}; 95 % intervals."
    return (judged, said, *_optimism(evidence.tables["comparison"], evidence.metric))


def bias(comparison: pd.DataFrame) -> str:
    """What ``tables.comparison`` shows of the search's scores: one of the words below, or nothing known."""
    if comparison.empty or not math.isfinite(comparison["mean_optimism_low"].iloc[0]):
        return ""
    row = comparison.iloc[0]
    if row["mean_optimism_low"] > 0:
        return FLATTERED
    return HARDER if row["mean_optimism_high"] < 0 else NO_BIAS


def _optimism(comparison: pd.DataFrame, metric: str) -> tuple[str, ...]:
    verdict = bias(comparison)
    if not verdict:
        return ()
    row = comparison.iloc[0]
    mean, low, high = interval(*row[["mean_optimism", "mean_optimism_low", "mean_optimism_high"]])
    return (
        f"Fresh seeds minus search, mean {metric} over finalists: {mean} (95 % interval {low} to {high}): "
        f"{verdict}.",
    )


SECTION = Section(
    key="luck",
    question="Was it the settings, or luck?",
    answer=answer,
    figure="variance",
    shown=(Shown("variance", "Variance components"),),
    how=(
        "Analysis of variance of score = mean + settings + seed + rest, all random (Searle, Casella and "
        "McCulloch 1992), over finalists that completed every fresh seed; generalized 95 % intervals "
        "(Weerahandi 1993). Finalists are the best of the search, so settings vary less among them than in "
        "the whole space.",
        "Fresh minus search above 0 holds two things that one search seed cannot tell apart: the lowest of "
        "many is partly luck (winner's curse), and the search's own seed or split may have been easy.",
    ),
)
