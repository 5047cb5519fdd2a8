"""Settings or luck: what the finalists' scores vary with, and how far the search had flattered."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import CONFIRMED, LUCK, OPEN, Claim
from sweeper.answer.luck import complete_scores, ends_in_words
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import retrained
from sweeper.drawing.scales import share_ticks
from sweeper.drawing.style import HUES, canvas, themed
from sweeper.questions.question import ANSWER, FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.statistics.variance import COMPONENTS, settings_share, share_intervals
from sweeper.wording import count, interval, listing, percent

COLUMNS = ["component", "variance", "sd", "share", "low", "high"]
ON_A_SEED = ["share_on_a_seed", "low_on_a_seed", "high_on_a_seed"]
COLUMNS += [*ON_A_SEED, "finalists", "seeds", "metric"]


def variance(run: RunData) -> pd.DataFrame:
    """Variance components of the scores of the finalists on fresh seeds; columns as in `COLUMNS`.

    Model: score = mean + settingsᵢ + seedⱼ + restᵢⱼ, all random. `settings`: between finalists. `seed`: what
    a seed does to all finalists alike. `settings × seed`: what a seed does to each differently. Weights,
    batches and split may do either. By analysis of variance (Searle, Casella and McCulloch 1992, ch. 4):
    σ²_rest = MS_rest, σ²_settings = (MS_settings − MS_rest) / seeds, σ²_seed = (MS_seed − MS_rest) /
    finalists, cut off at 0. `share` is of their sum, with a 95 % generalized interval (Weerahandi 1993): mean
    squares divided by draws of χ² / d.f. share_on_a_seed leaves `seed` out, see `settings_share`. Finalists
    that failed on a seed are left out. Empty below two finalists and two seeds. Finalists are picked, most of
    them for their scores, so settings tend to vary less among them than in the whole space.
    """
    values = complete_scores(run.trials, run.answer.trial if run.answer else None)
    finalists, seeds = values.shape
    if finalists < 2 or seeds < 2 or np.ptp(values) == 0:
        return pd.DataFrame(columns=COLUMNS)
    found, low, high = share_intervals(values)
    frame = pd.DataFrame({"component": COMPONENTS, "variance": found, "sd": np.sqrt(found)})
    frame = frame.assign(share=found / found.sum(), low=low, high=high)
    own, least, most = settings_share(values)
    unknown = np.nan, np.nan, np.nan
    frame[ON_A_SEED] = [(own, least, most), unknown, (1 - own, 1 - most, 1 - least)]
    return frame.assign(finalists=finalists, seeds=seeds, metric=run.objective)[COLUMNS]


MEANINGS = {
    "settings": "settings",
    "seed": "seed,\nalike for all",
    "settings × seed": "seed,\neach differently",
}


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A bar for each component of `variance`, with the interval of its share."""
    figure, (axes,) = canvas(height=2.5)
    places = range(len(frame))
    axes.barh(places, frame["share"], height=0.6, color=[HUES[0], HUES[7], HUES[6]][: len(frame)])
    axes.hlines(places, frame["low"], frame["high"], color="black", linewidth=1.8, zorder=3)
    for place, row in enumerate(frame.to_dict("records")):
        axes.annotate(
            percent(row["share"]),
            (max(row["high"], row["share"]), place),
            (5, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(list(places), [MEANINGS[name] for name in frame["component"]])
    axes.set_ylim(len(frame) - 0.4, -0.6)
    axes.set(xlabel="share of the variance of scores", xlim=(0, 1.1))
    share_ticks(axes.xaxis)
    axes.grid(False, axis="y")
    return figure


def alt(frame: pd.DataFrame) -> str:
    """Shares with intervals."""
    said = [
        f"{row['component']} {percent(row['share'])} ({percent(row['low'])} to {percent(row['high'])})"
        for row in frame.to_dict("records")
    ]
    first = frame.iloc[0]
    counts = f"{first['finalists']} finalists on {first['seeds']} seeds"
    return f"Shares of the variance of scores with 95 % intervals, {counts}: {', '.join(said)}."


SETTINGS, SEED, BOTH = COMPONENTS
WORDS = {
    SETTINGS: "between settings",
    SEED: "a seed's effect on all settings",
    BOTH: "a seed's effect on each",
}
FLATTERED, HARDER, NO_BIAS = "the search was optimistic", "the search was pessimistic", "no bias shown"
FEW_MAKE_IT = "most finalists do not differ that way, so this says nothing of the search"


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """The share of each component with its interval, whether that settles it, and the optimism."""
    frame = tables["variance"].set_index("component")
    shares = [
        f"{percent(row['share'])} {WORDS[str(name)]} ({ends_in_words(row['low'], row['high'])})"
        for name, row in frame.iterrows()
    ]
    first, raced = frame.iloc[0], retrained(run.trials)
    lasted = int(first["finalists"])
    on = count(int(first["seeds"]), "fresh seed")
    base = f"{count(lasted, 'finalist')} on {on}"
    if lasted < raced:
        base = f"the {lasted} of {raced} finalists that completed the {on} compared"
    share, low, high = frame.loc[SETTINGS, ON_A_SEED]
    side = "luck" if high < 0.5 else "settings" if low > 0.5 else ""
    seeds = int(first["seeds"])
    few = seeds < ENOUGH_SEEDS  # whose interval may lie on one side all the same
    side = "" if few else side
    own = f"of what tells them apart on one seed, {percent(share)} is due to settings"
    own += f" ({ends_in_words(low, high)})"
    said = f"of the variance of {base}, with 95 % intervals, {listing(shares)}; {own}"
    status = CONFIRMED if side else OPEN
    judged = Claim(LUCK, "finalists", side, status, "luck", base, seeds=seeds, detail=said)
    return (judged, *_optimism(tables["comparison"], run.metric))


def bias(comparison: pd.DataFrame) -> str:
    """What `comparison` shows of the search's scores: one of the words above, or nothing known.

    A mean is of the search where most finalists differ the same way: one that does far worse on fresh seeds
    makes a mean, too.
    """
    if comparison.empty or not math.isfinite(comparison["mean_optimism_low"].iloc[0]):
        return ""
    row = comparison.iloc[0]
    above, below = (HARDER, FLATTERED) if Ranked(row["metric"]).highest else (FLATTERED, HARDER)
    sign = 1 if row["mean_optimism_low"] > 0 else -1 if row["mean_optimism_high"] < 0 else 0
    if not sign:
        return NO_BIAS
    if (sign * comparison["optimism"].dropna() > 0).mean() <= 0.5:
        return FEW_MAKE_IT
    return above if sign > 0 else below


def _optimism(comparison: pd.DataFrame, metric: str) -> tuple[str, ...]:
    verdict = bias(comparison)
    if not verdict:
        return ()
    row = comparison.iloc[0]
    mean, low, high = interval(*row[["mean_optimism", "mean_optimism_low", "mean_optimism_high"]])
    who = count(int(row["optimism_finalists"]), "finalist")
    seeds = count(int(row["optimism_seeds"]), "fresh seed")
    return (
        f"Fresh seeds minus search, mean {metric} of {who} picked by search score on {seeds}: {mean} (95 % "
        f"interval {low} to {high}): {verdict}.",
    )


def missing(run: RunData) -> str:
    """Why the spread of the finalists is not split."""
    finalists, seeds = complete_scores(run.trials, run.answer.trial if run.answer else None).shape
    if finalists < 2 or run.answer is None:
        return "Fewer than two finalists completed the fresh seeds, so their spread is not split."
    if seeds < 2:
        return "One fresh seed has no spread that could be split."
    return "All finalists have the same score on every fresh seed, so there is no spread to split."


QUESTION = Question(
    key="luck",
    question="Settings or luck?",
    part=ANSWER,
    tables={"variance": variance},
    figure=FigureSpec(
        name="variance",
        table="variance",
        title="Settings or luck",
        caption=(
            "The spread of the finalists' scores on fresh seeds, split into three parts: between settings, a "
            "seed's effect on all settings, and its effect on each. Lines are 95 % intervals. What a seed "
            "does to all alike decides between none of them; where its effect on each weighs more than "
            "settings, one training of each says little about settings."
        ),
        missing=missing,
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    shown=(Shown("variance", "Variance components"),),
    how=(
        "Analysis of variance of score = mean + settings + seed + rest, all random (Searle, Casella and "
        "McCulloch 1992), over finalists that completed every fresh seed of the winner; generalized 95 % "
        "intervals (Weerahandi 1993). Whether settings or luck weigh more is judged without what a seed does "
        "to all alike, which decides between none: σ²_settings / (σ²_settings + σ²_rest), whose interval "
        "follows from the F distribution. Finalists are picked, most of them for their scores, so settings "
        "tend to vary less among them than in the whole space.",
        "A search that was optimistic has two possible causes that one search seed cannot separate: the "
        "best of many is partly luck (winner's curse), and what the search's own seed drew may have been "
        "easy. “Fresh seeds minus search” leaves a published default out where a trial that is no finalist "
        "has a better search score: that score did not pick the default. Finalists that dropped out or "
        "lost seeds count; the seeds are those that all of them completed. Where these are fewer than two, "
        "those that lost more seeds than the winner do not count.",
    ),
)
