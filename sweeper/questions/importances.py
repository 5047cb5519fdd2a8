"""Which parameters mattered."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import EXPLORATORY, MATTERS, YES, Claim
from sweeper.answer.rows import search_trials
from sweeper.drawing.scales import share_ticks
from sweeper.drawing.style import HUES, canvas, legend_below, themed
from sweeper.questions.question import FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.statistics.sizes import FEWEST_TRIALS, MOST_TRIALS, every_nth
from sweeper.trial import HIGHER
from sweeper.wording import count, number, ordinal, percent, spoken


def importances(run: RunData) -> pd.DataFrame:
    """Columns as in `sweeper.search.importances`, the largest share first; empty for few trials.

    every_nth: n: the shares are of the first of `trials` trials and every n-th after it.
    """
    trials = int((search_trials(run.trials)["outcome"] != "failed").sum())
    frame = run.importances.sort_values("importance", ascending=False, ignore_index=True)
    return frame.assign(trials=trials, every_nth=every_nth(trials))


END = 1.02
"""Where the axis of shares ends, and marks beyond it stand."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A bar for each parameter of `importances` with its interval; what is not above chance is grey."""
    figure, (axes,) = canvas(height=1.4 + 0.36 * len(frame))
    places = range(len(frame))
    above = [_is_ranked(row) for row in frame.to_dict("records")]
    axes.barh(places, frame["importance"], height=0.65, color=[HUES[0] if k else "0.75" for k in above])
    axes.hlines(places, frame["low"], frame["high"], color="black", linewidth=1.6, zorder=3)
    axes.plot(
        frame["chance"].clip(upper=END),
        places,
        linestyle="none",
        marker="|",
        markersize=15,
        markeredgewidth=2.2,
        color=HUES[1],
    )
    axes.set_yticks(list(places), list(frame["parameter"]))
    axes.set_ylim(len(frame) - 0.4, -0.6)
    axes.set(xlabel="share of importance, 95 % interval", xlim=(0, END))
    share_ticks(axes.xaxis)
    axes.grid(False, axis="y")
    legend_below(figure, {"most that shuffled scores reach, of the same total": axes.lines[0]}, ncols=2)
    return figure


def alt(frame: pd.DataFrame) -> str:
    """The shares in words."""
    said = [f"{row['parameter']} {_share(row)} ({_chance(row)})" for row in frame.to_dict("records")]
    reach = "the most that shuffled scores reach, of the same total"
    return f"Share of importance of each parameter ({reach}): {', '.join(said)}."


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """The settings above the level of chance, and those that are not ranked."""
    frame = tables["importances"]
    rows = frame.to_dict("records")
    if len(rows) == 1:
        return (
            f"Only {rows[0]['parameter']} varied in every trial, so there is nothing to compare it with.",
        )
    above = [row for row in rows if _is_ranked(row)]
    small = [row for row in rows if row["low"] > row["chance"] and not _is_ranked(row)]
    below = [row for row in rows if not row["low"] > row["chance"]]
    said: list[Statement] = [_claim(row, run) for row in above]
    if not above:
        why = ": shuffled scores reach the intervals of all shares" if not small else ""
        said.append(f"No setting is ranked{why}.")
    if below:
        named = "Their shares:" if not above and not small else "Shuffled scores reach the intervals of"
        said.append(f"{named} {', '.join(map(_unranked, below))}.")
    if small:
        named = f"Above what shuffled scores reach, but below {percent(LEAST)}, which sets little apart"
        said.append(f"{named}: {', '.join(map(_unranked, small))}.")
    if (step := int(frame["every_nth"].iloc[0])) > 1:
        trials = count(int(frame["trials"].iloc[0]), "trial")
        said.append(f"These shares are of every {ordinal(step)} of the {trials}.")
    return (*said, WHAT_A_SHARE_SAYS)


WHAT_A_SHARE_SAYS = (
    "A share says how far a choice tells the best trials from the others that were tried, not which value is "
    "best."
)
LEAST = 0.05
"""Share below which a setting sets no trials apart, whatever chance gives."""


def _is_ranked(row: Mapping[Any, Any]) -> bool:
    return bool(row["low"] > row["chance"] and row["importance"] >= LEAST)


def _unranked(row: Mapping[Any, Any]) -> str:
    """A share, its interval, and the level of chance that one of them does not lie above."""
    ends = f"{percent(row['low'])} to {percent(row['high'])}"
    return f"{spoken(str(row['parameter']))} {_share(row)} ({ends}; shuffled {_chance(row)})"


def _share(row: Mapping[Any, Any]) -> str:
    """In percent, with a decimal where a whole one would reach `LEAST`."""
    share = percent(row["importance"])
    close = row["importance"] < LEAST and share == percent(LEAST)
    return f"{number(100 * row['importance'], 2)} %" if close else share


def _chance(row: Mapping[Any, Any]) -> str:
    """What shuffled scores reach of the total of the shares; how many times it says nothing more."""
    return percent(row["chance"]) if row["chance"] < 1 else "100 % or more"


def _claim(row: Mapping[Any, Any], run: RunData) -> Claim:
    text = f"{percent(row['importance'])} of the importance (95 % interval {percent(row['low'])} to "
    text += f"{percent(row['high'])}; shuffled scores reach {_chance(row)} of the same total)"
    return Claim(
        MATTERS,
        str(row["parameter"]),
        YES,
        EXPLORATORY,
        "importances",
        f"{count(len(search_trials(run.trials)), 'trial')}, one seed each",
        run.objective.removesuffix(HIGHER),
        detail=text,
    )


def missing(run: RunData) -> str:
    """Why no shares are known."""
    trials = search_trials(run.trials)
    trials = trials[trials["outcome"] != "failed"]
    scored = int(np.isfinite(trials["objective"].astype(float)).sum())
    if len(trials) < FEWEST_TRIALS or scored < FEWEST_TRIALS // 2:
        least = f"{FEWEST_TRIALS} trials that did not fail, {FEWEST_TRIALS // 2} of them with a score"
        beside = "" if scored == len(trials) else f", {scored} of them with one"
        return f"Importances take {least}; the search has {len(trials)}{beside}."
    return "No importances: no setting varied in every trial, or the best trials have what the others have."


QUESTION = Question(
    key="importances",
    question="Which settings matter most?",
    tables={"importances": importances},
    figure=FigureSpec(
        name="importances",
        table="importances",
        title="Which parameters mattered",
        caption=(
            "PED-ANOVA (Watanabe, Bansal and Hutter 2023): how much the choice of each parameter sets the "
            "best trials apart from the others, within the ranges that were searched. A bar of which the "
            "interval does not lie above its mark, the most that shuffled scores reach of the same total "
            "(at the end of the axis: all of it or more), is grey and not ranked, as is a share below "
            f"{percent(LEAST)}."
        ),
        missing=missing,
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    shown=(Shown("importances", "Shares sum to 1"),),
    how=(
        "PED-ANOVA (Watanabe, Bansal and Hutter 2023, arXiv 2304.10255) over the trials of the search: how "
        "much the distribution of each parameter among the best tenth, with all trials that tie with the "
        "last of it, differs from that among all. Failed trials are left out, diverged ones count as the "
        "worst. Parameters that only some trials have are left out. Intervals: 40 bootstrap samples of the "
        "trials. Level of chance of a parameter: the most that its distributions differ in 19 shuffles of "
        "the scores, over the same total as the shares, so it may be more than 100 %. Scores are shuffled "
        "among ten neighbouring trials, so that what a search narrowed down late, when all trials were "
        f"good, does not count as its effect. Of more than {MOST_TRIALS} trials, every second, third … one "
        "is taken.",
        "Exploitation, where there is any, samples promising regions more densely, which colours the shares; "
        "parameters that only matter together may get too little.",
    ),
)
