"""Did the search run long enough?"""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import EXPLORATORY, MORE, YES, Claim
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import search_trials, tied_best
from sweeper.components.metric_words import axis_words, metric_words
from sweeper.drawing.scales import loss_axis
from sweeper.drawing.style import HUES, canvas, dots, legend_below, themed
from sweeper.questions.question import FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.wording import capital, count, distinct, every, number, ordinal, whole

COLUMNS = ["trial", "phase", "outcome", "objective", "best_so_far", "metric"]


def history(run: RunData) -> pd.DataFrame:
    """One row per search trial; columns as in `COLUMNS`. Empty if none was completed.

    `best_so_far` is the best objective of the completed trials up to this one; null before the first.
    """
    search = search_trials(run.trials)
    scores = search["objective"].astype(float)
    best = scores.where(search["outcome"] == "completed").cummin().ffill()
    frame = search.assign(objective=scores, best_so_far=best, metric=run.objective)[COLUMNS]
    frame = run.ranked.read(frame, "objective", "best_so_far")
    return frame if best.notna().any() else frame.head(0)


PHASES = {"explore": ("o", HUES[0]), "exploit": ("^", HUES[2])}


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Objectives of `history` and the best so far; marks at the top for trials without score."""
    figure, (axes,) = canvas(height=3.8)
    for phase, (marker, color) in PHASES.items():
        for outcome, fill in (("completed", color), ("pruned", "none")):
            part = frame[(frame["phase"] == phase) & (frame["outcome"] == outcome)]
            if len(part):
                axes.plot(
                    part["trial"],
                    part["objective"],
                    marker,
                    markerfacecolor=fill,
                    markeredgecolor=color,
                    alpha=0.8,
                    **dots(len(frame)),
                    label=f"{phase}, {outcome}",
                )
    axes.plot(
        frame["trial"], frame["best_so_far"], "-", color=HUES[4], drawstyle="steps-post", label="best so far"
    )
    _without_score(axes, frame)
    axes.set(xlabel="trial, in the order of the search", ylabel=axis_words(frame["metric"].iloc[0]))
    loss_axis(axes.yaxis, frame["objective"], highest=Ranked(frame["metric"].iloc[0]).highest)
    legend_below(figure, {str(line.get_label()): line for line in axes.lines})
    for entry in figure.legends[0].get_lines():  # legible however many points there are
        entry.set(**dots(0))
    return figure


def _without_score(axes: Axes, frame: pd.DataFrame) -> None:
    top = axes.get_xaxis_transform()
    for outcome, marker in (("diverged", "x"), ("failed", "+")):
        lost = frame.loc[frame["outcome"] == outcome, "trial"]
        if len(lost):
            style: dict[str, Any] = {
                "color": HUES[1],
                "transform": top,
                "clip_on": False,
                "label": f"{outcome} (no score)",
                **dots(len(frame)),
            }
            axes.plot(lost, [1.03] * len(lost), marker, **style)


def alt(frame: pd.DataFrame) -> str:
    """Outcomes, and how far the best came."""
    counts = frame["outcome"].value_counts()
    outcomes = ", ".join(f"{whole(n)} {outcome}" for outcome, n in counts.items())
    best = frame["best_so_far"].dropna()
    found = frame.loc[best[best == best.iloc[-1]].index[0], "trial"]
    first, last = number(best.iloc[0]), number(best.iloc[-1])
    went = f"went from {first} to {last}, reached at trial {found}"
    if first == last:
        went = f"stayed at {last}, {'to these digits; reached at' if best.nunique() > 1 else 'that of'} "
        went += f"trial {found}"
    metric = metric_words(frame["metric"].iloc[0])
    return f"{count(len(frame), 'search trial')} ({outcomes}). The best {metric} so far {went}."


NEAR = 0.05
"""Share of the way from the best score to the median up to which scores are called the same."""
LATE = 0.8
"""The best found in the last fifth of the search asks for more trials."""


def improvements(history: pd.DataFrame) -> pd.DataFrame:
    """Trials that were better than all before."""
    best = history["best_so_far"]
    better = best.notna() & (best != best.shift())
    return history.loc[better, ["trial", "phase", "objective"]]


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """When the best was found, and what each phase reached."""
    frame = tables["history"]
    found = improvements(frame)
    last, total = found.iloc[-1], len(frame)
    place = int((frame["trial"] <= last["trial"]).sum())
    since = total - place
    name = f"trial #{last['trial']}"
    late = "last trial" if since == 1 else f"last {count(since, 'trial')}"
    first: Statement = f"The {late} of {whole(total)} did not beat {name}."
    size, asked = run.study.space.size(), run.study.search
    if asked.minutes and total < asked.trials and (size is None or total < size):
        first = f"The clock ended the search after {count(total, 'trial')} of {whole(asked.trials)}, see "
        first = f"{first}search.minutes."
    if size is not None and total >= size:
        tried = "was" if size == 1 else "were"
        first = (
            f"{capital(every(size, 'configuration'))} of the space {tried} tried: more trials would repeat "
        )
        first += "it." if size == 1 else "them."
    elif place > LATE * total and (early := _as_good_before(frame, LATE * total)):
        first = (
            f"The best, {name}, was the {ordinal(place)} of {whole(total)}, but {early} had scored the same "
        )
        first += "to three digits before: more trials are not shown to find better."
    elif place > LATE * total:
        was = f"the last of {whole(total)}" if since == 0 else f"the {ordinal(place)} of {whole(total)}"
        was = "the only one" if total == 1 else was
        text = f"The best, {name}, was {was}"
        if asked.sampler == "random":
            first = (
                f"{text}; drawn at random, as many trials again find a better one with a chance of a half."
            )
        else:
            text += ", so more trials may find better; one seed each, so a small gain may be luck"
            first = Claim(MORE, "search", YES, EXPLORATORY, "history", count(total, "trial"), detail=text)
    ranked = run.ranked
    score = number(last["objective"])
    reached = f"The {ranked.best} {ranked.metric} of the search is that of {name}, {score}{_tied(run)}."
    scores = frame[frame["outcome"] == "completed"].groupby("phase")["objective"]
    done = scores.max() if ranked.best == "highest" else scores.min()
    if {"explore", "exploit"} <= set(done.index):
        if _read_alike(frame, done[["explore"]], done["exploit"]).all():
            return first, reached, f"Exploration and exploitation both reached {number(done['exploit'])}."
        ends = distinct([done["explore"], done["exploit"]])
        return first, reached, f"Exploration alone reached {ends[0]}, exploitation {ends[1]}."
    return first, reached


def _as_good_before(history: pd.DataFrame, most: float) -> str:
    """A trial, of the first `most`, whose score reads as that of the best; empty where none does."""
    best = history["best_so_far"]
    alike = history[_read_alike(history, best, best.iloc[-1])].iloc[0]
    return f"trial #{alike['trial']}" if (history["trial"] <= alike["trial"]).sum() <= most else ""


def _read_alike(history: pd.DataFrame, scores: pd.Series, other: float) -> pd.Series:
    """Which `scores` are the same as the `other` to three digits, and not only as all of the search are: they
    lie within `NEAR` of the way from the best to the median."""
    completed = history.loc[history["outcome"] == "completed", "objective"]
    way = abs(float(completed.median()) - float(history["best_so_far"].iloc[-1]))
    return (scores.map(number) == number(other)) & ((scores - other).abs() <= NEAR * way)


def _tied(run: RunData) -> str:
    tied = tied_best(run.trials)
    return f", the first of {whole(tied)} that score so" if tied > 1 else ""


QUESTION = Question(
    key="history",
    question="Did the search run long enough?",
    tables={"history": history},
    figure=FigureSpec(
        name="history",
        table="history",
        title="Search history",
        caption=(
            "Exploration spreads trials over the space; exploitation, where there is any, proposes settings "
            "near good ones. Crosses at the top are trials without a score. A line that still moves at the "
            "right suggests more trials."
        ),
        missing="No trial of the search completed, so there is no history to show.",
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    shown=(Shown("history", "Trials better than all before; the CSV has every trial", improvements),),
    how=(
        "Exploration spreads trials over the search space, and evenly over the values that are compared; "
        "exploitation, of samplers that learn, proposes settings near those that scored well. A pruned trial "
        "ends early because others are ahead at the same step, and never counts as the best.",
        "One seed for each trial: late improvements of a few percent may be luck. The finalists' fresh "
        "seeds decide.",
    ),
)
