"""How the finalists' means moved from seed to seed, and who dropped out when."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.confirmed import confirmed
from sweeper.answer.ranked import Ranked
from sweeper.drawing.decades import spans_decades
from sweeper.drawing.scales import loss_axis
from sweeper.drawing.style import canvas, group_styles, handle, legend_below, themed
from sweeper.questions.question import FigureSpec
from sweeper.questions.run_data import RunData
from sweeper.wording import count, number

COLUMNS = ["rank", "trial", "label", "seeds", "seed", "mean_so_far", "dropped", "metric"]


def race(run: RunData) -> pd.DataFrame:
    """One row per finalist and completed fresh seed: the mean of its scores on the `seeds` seeds so far.

    Columns as in `COLUMNS`; seeds in the order in which they were drawn. Empty below two finalists or seeds.
    """
    ranking = confirmed(run.trials)
    rows = run.trials[(run.trials["phase"] == "confirm") & run.trials["objective"].notna()]
    if len(ranking) < 2 or rows["seed"].nunique() < 2:
        return pd.DataFrame(columns=COLUMNS)
    ranking = ranking.assign(rank=range(1, len(ranking) + 1))[["trial", "rank", "dropped"]]
    names = pd.DataFrame({"trial": run.labels.index, "label": run.labels.to_numpy()})
    frame = rows[["trial", "seed", "objective"]].merge(ranking, on="trial").merge(names, on="trial")
    frame = frame.sort_values(["rank", "seed"], ignore_index=True)
    groups = frame.groupby("rank")["objective"]
    seeds = groups.cumcount() + 1
    frame = frame.assign(seeds=seeds, mean_so_far=groups.cumsum() / seeds, metric=run.objective)[COLUMNS]
    return run.ranked.read(frame, "mean_so_far")


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A line of means for each finalist of `race`; those that dropped out end in a cross."""
    names = list(dict.fromkeys(frame["label"]))
    styles = group_styles(names)
    figure, (axes,) = canvas(height=3.2 + 0.2 * len(names))
    for name in reversed(names):
        rows, style = frame[frame["label"] == name], styles[name]
        axes.plot(
            rows["seeds"],
            rows["mean_so_far"],
            color=style.color,
            marker=style.marker,
            linestyle=style.linestyle,
            markeredgecolor="white",
        )
        if rows["dropped"].iloc[0]:
            last = rows.iloc[-1].copy()
            last["mean_so_far"] = np.clip(last["mean_so_far"], *_window(frame))
            axes.plot(
                last["seeds"],
                last["mean_so_far"],
                "x",
                color="black",
                markersize=11,
                markeredgewidth=2,
                clip_on=False,
            )
    ranked = Ranked(frame["metric"].iloc[0])
    axes.set(xlabel="fresh seeds completed", ylabel=f"mean best {ranked.metric}\nover these seeds")
    axes.set_xticks(np.unique(frame["seeds"]))
    axes.set_ylim(*_window(frame))
    loss_axis(axes.yaxis, _lasted(frame), highest=ranked.highest)
    entries: dict[str, Line2D] = {name: handle(styles[name]) for name in names}
    if frame["dropped"].any():
        entries["dropped out"] = Line2D(
            [], [], marker="x", color="black", linestyle="none", markeredgewidth=2
        )
    legend_below(figure, entries, "winner first", ncols=2)
    return figure


def _lasted(frame: pd.DataFrame) -> "pd.Series[float]":
    return frame.loc[~frame["dropped"].astype(bool), "mean_so_far"]


def _window(frame: pd.DataFrame) -> tuple[float, float]:
    """Ends of the y axis: all finalists that lasted; those that dropped out far away leave the figure."""
    lasted, every = _lasted(frame), frame["mean_so_far"]
    low, high = float(lasted.min()), float(lasted.max())
    if spans_decades((low, high), highest=Ranked(frame["metric"].iloc[0]).highest):
        return low / 1.2, high * 1.2
    room = 0.35 * (high - low or 0.1 * abs(high) or 1.0)
    bottom, top = max(float(every.min()), low - 3 * room), min(float(every.max()), high + 3 * room)
    return bottom - room / 5, top + room / 5


def alt(frame: pd.DataFrame) -> str:
    """First and last mean of each finalist."""
    said = []
    for name, rows in frame.groupby("label", sort=False):
        first, last = rows["mean_so_far"].iloc[0], rows["mean_so_far"].iloc[-1]
        out = ", dropped out" if rows["dropped"].iloc[0] else ""
        said.append(f"{name}: {number(first)} to {number(last)} over {count(len(rows), 'seed')}{out}")
    return f"Mean score of each finalist over the fresh seeds so far. {'; '.join(said)}."


TABLES = {"race": race}
FIGURE = FigureSpec(
    name="race",
    table="race",
    title="The race of the finalists",
    caption=(
        "Each line is a finalist's mean over the fresh seeds that it has completed so far. Lines settle as "
        "seeds are added; a cross ends the line of a finalist that dropped out (at the edge: beyond it). "
        "Seeds are shared, so lines rise and fall together: the paired differences above decide, not the "
        "height of a line."
    ),
    missing="Fewer than two finalists completed two fresh seeds.",
    draw=draw,
    alt=alt,
)
