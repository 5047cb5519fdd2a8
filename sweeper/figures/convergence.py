"""How the best trials of the search converged."""

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.drawing.scales import loss_axis
from sweeper.drawing.style import Look, canvas, handle, legend_below, looks, number, themed, words
from sweeper.figures.spec import FigureSpec

METRICS = ("validation_loss", "train_loss")


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each loss of ``tables.convergence``, a line for each trial, on one loss axis."""
    metrics = [metric for metric in METRICS if (frame["metric"] == metric).any()]
    styles = looks(list(dict.fromkeys(frame["label"])))
    figure, panels = canvas(1, len(metrics), height=3.6 + 0.2 * len(styles), sharey=True)
    for axes, metric in zip(panels, metrics, strict=True):
        lines = frame[frame["metric"] == metric]
        present = {name: look for name, look in styles.items() if (lines["label"] == name).any()}
        sns.lineplot(lines, x="step", y="value", ax=axes, **lineplot_options("label", present))
        axes.set(title=words(metric), xlabel="optimizer step", ylabel="loss")
        axes.set_xlim(left=0)
    loss_axis(panels[0].yaxis, frame["value"])
    entries: dict[str, Line2D] = {name: handle(look) for name, look in styles.items()}
    legend_below(figure, entries, "best trials of the search, best first", ncols=2)
    return figure


def lineplot_options(column: str, styles: dict[str, Look]) -> dict[str, Any]:
    """Arguments that make ``seaborn.lineplot`` draw the rows as they are, one line a group."""
    return {
        "hue": column,
        "hue_order": list(styles),
        "style": column,
        "style_order": list(styles),
        "palette": {name: look.color for name, look in styles.items()},
        "dashes": {name: look.dashes or "" for name, look in styles.items()},
        "markers": {name: look.marker for name, look in styles.items()},
        "estimator": None,
        "legend": False,
        "markevery": 0.12,
    }


def alt(frame: pd.DataFrame) -> str:
    """First, lowest and last validation loss of each line."""
    said = []
    for metric in METRICS:
        for name, line in frame[frame["metric"] == metric].groupby("label", sort=False):
            values = line.sort_values("step")["value"]
            ends = f"{number(values.iloc[0])} to {number(values.iloc[-1])}, lowest {number(values.min())}"
            said.append(f"{words(metric)} of {name}: {ends}")
        if said:  # one loss says enough
            break
    return f"Loss by optimizer step of the best trials of the search, best first. {'; '.join(said)}."


FIGURE = FigureSpec(
    title="Convergence of the best trials",
    table="convergence",
    caption="Left the loss on validation rows, right the mean loss of the training batches since the "
    "evaluation before (without the penalty). A validation curve that turns up while training falls is "
    "overfitting; one that still falls at the end asks for more steps.",
    missing="No trial of the search completed, so there is no curve to show.",
    draw=draw,
    alt=alt,
)
