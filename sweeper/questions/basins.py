"""How exactly the learning rate must be met, where training breaks, and whether ranges were wide enough."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.edges import crowded
from sweeper.answer.rows import search_trials, with_names
from sweeper.drawing.scales import log_axis
from sweeper.drawing.style import HUES, canvas, label_lowest, legend_below, short, themed
from sweeper.questions.losses import capped_losses
from sweeper.questions.question import FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import RunData, once
from sweeper.statistics.learning_rates import boundary, sensitivity
from sweeper.study.space import Range
from sweeper.wording import count, listing, number, percent

COLUMNS = [
    "optimizer",
    "activation",
    "trials",
    "best_rate",
    "best_loss",
    "low",
    "high",
    "decades",
    "below",
    "above",
    "rate_low",
    "rate_high",
    "sensitivity",
    "lost_share",
    "metric",
]
ANY = "any"
"""Stands for all activations together."""
WITHIN = 0.1
"""A loss is as good as the best ℓ* up to ℓ* + 0.1·|ℓ*|."""


@once
def basins(run: RunData) -> pd.DataFrame:
    """One row per optimizer (activation ``any``) and per optimizer × activation; columns as in `COLUMNS`.

    low … high: lowest and highest rate of a trial within `WITHIN` of the group's lowest loss, `decades`
    wide in log10. below, above: the nearest rates tried outside of it, where the edges of the basin lie
    at the latest; null where none was tried, so that the basin may be open there.

    sensitivity (Wortsman et al. 2023, arXiv 2309.14322): mean over η, log-uniform in rate_low …
    rate_high (all rates tried), of min(ℓ(η), ℓ0) − ℓ*; lost_share is that over ℓ0 − ℓ*: what a rate drawn
    blindly from the range loses of what could be learned, 0 … 1. ℓ(η) joins the lowest losses of each half
    decade by lines. Other settings vary and every trial has one seed, so lucky trials narrow a basin.
    Empty where no trial completed. Of a score s that is maximised, the loss is 1 − s where 1 is the best that
    s can be, and −s otherwise; best_loss is s itself.
    """
    losses = capped_losses(run)
    losses = losses[losses["learning_rate"] > 0]
    if not (losses["outcome"] == "completed").any():
        return pd.DataFrame(columns=COLUMNS)
    rows = []
    for optimizer, part in losses.groupby("optimizer"):
        rows.append((optimizer, ANY, *_basin(part)))
        rows += [(optimizer, name, *_basin(group)) for name, group in part.groupby("activation")]
    frame = pd.DataFrame(rows, columns=COLUMNS[:-1]).assign(metric=run.objective)
    return run.ranked.read(frame, "best_loss")


def _basin(rows: pd.DataFrame) -> tuple[float, ...]:
    rates, losses = rows["learning_rate"].to_numpy(float), rows["loss"].to_numpy(float)
    learned = ~rows["capped"].to_numpy(bool)
    blank = (np.nan,) * 7
    if not learned.any():
        return (len(rows), np.nan, float(losses.min()), *blank[:5], rates.min(), rates.max(), *blank[:2])
    best = float(losses[learned].min())  # a capped loss may lie below where starting losses differ
    good = rates[learned & (losses <= best + WITHIN * abs(best))]
    low, high = float(good.min()), float(good.max())
    sensitive = sensitivity(rates, losses)
    possible = float(rows["initial"].median()) - best
    share = sensitive / possible if possible > 0 else np.nan
    outside = (rates[rates < low].max(initial=-np.inf), rates[rates > high].min(initial=np.inf))
    below, above = (float(rate) if np.isfinite(rate) else np.nan for rate in outside)
    edges = (low, high, float(np.log10(high / low)), below, above, float(rates.min()), float(rates.max()))
    at_best = float(rates[learned][losses[learned].argmin()])
    return (len(rows), at_best, best, *edges, sensitive, share)


BOUNDARY_COLUMNS = [
    "optimizer",
    "activation",
    "trials",
    "diverged",
    "highest_completed",
    "lowest_diverged",
    "boundary",
    "low",
    "high",
]


@once
def boundaries(run: RunData) -> pd.DataFrame:
    """One row per optimizer (activation ``any``) and per optimizer × activation, see `BOUNDARY_COLUMNS`.

    highest_completed and lowest_diverged are rates of trials; where they overlap, other settings decide
    too. boundary, low, high: see `boundary`; null unless some trials diverged and some did not. Pruned trials
    count as not diverged: they were finite when they were stopped. Empty where no trial diverged.
    """
    search = with_names(search_trials(run.trials))
    search = search[(search["outcome"] != "failed") & (search["learning_rate"] > 0)]
    search = search.assign(lost=search["outcome"] == "diverged", place=np.log10(search["learning_rate"]))
    if not search["lost"].any():
        return pd.DataFrame(columns=BOUNDARY_COLUMNS)
    rows = []
    for optimizer, part in search.groupby("optimizer"):
        rows.append((optimizer, ANY, *_edge(part)))
        rows += [(optimizer, name, *_edge(group)) for name, group in part.groupby("activation")]
    return pd.DataFrame(rows, columns=BOUNDARY_COLUMNS)


def _edge(rows: pd.DataFrame) -> tuple[float, ...]:
    lost, rates = rows["lost"], rows["learning_rate"]
    done = rates[rows["outcome"] == "completed"]
    found = boundary(rows["place"].to_numpy(float), lost.to_numpy(bool))
    return (len(rows), int(lost.sum()), done.max(), rates[lost].min(), *found)


def range_edges(run: RunData) -> pd.DataFrame:
    """Whether the best trials cluster at a bound of a searched range, see `sweeper.answer.edges.crowded`."""
    ranges = {key: each for key, each in run.study.space.entries.items() if isinstance(each, Range)}
    return crowded(run.trials, ranges)


PANELS, TICKS = 4, 4
_TRIED: dict[str, Any] = {"color": "0.8", "linewidth": 1.2}
_BASIN: dict[str, Any] = {"color": HUES[2], "linewidth": 5.0, "solid_capstyle": "butt"}
_BEST: dict[str, Any] = {
    "color": HUES[4],
    "marker": "o",
    "markersize": 6,
    "linestyle": "none",
    "markeredgecolor": "white",
}
_EDGE: dict[str, Any] = {
    "color": HUES[2],
    "marker": "|",
    "markersize": 9,
    "markeredgewidth": 1.6,
    "linestyle": "none",
}


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each optimizer of `basins`, a line for each activation, all together on top."""
    optimizers = list(dict.fromkeys(frame["optimizer"]))
    names = [ANY, *sorted(set(frame["activation"]) - {ANY})]
    names = names if len(names) != 2 else names[:1]
    columns = min(PANELS, len(optimizers))
    rows = math.ceil(len(optimizers) / columns)
    height = 1.3 + rows * (0.7 + 0.24 * len(names))
    figure, panels = canvas(rows, columns, height=height, sharex=True, sharey=True)
    for axes, optimizer in zip(panels, optimizers, strict=False):
        _panel(axes, frame[(frame["optimizer"] == optimizer) & frame["activation"].isin(names)], names)
        axes.set_title(optimizer)
    label_lowest(figure, panels, len(optimizers), columns, "learning rate (log)")
    panels[0].set_yticks(range(len(names)), ["all activations", *names[1:]])
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    log_axis(panels[0].xaxis, most=TICKS)
    legend_below(figure, _entries(), ncols=4)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    for row in rows.to_dict("records"):
        place = names.index(row["activation"])
        axes.plot([row["rate_low"], row["rate_high"]], [place] * 2, zorder=1, **_TRIED)
        if pd.notna(row["low"]):
            axes.plot([row["low"], row["high"]], [place] * 2, zorder=2, **_BASIN)
            axes.plot([row["below"], row["above"]], [place] * 2, zorder=2, **_EDGE)
            axes.plot([row["best_rate"]], [place], zorder=3, **_BEST)
    axes.grid(False, axis="y")


def _entries() -> dict[str, Line2D]:
    return {
        "best": Line2D([], [], **_BEST),
        "within 10 % of it": Line2D([], [], **_BASIN),
        "next rate tried": Line2D([], [], **_EDGE),
        "rates tried": Line2D([], [], **_TRIED),
    }


def alt(frame: pd.DataFrame) -> str:
    """Basin and sensitivity of each optimizer with any activation."""
    said = []
    for row in frame[frame["activation"] == ANY].to_dict("records"):
        if pd.isna(row["low"]):
            said.append(f"{row['optimizer']}: no trial learned")
            continue
        lost = (
            "" if pd.isna(row["lost_share"]) else f", a random choice loses {100 * row['lost_share']:.0f} %"
        )
        ends = f"{short(row['low'])} to {short(row['high'])}"
        said.append(f"{row['optimizer']}: {ends}, best {short(row['best_rate'])}{lost}")
    return f"Learning rates within 10 % of the best of each optimizer. {'; '.join(said)}."


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """The basin of each optimizer, what a blind rate loses, the divergence boundary, crowded edges."""
    frame = _whole(tables["basins"]).dropna(subset=["low"])
    if frame.empty:
        return ("No rate learned anything.",)
    ranked = frame.sort_values("decades", ascending=False, kind="stable").to_dict("records")
    basins = [_width(row) for row in ranked]
    said = [f"Within 10 % of its own {run.ranked.best} {run.metric}: {'; '.join(basins)}. One seed each."]
    lost = frame.dropna(subset=["lost_share"]).sort_values("lost_share")
    if len(lost):
        shares = [f"{percent(row['lost_share'])} with {row['optimizer']}" for row in lost.to_dict("records")]
        said.append(
            f"A rate drawn at random from those tried loses {listing(shares)} of what could be learned."
        )
    return (*said, *_breaks(tables["divergence"]), *_crowded(tables["range_edges"]))


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["activation"] == ANY]


def _width(row: Mapping[Any, Any]) -> str:
    if row["low"] == row["high"]:
        return f"{row['optimizer']} at {number(row['low'])} alone"
    width = f"{number(row['decades'], 2)} decades"
    return f"{row['optimizer']} from {number(row['low'])} to {number(row['high'])} ({width})"


def _breaks(frame: pd.DataFrame) -> tuple[str, ...]:
    rows = _whole(frame).dropna(subset=["boundary"]) if len(frame) else frame
    said = [
        f"{number(row['boundary'])} with {row['optimizer']}{_ends(row)}, where {row['diverged']} of "
        f"{count(row['trials'], 'trial')} diverged"
        for row in rows.to_dict("records")
    ]
    return (f"Training begins to diverge at about {'; '.join(said)}.",) if said else ()


def _ends(row: Mapping[Any, Any]) -> str:
    if not (math.isfinite(row["low"]) and math.isfinite(row["high"])):
        return ""
    return f" (95 % interval {number(row['low'])} to {number(row['high'])})"


def _crowded(frame: pd.DataFrame) -> tuple[str, ...]:
    if frame.empty:
        return ()
    at_edge = frame[frame["at_edge"].astype(bool)]
    if at_edge.empty:
        return (f"The best trials do not cluster at a bound of the {count(len(frame), 'range')} checked.",)
    return tuple(
        f"More than half of the best {row['best_trials']} trials lie at the {row['side']} end of "
        f"{row['key']} ({number(row[row['side']])}): better ones may lie outside. Widen it with "
        f"{row['suggestion']}."
        for row in at_edge.to_dict("records")
    )


QUESTION = Question(
    key="basins",
    question="How precise must the learning rate be?",
    tables={"basins": basins, "divergence": boundaries, "range_edges": range_edges},
    figure=FigureSpec(
        name="basins",
        table="basins",
        title="Basins of the learning rate",
        caption=(
            "Green: rates of trials whose score is within 10 % of the best (dot) of the same optimizer "
            "and activation. Ticks mark the nearest rates tried outside, so the basin ends before them; "
            "without a tick it may extend further. Other settings vary; one seed each."
        ),
        missing="No search trial completed, so no learning rate is known to be good.",
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    shown=(
        Shown("basins", "Basins by optimizer and activation"),
        Shown("divergence", "Where training diverges"),
        Shown("range_edges", "Do the best trials cluster at a bound?"),
    ),
    how=(
        "A basin holds the rates of trials whose score is within 10 % of the best of their group; of a score "
        "that is 1 at best, within 10 % of its distance to 1. Other "
        "settings vary and each trial has one seed, so a lucky trial narrows a basin. What a random rate "
        "loses is the mean of min(loss, loss before training) − lowest over log-uniform rates, as a share "
        "of what could be learned (Wortsman et al. 2023, arXiv 2309.14322).",
        "The divergence boundary comes from a logistic curve in log10 of the rate; pruned trials count as "
        "not diverged. Trials cluster at a bound when more than half of the best lie in the outer 15 % of "
        "the range.",
    ),
)
