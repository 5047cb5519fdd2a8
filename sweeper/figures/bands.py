"""What convergence is usual for each optimizer and each activation."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from sweeper.drawing.scales import loss_axis
from sweeper.drawing.style import BAND_ALPHA, MANY, canvas, handle, looks, number, themed, words
from sweeper.figures.convergence import lineplot_options
from sweeper.figures.spec import FigureSpec


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Medians with quartile bands of ``tables.bands``: a panel by optimizer, one by activation."""
    parameters = list(dict.fromkeys(frame["parameter"]))
    most = max(frame[frame["parameter"] == p]["group"].nunique() for p in parameters)
    figure, panels = canvas(1, len(parameters), height=3.6 + 0.21 * (most + 1) / 2, sharey=True)
    for axes, parameter in zip(panels, parameters, strict=True):
        part = frame[frame["parameter"] == parameter]
        styles = looks(list(dict.fromkeys(part["group"])))
        sns.lineplot(part, x="step", y="median", ax=axes, **lineplot_options("group", styles))
        for group, line in part.groupby("group") if len(styles) <= MANY else ():
            color = styles[str(group)].color
            axes.fill_between(
                line["step"], line["low"], line["high"], color=color, alpha=BAND_ALPHA, linewidth=0
            )
        axes.set(title=f"by {parameter}", xlabel="optimizer step", ylabel=words(part["metric"].iloc[0]))
        axes.set_xlim(left=0)
        counts = part.groupby("group")["trials"].max()
        handles = [handle(look) for look in styles.values()]
        names = [f"{group} (n = {counts[group]})" for group in styles]
        axes.legend(
            handles, names, loc="upper left", bbox_to_anchor=(0, -0.16), ncols=2, columnspacing=1, fontsize=8
        )
    loss_axis(panels[0].yaxis, [*frame["low"], *frame["high"]])
    return figure


def alt(frame: pd.DataFrame) -> str:
    """The median and quartiles at the end, group by group."""
    last = frame.sort_values("step").groupby(["parameter", "group"], sort=False).tail(1).sort_values("median")
    said = [
        f"by {parameter}: " + ", ".join(_end(row) for row in rows.to_dict("records"))
        for parameter, rows in last.groupby("parameter", sort=False)
    ]
    metric = words(frame["metric"].iloc[0])
    return f"Median {metric} with quartiles over completed trials at the last step, {'; '.join(said)}."


def _end(row: Mapping[Hashable, Any]) -> str:
    quartiles = f"{number(row['low'])} to {number(row['high'])}"
    return f"{row['group']} {number(row['median'])} ({quartiles}, n = {row['trials']})"


FIGURE = FigureSpec(
    title="Convergence by optimizer and activation",
    table="bands",
    caption="Lines are medians over the completed trials of the search, bands their quartiles (left out "
    "where they would hide each other). All other settings vary inside a band. Trials that were "
    "pruned or diverged are not in it, so a group that loses many looks better here than it is.",
    missing="No trial of the search completed, so there is no curve to summarise.",
    draw=draw,
    alt=alt,
)
