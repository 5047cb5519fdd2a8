"""Lines of groups: each in the style of its group, and with its quartile band."""

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from sweeper.drawing.style import BAND_ALPHA, MANY, GroupStyle


def lineplot_options(column: str, styles: dict[str, GroupStyle]) -> dict[str, Any]:
    """Arguments that make ``seaborn.lineplot`` draw the rows as they are, one line a group."""
    return {
        "hue": column,
        "hue_order": list(styles),
        "style": column,
        "style_order": list(styles),
        "palette": {name: style.color for name, style in styles.items()},
        "dashes": {name: style.dashes or "" for name, style in styles.items()},
        "markers": {name: style.marker for name, style in styles.items()},
        "estimator": None,
        "legend": False,
        "markevery": 0.12,
    }


def profile_panel(axes: Axes, rows: pd.DataFrame, styles: dict[str, GroupStyle]) -> None:
    """Median by layer, a line and a quartile band for each activation."""
    present = {name: style for name, style in styles.items() if (rows["activation"] == name).any()}
    options = {**lineplot_options("activation", present), "markevery": None}
    sns.lineplot(rows, x="layer", y="median", ax=axes, **options)
    for name, line in rows.groupby("activation") if len(styles) <= MANY else ():
        color = styles[str(name)].color
        axes.fill_between(
            line["layer"], line["low"], line["high"], color=color, alpha=BAND_ALPHA, linewidth=0
        )
