"""The figures of a comparison: the two winners on fresh seeds, and their curves."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.ranked import Ranked
from sweeper.components.metric_words import metric_words
from sweeper.drawing.scales import cut_at_the_axis, loss_axis
from sweeper.drawing.style import BAND_ALPHA, canvas, group_styles, handle, legend_below, themed
from sweeper.questions.question import FigureSpec
from sweeper.trial import HIGHER
from sweeper.wording import capital, interval, number

BESIDE = 0.28
"""How far from its dots the interval of a mean is drawn, of the distance between two runs."""


@themed
def draw_scores(frame: pd.DataFrame) -> Figure:
    """A line of dots for each run of `sweeper.commands.compare.tables.scores`; with `paired` seeds the two
    dots are joined."""
    runs = list(dict.fromkeys(frame["run"]))
    styles = group_styles(runs)
    figure, (axes,) = canvas(height=2.6)
    if frame["paired"].iloc[0] and len(runs) == 2:
        pairs = frame.pivot_table(index="seed", columns="run", values="objective").dropna()
        for ends in pairs[runs].to_numpy():
            axes.plot(ends, [1, 2], "-", color="0.8", linewidth=1, zorder=1)
    places = [1 - BESIDE, 2 + BESIDE][: len(runs)]
    for place, (name, away) in enumerate(zip(runs, places, strict=True), 1):
        rows, style = frame[frame["run"] == name], styles[name]
        seeds = rows["objective"].dropna()
        axes.plot(seeds, [place] * len(seeds), style.marker, color=style.color, alpha=0.7, markeredgewidth=0)
        first = rows.iloc[0]
        axes.plot([first["low"], first["high"]], [away, away], "-", color=style.color, linewidth=2.5)
        axes.plot([first["mean"]], [away], "|", color=style.color, markersize=15, markeredgewidth=2.5)
    axes.set_yticks([1, 2][: len(runs)], runs)
    axes.set_ylim(2.7, 0.3)
    axes.grid(False, axis="y")
    ranked = Ranked(frame["metric"].iloc[0])
    axes.set_xlabel(f"best {ranked.metric} on a fresh seed{HIGHER * ranked.highest}")
    loss_axis(axes.xaxis, frame["objective"], highest=ranked.highest)
    known = frame.drop_duplicates("run").set_index("run").loc[runs]
    cut_at_the_axis(axes, places, known["low"], known["high"], [styles[name].color for name in runs])
    return figure


@themed
def draw_curves(frame: pd.DataFrame) -> Figure:
    """Median and quartile band of each run of `sweeper.commands.compare.tables.curves`."""
    styles = group_styles(list(dict.fromkeys(frame["run"])))
    figure, (axes,) = canvas(height=3.9)
    for name, style in styles.items():
        line = frame[frame["run"] == name]
        axes.fill_between(
            line["step"], line["low"], line["high"], color=style.color, alpha=BAND_ALPHA, linewidth=0
        )
        axes.plot(
            line["step"],
            line["median"],
            color=style.color,
            marker=style.marker,
            linestyle=style.linestyle,
            markevery=0.12,
            markeredgecolor="white",
        )
    axes.set(xlabel="optimizer step", ylabel=metric_words(frame["metric"].iloc[0]))
    axes.set_xlim(left=0)
    loss_axis(axes.yaxis, [*frame["low"], *frame["high"]])
    entries: dict[str, Line2D] = {name: handle(style) for name, style in styles.items()}
    legend_below(figure, entries, "winner of", ncols=2)
    return figure


def alt_scores(frame: pd.DataFrame) -> str:
    """Mean and interval of each run."""
    rows = frame.drop_duplicates("run").to_dict("records")
    sentences = [
        f"{row['run']} {mean} ({low} to {high})"
        for row in rows
        for mean, low, high in [interval(row["mean"], row["low"], row["high"])]
    ]
    metric = capital(metric_words(rows[0]["metric"]))
    return f"{metric} of the two winners on fresh seeds: {'; '.join(sentences)}."


def alt_curves(frame: pd.DataFrame) -> str:
    """Start, end and lowest median of each run."""
    sentences = []
    for name, line in frame.groupby("run", sort=False):
        values = line.sort_values("step")["median"]
        sentences.append(
            f"{name} from {number(values.iloc[0])} to {number(values.iloc[-1])}, lowest "
            f"{number(values.min())}"
        )
    return f"Median validation loss by step of the two winners: {'; '.join(sentences)}."


FIGURES = {
    "scores": FigureSpec(
        name="scores",
        title="The two winners on fresh seeds",
        table="scores",
        caption="Each small mark is one fresh seed, the bar the mean, the line its 95 % interval. "
        "Grey lines join the dots of one seed where the comparison is paired.",
        missing="No winner was retrained on a fresh seed.",
        draw=draw_scores,
        alt=alt_scores,
    ),
    "curves": FigureSpec(
        name="curves",
        title="The curves of the two winners",
        table="curves",
        caption="Lines are medians over the fresh seeds, bands reach from the lower to the upper quartile; "
        "a winner that was not retrained has the one curve of its search.",
        missing="No winner has a curve.",
        draw=draw_curves,
        alt=alt_curves,
    ),
}
"""By name, which is that of their table."""
