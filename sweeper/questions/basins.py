"""How exactly the learning rate must be met, where training breaks, and whether ranges were wide enough."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.basin_end import as_good_as, is_by_gain
from sweeper.answer.claim_words import Statement
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import search_trials
from sweeper.drawing.scales import log_axis
from sweeper.drawing.style import HUES, canvas, label_lowest, legend_below, themed
from sweeper.questions import range_edges
from sweeper.questions.divergence import ANY, boundaries, breaks
from sweeper.questions.losses import capped_losses
from sweeper.questions.question import FigureSpec, Shown, Tables
from sweeper.questions.run_data import RunData, once
from sweeper.statistics.intervals import interval
from sweeper.wording import count, listing, number, percent, whole

COLUMNS = [
    "optimizer",
    "activation",
    "trials",
    "within",
    "best_rate",
    "best_loss",
    "low",
    "high",
    "decades",
    "below",
    "above",
    "rate_low",
    "rate_high",
    "lost_share",
    "lost_low",
    "lost_high",
    "blind",
    "blind_pruned",
    "by_gain",
    "unlearned",
    "farther",
    "metric",
]
FEWEST_BLIND = 5
"""Trials of the exploration below which no mean loss of a blind rate is stated."""


@once
def basins(run: RunData) -> pd.DataFrame:
    """One row per optimizer (activation ``any``) and per optimizer × activation; columns as in `COLUMNS`.

    low … high: lowest and highest rate of the completed trials `within` 10 % of the group's lowest loss or,
    where that is less (`by_gain`), of what that loss gains over guessing (`as_good_as`). A completed trial
    has the lowest loss too, as a pruned one is never the best. The basin is `decades` wide in log10; two
    trials make one, one is a lucky point. below, above: the nearest rates tried outside of it of trials that
    did not come as close, pruned or not, where the edges of the basin lie at the latest; null where none was
    tried, so that the basin may be open there. Trials that were never better than before training, or than
    guessing, are in no basin; `unlearned` of them, diverged ones too, have rates between low and high, as do
    `farther` others, which improved but did not come as close.

    lost_share: mean over the `blind` trials of min(ℓ, ℓ0) − ℓ* over ℓ0 − ℓ*, with the loss before training ℓ0
    of each trial itself and the group's lowest loss ℓ*: what a trial at a rate drawn
    from the range of the first trials, with the other settings drawn too, loses of what could be learned,
    0 … 1; lost_low, lost_high: its 95 % interval. Blind are the trials that were drawn before the search had
    learned anything (`RunData.drawn`), published defaults left out; null below `FEWEST_BLIND`. `blind_pruned`
    of them count with what they had reached when they were pruned: trained on, they would lose no more. After
    the learning-rate sensitivity of Wortsman et al. 2023 (arXiv 2309.14322), which takes the best of every
    rate. Other settings vary and every trial has one seed,
    so lucky trials narrow a basin.

    Empty where no trial completed. Of a score s that is maximised, the loss is 1 − s where 1 is the best that
    s can be, and −s otherwise; best_loss is s itself.
    """
    losses = capped_losses(run)
    losses = losses[losses["learning_rate"] > 0]
    drawn = (losses["phase"] == "explore") & losses["trial"].isin(run.drawn)
    losses = losses.assign(blind=drawn & ~losses["published"])
    if not (losses["outcome"] == "completed").any():
        return pd.DataFrame(columns=COLUMNS)
    rows, guess = [], _guess(run)
    for optimizer, part in losses.groupby("optimizer"):
        rows.append((optimizer, ANY, *_basin(part, guess)))
        rows += [(optimizer, name, *_basin(group, guess)) for name, group in part.groupby("activation")]
    frame = pd.DataFrame(rows, columns=COLUMNS[:-1]).assign(metric=run.objective)
    return run.ranked.read(frame, "best_loss")


def _guess(run: RunData) -> float:
    """What guessing costs on the rows of the search, or where that is not known on those of fresh seeds;
    infinite where neither is."""
    known = run.answer.baseline if run.answer is not None else None
    if known is None or known.objective is None:
        return math.inf
    return run.ranked.cost(known.of_search if math.isfinite(known.of_search) else known.objective.guess)


def _basin(rows: pd.DataFrame, guess: float = math.inf) -> tuple[float, ...]:
    rates, losses = rows["learning_rate"].to_numpy(float), rows["loss"].to_numpy(float)
    learned = ~rows["capped"].to_numpy(bool) & (losses < guess)
    done = (rows["outcome"] == "completed").to_numpy(bool)
    tried = (float(rates.min()), float(rates.max()))
    known = learned & done
    if not known.any():
        least = float(losses[done].min()) if done.any() else np.nan
        return (len(rows), 0, np.nan, least, *(np.nan,) * 5, *tried, *(np.nan,) * 3, 0, 0, False, 0, 0)
    best = float(losses[known].min())  # a capped loss may lie below where starting losses differ
    near = learned & (losses <= as_good_as(best, guess))
    good, far = rates[near & done], rates[~near]
    low, high = float(good.min()), float(good.max())
    outside = (far[far < low].max(initial=-np.inf), far[far > high].min(initial=np.inf))
    below, above = (float(rate) if np.isfinite(rate) else np.nan for rate in outside)
    edges = (low, high, float(np.log10(high / low)), below, above, *tried)
    at_best = float(rates[known][losses[known].argmin()])
    blind = _lost(rows[rows["blind"].to_numpy(bool)], best)
    between = (rates > low) & (rates < high)
    others = int((~learned & between).sum()), int((learned & ~near & between).sum())
    return (len(rows), len(good), at_best, best, *edges, *blind, bool(is_by_gain(best, guess)), *others)


def _lost(rows: pd.DataFrame, best: float) -> tuple[float, ...]:
    """Mean share lost, its interval, trials behind it, and how many of them were pruned; those that began no
    worse have nothing to lose."""
    rows = rows[rows["initial"] > best]
    losses, starts = rows["loss"].to_numpy(float), rows["initial"].to_numpy(float)
    counts = (len(rows), int((rows["outcome"] == "pruned").sum()))
    if len(losses) < FEWEST_BLIND:
        return (np.nan, np.nan, np.nan, *counts)
    shares = np.clip((losses - best) / (starts - best), 0.0, 1.0)
    low, high = interval(shares)
    return (float(shares.mean()), max(low, 0.0), min(high, 1.0), *counts)


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
    legend_below(figure, _entries(Ranked(frame["metric"].iloc[0]).near), ncols=4)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    for row in rows.to_dict("records"):
        place = names.index(row["activation"])
        axes.plot([row["rate_low"], row["rate_high"]], [place] * 2, zorder=1, **_TRIED)
        if pd.notna(row["low"]):
            if row["within"] > 1:
                axes.plot([row["low"], row["high"]], [place] * 2, zorder=2, **_BASIN)
            axes.plot([row["below"], row["above"]], [place] * 2, zorder=2, **_EDGE)
            axes.plot([row["best_rate"]], [place], zorder=3, **_BEST)
    axes.grid(False, axis="y")


def _entries(near: str) -> dict[str, Line2D]:
    return {
        "best": Line2D([], [], **_BEST),
        f"within 10 % of {near}": Line2D([], [], **_BASIN),
        "next rate tried": Line2D([], [], **_EDGE),
        "rates tried": Line2D([], [], **_TRIED),
    }


def alt(frame: pd.DataFrame) -> str:
    """Basin of each optimizer with any activation."""
    said = []
    for row in frame[frame["activation"] == ANY].to_dict("records"):
        if pd.isna(row["low"]):
            said.append(f"{row['optimizer']}: no completed trial better than before training and guessing")
            continue
        lost = f"; blind trials lost on average {_lost_words(row)}" if _tells(row) else ""
        ends = f"{number(row['low'])} to {number(row['high'])}" if row["within"] > 1 else "no second one"
        said.append(f"{row['optimizer']}: {ends}, best {number(row['best_rate'])}{lost}")
    near = Ranked(frame["metric"].iloc[0]).near
    return f"Rates of trials that improved and came within 10 % of {near}: {'; '.join(said)}."


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """The basin of each optimizer, what a blind trial loses, the divergence boundary, crowded edges."""
    frame = _whole(tables["basins"]).dropna(subset=["low"])
    if frame.empty:
        return ()
    rows = frame.sort_values("optimizer").to_dict("records")
    advised = run.answer is not None and run.answer.above_chance  # else no line has the answer's own rate
    told = run.answer.parameters["optimizer"] if run.answer and advised else None
    said = []
    for who in dict.fromkeys(close(run.ranked, row) for row in rows):
        alike = [row for row in rows if close(run.ranked, row) == who]
        wide = [_width(row) for row in alike if row["within"] > 1]
        if wide:
            said.append(f"Rates of the trials that improved and {who}, by optimizer: {'; '.join(wide)}.")
        narrow = [row["optimizer"] for row in alike if row["within"] == 1 and row["optimizer"] != told]
        if narrow:
            said.append(
                f"No second trial that improved {who} with {listing(narrow)}: how far the rate may be off is "
                "not known there."
            )
    blind = [row for row in rows if _tells(row)]
    if blind:
        lost = listing([f"{_lost_words(row)} with {row['optimizer']}" for row in blind])
        rates = search_trials(run.trials)["learning_rate"].nunique()
        what = "rates and settings" if rates > 1 else "settings"
        said.append(f"Of what could be learned, trials at blindly drawn {what} lost on average {lost}.")
    if any(row["blind_pruned"] for row in blind):
        said.append(
            "Pruned ones count with what they had reached by then: trained on, they lose that or less."
        )
    return (*said, *breaks(tables["divergence"]), *range_edges.sentences(run, tables["range_edges"]))


TELLING = 0.6
"""Widest interval of a share that is worth a sentence: a wider one says next to nothing."""


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["activation"] == ANY]


def close(ranked: Ranked, row: Mapping[Any, Any]) -> str:
    """What the trials of a basin did, in words: ``came within 10 % of the best``."""
    if is_tie(ranked, row):
        return "tied with the best"
    if row["by_gain"]:
        return "kept 90 % of the best one's gain over guessing"
    return f"came within 10 % of {ranked.near}"


def is_tie(ranked: Ranked, row: Mapping[Any, Any]) -> bool:
    """Whether all trials of a basin score the same: 10 % of nothing is nothing."""
    return ranked.cost(float(row["best_loss"])) == 0


BETWEEN = {"farther": "did worse", "unlearned": "did not improve"}
"""What other trials did at rates inside of a basin."""


def _width(row: Mapping[Any, Any]) -> str:
    low, high = number(row["low"]), number(row["high"])
    if low == high:
        return f"{row['optimizer']} at {low} ({count(row['within'], 'trial')})"
    decades = number(row["decades"], 2)
    width = f"{count(row['within'], 'trial')}, {decades} decade{'s' * (decades != '1')}"
    others = [f"{whole(row[name])} {did}" for name, did in BETWEEN.items() if row[name]]
    width += f"; between them {listing(others)}" if others else ""
    return f"{row['optimizer']} from {low} to {high} ({width})"


def _tells(row: Mapping[Any, Any]) -> bool:
    """Whether the share that blind trials lost is known well enough for words."""
    return bool(row["lost_high"] - row["lost_low"] <= TELLING)


def _lost_words(row: Mapping[Any, Any]) -> str:
    pruned = f", {whole(row['blind_pruned'])} of them pruned" if row["blind_pruned"] else ""
    ends = (
        f"{percent(row['lost_low'])} to {percent(row['lost_high'])}, {count(row['blind'], 'trial')}{pruned}"
    )
    return f"{percent(row['lost_share'])} ({ends})"


def without_details(frame: pd.DataFrame) -> pd.DataFrame:
    """Without what sentences say where it matters, and the ends of what was tried."""
    return frame.drop(columns=["by_gain", *BETWEEN, "blind_pruned", "rate_low", "rate_high"])


TABLES = {"basins": basins, "divergence": boundaries, **range_edges.TABLES}
FIGURE = FigureSpec(
    name="basins",
    table="basins",
    title="Basins of the learning rate",
    caption=(
        "Green: rates of completed trials within 10 % of the best (dot) of the same optimizer and "
        "activation, of a score that is 1 at best in distance from 1, or within 10 % of its gain over "
        "guessing where that is less; above them, of all activations. Only trials better than before "
        "training and than guessing count. No green: no second one came that close; no dot: there was "
        "none. Ticks mark the nearest rates tried outside, so the basin ends before them; without a tick "
        "it may extend further. Other settings vary; one seed each."
    ),
    missing="No search trial completed, so no learning rate is known to be good.",
    draw=draw,
    alt=alt,
)
TABLES_SHOWN = (
    Shown("basins", "Basins by optimizer and activation; the CSV has more columns", without_details),
    Shown("divergence", "Where training diverges"),
    range_edges.SHOWN,
)
HOW = (
    "A basin holds the rates of completed trials whose score is within 10 % of the best of their group; of "
    "a score that is 1 at best, within 10 % of the best one's distance from 1; where 10 % of what the best "
    "one gains over guessing is less, within that. Other settings vary and each trial has one seed, so a "
    "lucky trial narrows a basin, and one trial is none. A trial improved if it was ever better than before "
    "training and than guessing; others are in no basin. What a rate loses that is drawn blindly is the "
    "mean over the trials that were drawn before the search had learned anything, published defaults left "
    "out, of min(loss, loss before training) − lowest, as a share of what could be learned. A pruned trial "
    "counts with the lowest loss that it had reached, so it may have lost less.",
    "The divergence boundary comes from a logistic curve in log10 of the rate; pruned trials count as "
    "not diverged. It pools activations and all other settings; an interval that reaches beyond the rates "
    "tried is cut there.",
    range_edges.HOW,
)
