"""Loss against learning rate."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import AHEAD, CONFIRMED, TIES
from sweeper.answer.ranked import Ranked
from sweeper.drawing.scales import log_axis, loss_axis
from sweeper.drawing.style import HUES, canvas, dots, label_lowest, legend_below, themed
from sweeper.questions.basins import FIGURE, HOW, TABLES, TABLES_SHOWN, basins, close
from sweeper.questions.basins import sentences as in_words
from sweeper.questions.divergence import ANY, boundaries
from sweeper.questions.losses import capped_losses, none_learned
from sweeper.questions.question import WHY, FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.questions.tied_rates import tied_rates
from sweeper.statistics.decades import part_of
from sweeper.trial import Outcome
from sweeper.wording import count, every, listing, number, whole

COLUMNS = [
    "trial",
    "optimizer",
    "activation",
    "learning_rate",
    "outcome",
    "loss",
    "initial",
    "capped",
    "bin_low",
    "bin_high",
    "best_in_bin",
    "basin_low",
    "basin_high",
    "boundary",
    "metric",
]


def learning_rate(run: RunData) -> pd.DataFrame:
    """One row per search trial that did not fail, ordered by optimizer and learning rate.

    loss, initial and capped: see `capped_losses`; of a score that is maximised, loss and initial are the
    score itself. Of each half decade, from `bin_low` to `bin_high`, the best completed trial of each
    optimizer is marked `best_in_bin`. basin_low, basin_high and boundary are those of the optimizer with any
    activation, see `basins` and `boundaries`; null where there is none.
    Learning rates of 0 have no place.
    """
    frame = capped_losses(run)
    frame = frame[frame["learning_rate"] > 0].assign(metric=run.objective)
    index = frame.groupby("optimizer")["learning_rate"].transform(part_of, BINS_PER_DECADE)
    frame = frame.assign(
        bin_low=10 ** (index / BINS_PER_DECADE),
        bin_high=10 ** ((index + 1) / BINS_PER_DECADE),
    )
    frame = frame.sort_values(["optimizer", "learning_rate", "trial"], ignore_index=True)
    done = frame[frame["outcome"] == COMPLETED]
    best = done.sort_values(["loss", "trial"]).drop_duplicates(["optimizer", "bin_low"]).index
    frame = frame.assign(best_in_bin=frame.index.isin(best))
    for name, table, column in (
        ("basin_low", basins, "low"),
        ("basin_high", basins, "high"),
        ("boundary", boundaries, "boundary"),
    ):
        found = table(run)
        if table is basins:  # one trial is none
            found = found[found["within"] > 1]
        known = found[found["activation"] == ANY].set_index("optimizer")[column].astype(float)
        frame[name] = frame["optimizer"].map(known).astype(float)
    return run.ranked.read(frame, "loss", "initial")[COLUMNS]


COMPLETED = str(Outcome.COMPLETED)
BINS_PER_DECADE = 2
POINT, BEST, CAPPED = HUES[0], HUES[4], HUES[1]
PANELS, TICKS = 4, 4


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Trials of `learning_rate` as points; a line joins the best of each half decade where one learned."""
    optimizers = list(dict.fromkeys(frame["optimizer"]))
    columns = min(PANELS, len(optimizers))
    rows = math.ceil(len(optimizers) / columns)
    learned = not frame["capped"].all()
    frame = frame if learned else frame.assign(loss=0.0)  # scores before training are no results
    figure, panels = canvas(
        rows, columns, height=1.3 + (2.4 if learned else 1.0) * rows, sharex=True, sharey=True
    )
    for axes, optimizer in zip(panels, optimizers, strict=False):
        _panel(axes, frame[frame["optimizer"] == optimizer], len(frame))
        axes.set_title(optimizer)
    label_lowest(figure, panels, len(optimizers), columns, "learning rate (log)")
    ranked = Ranked(frame["metric"].iloc[0])
    for axes in panels[: len(optimizers) : columns]:
        axes.set_ylabel(ranked.axis if learned else "")
    log_axis(panels[0].xaxis, most=TICKS)
    if not learned:
        panels[0].set_yticks([])
    else:
        loss_axis(panels[0].yaxis, frame["loss"], highest=ranked.highest)
    legend_below(figure, _entries(frame), ncols=2)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, points: int) -> None:
    first = rows.iloc[0]
    if math.isfinite(first["basin_low"]):
        axes.axvspan(first["basin_low"], first["basin_high"], zorder=1, **_BASIN)
    if math.isfinite(first["boundary"]):
        axes.vlines(first["boundary"], 0, 1, transform=axes.get_xaxis_transform(), zorder=1, **_BOUNDARY)
    best = rows[rows["best_in_bin"] & ~rows["capped"]]
    axes.plot(best["learning_rate"], best["loss"], "-", color=BEST, zorder=2, label="best")
    for name, part in _kinds(rows).items():
        marks = _MARKS[name] | dots(points, _MARKS[name].get("markeredgewidth", 1.0))
        axes.plot(part["learning_rate"], part["loss"], zorder=3, label=name, **marks)


_BASIN: dict[str, Any] = {"facecolor": HUES[2], "edgecolor": HUES[2], "linewidth": 1.5, "alpha": 0.3}
_BOUNDARY: dict[str, Any] = {"color": CAPPED, "linestyle": (0, (4, 2)), "linewidth": 1.2}


def _kinds(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    pruned = rows["outcome"] == "pruned"
    return {
        "completed": rows[~rows["capped"] & ~pruned],
        "pruned": rows[~rows["capped"] & pruned],
        "capped": rows[rows["capped"]],
    }


_MARKS: dict[str, dict[str, Any]] = {
    "completed": {
        "marker": "o",
        "linestyle": "none",
        "color": POINT,
        "alpha": 0.75,
        "markeredgecolor": "white",
    },
    "pruned": {
        "marker": "o",
        "linestyle": "none",
        "markerfacecolor": "none",
        "markeredgecolor": POINT,
        "alpha": 0.7,
    },
    "capped": {"marker": "x", "linestyle": "none", "color": CAPPED, "markeredgewidth": 1.6},
}
_SAID = {
    "completed": "completed trial",
    "pruned": "pruned trial (its best until then)",
    "capped": "diverged, or never better than before training",
}


def _lost(trials: int) -> str:
    """What is said of so many trials that learned nothing."""
    return f"diverged or {'was' if trials == 1 else 'were'} never better than before training"


def _entries(frame: pd.DataFrame) -> dict[str, Line2D]:
    found = {_SAID[name]: Line2D([], [], **_MARKS[name]) for name, part in _kinds(frame).items() if len(part)}
    if not frame["capped"].all():
        found = {"best of each half decade": Line2D([], [], color=BEST), **found}
    if frame["basin_low"].notna().any():
        wide: dict[str, Any] = {
            "marker": "s",
            "markersize": 9,
            "linestyle": "none",
            "color": HUES[2],
            "alpha": 0.4,
        }
        near = Ranked(frame["metric"].iloc[0]).near
        found[f"basin: within 10 % of {near}"] = Line2D([], [], **wide)
    if frame["boundary"].notna().any():
        found["half of the trials diverge from here on"] = Line2D([], [], **_BOUNDARY)
    return found


def alt(frame: pd.DataFrame) -> str:
    """The best of each optimizer and its learning rate, and how many trials learned nothing."""
    said, ranked = [], Ranked(frame["metric"].iloc[0])
    for optimizer, rows in frame.groupby("optimizer", sort=False):
        done = rows[(rows["outcome"] == COMPLETED) & ~rows["capped"]]
        lost = int(rows["capped"].sum())
        if lost == len(rows):
            said.append(f"{optimizer}: {every(lost, 'trial')} {_lost(lost)}")
            continue
        if done.empty:
            said.append(f"{optimizer}: no trial that learned completed")
            continue
        best = ranked.order(done, "loss", "trial").iloc[0]
        tail = f", {whole(lost)} of {count(len(rows), 'trial')} {_lost(lost)}" if lost else ""
        if math.isfinite(best["boundary"]):
            tail += f", half diverge from {number(best['boundary'], 2)} on"
        said.append(
            f"{optimizer}: {ranked.best} {number(best['loss'])} at {number(best['learning_rate'], 2)}{tail}"
        )
    return f"Best {ranked.metric} against learning rate for each optimizer. {'; '.join(said)}."


def best_of_each_bin(frame: pd.DataFrame) -> pd.DataFrame:
    """The best of each optimizer in each half decade."""
    columns = ["optimizer", "learning_rate", "loss", "activation", "outcome", "capped", "trial"]
    return frame[frame["best_in_bin"]][columns]


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """The answer's rate and what did as well, the best of each optimizer, where nothing learned, the
    range."""
    frame = tables["learning_rate"]
    learned = frame[~frame["capped"]]
    if learned.empty:
        return (none_learned(run, frame),)
    said = [*_answer(run, tables["basins"]), _best_of_each(run.ranked, frame)]
    cliffs = [text for name, rows in frame.groupby("optimizer") if (text := _cliff(str(name), rows))]
    if cliffs and not (run.answer and run.answer.why_nothing_is_advised):
        lost = frame.loc[frame["capped"], "outcome"].eq("diverged")
        never = "each of these diverged or was never better than before training"
        never = "each of these diverged" if lost.all() else never
        never = "none of these was ever better than before training" if not lost.any() else never
        said.append(f"Nothing was learned {listing(cliffs)}: {never}.")
    return (*said, *in_words(run, tables))


def _answer(run: RunData, basins: pd.DataFrame) -> list[str]:
    """The answer's rate among those that did as well in the search."""
    if run.answer is None:
        return []
    rate, optimizer = run.answer.parameters["learning_rate"], str(run.answer.parameters["optimizer"])
    own = basins[(basins["optimizer"] == optimizer) & (basins["activation"] == ANY)].dropna(subset=["low"])
    text = f"The answer's rate is {number(rate)}, with {optimizer}"
    if why := run.answer.why_nothing_is_advised:
        return [f"No rate is advised, as {why}; that of the winner is {number(rate)}, with {optimizer}."]
    tried = run.trials.loc[run.trials["optimizer"] == optimizer, "learning_rate"]
    if tried.nunique() == 1:
        return [f"{text}; no other was tried with it."]
    if own.empty:
        why = f"no trial with {optimizer} was better than before training and than guessing in the search"
        return [f"{text}; {_elsewhere(run)}: {why}."]
    row = own.iloc[0]
    how = close(run.ranked, row.to_dict())
    if row["within"] < 2:
        return [f"{text}; {_elsewhere(run)}: no two trials that improved {how}."]
    low, high = number(row["low"]), number(row["high"])
    span = f"from {low} to {high}" if low != high else f"at {low}"
    trials = count(int(row["within"]), "trial")
    text += f"; {tied}" if (tied := tied_rates(run)) else ""
    text += f"; in the search, one seed each, {trials} {span} improved and {how} with {optimizer}"
    if row["low"] <= rate <= row["high"]:
        return [f"{text}."]
    decided = "; fresh seeds decided for it" if run.answer.standing == CONFIRMED else ""
    if run.answer.standing in (TIES, AHEAD):
        decided = "; it is first on fresh seeds, which do not show it to be better than every other one"
    return [f"{text}. The answer did not, on that one seed{decided}."]


def _elsewhere(run: RunData) -> str:
    """What is known of other rates where the search knows of none."""
    if not (tied := tied_rates(run)):
        return "how far it may be off is not known"
    return f"{tied}. In the search, one seed each, how far it may be off is not known"


def _best_of_each(ranked: Ranked, frame: pd.DataFrame) -> str:
    """The rate of the best completed trial of each optimizer that learned; which have none, as a pruned one
    is never the best."""
    learned = frame[~frame["capped"]]
    done = learned[learned["outcome"] == COMPLETED]
    best = ranked.order(done, "loss", "trial").drop_duplicates("optimizer").sort_values("optimizer")
    lowest = done.groupby("optimizer")["loss"].transform("max" if ranked.highest else "min")
    tied = done[done["loss"] == lowest]["optimizer"].value_counts()
    rows = [
        f"{number(rate)} with {name} ({number(loss)}{_first_of(int(tied[name]))})"
        for rate, name, loss in best[["learning_rate", "optimizer", "loss"]].itertuples(index=False)
    ]
    none = sorted(set(learned["optimizer"]) - set(best["optimizer"]))
    without = f"No trial that learned completed with {listing(none, 'or')}." if none else ""
    if not rows:
        return without
    lucky = frame[frame["capped"] & (frame["outcome"] == COMPLETED)]  # who scored best before training
    first = lucky["optimizer"].map(best.set_index("optimizer")["loss"])
    ahead = [ranked.cost(a) < ranked.cost(b) for a, b in zip(lucky["loss"], first, strict=True)]
    among = ", of the trials that got better than before training" if any(ahead) else ""
    return (
        f"Rate of the {ranked.best} {ranked.metric} of each optimizer in the search{among}, one seed each: "
        f"{listing(rows)}.{without and ' '}{without}"
    )


def _first_of(tied: int) -> str:
    return f", the first of {whole(tied)} that tie" if tied > 1 else ""


def _cliff(optimizer: str, rows: pd.DataFrame) -> str:
    """Where the rates begin from which on nothing was learned; empty for fewer than two such trials."""
    highest = rows.loc[~rows["capped"], "learning_rate"].max()
    if pd.isna(highest):
        return f"with {optimizer} at any rate ({count(len(rows), 'trial')})"
    above = int((rows["learning_rate"] > highest).sum())
    return f"above {number(highest)} with {optimizer} ({count(above, 'trial')})" if above > 1 else ""


QUESTION = Question(
    key="learning-rate",
    question="Which learning rate, and how precise must it be?",
    part=WHY,
    unfolded=True,
    tables={"learning_rate": learning_rate, **TABLES},
    figure=FigureSpec(
        name="learning_rate",
        table="learning_rate",
        title="Score against learning rate",
        caption=(
            "One point per trial; all other settings vary; a pruned one is never the best. No point is "
            "worse than its trial's score before training, which differs between trials; there, diverged "
            "ones (×) are drawn. A wide basin (green where there is one, from the lowest to the highest "
            "rate of trials that improved and came within 10 % of the best, of a score that is 1 at best "
            "in distance from 1, or within 10 % of its gain over guessing where that is less) means that "
            "the rate need not be precise; a best point at the edge suggests a wider range."
        ),
        missing="No trial of the search has both a learning rate above 0 and a score.",
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    more=(FIGURE,),
    shown=(
        Shown("learning_rate", "The best of each half decade; the CSV has every trial", best_of_each_bin),
        *TABLES_SHOWN,
    ),
    how=(
        "One point per trial of the search; all other settings vary. A trial that diverged, or never became "
        "better than before training, is shown at its score before training: it learned nothing (Wortsman "
        "et al. 2023, arXiv 2309.14322).",
        "The best point of a half decade is the luckiest of several trials with one seed each. Read the "
        "shape of the curve rather than its best point.",
        *HOW,
    ),
)
