"""What is usual for each optimizer and each activation."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from sweeper.answer.rows import completed_search, with_names
from sweeper.drawing.lines import lineplot_options
from sweeper.drawing.scales import loss_axis
from sweeper.drawing.style import BAND_ALPHA, MANY, canvas, group_styles, handle, short, themed
from sweeper.questions.losses import of_search
from sweeper.questions.penalty import FEW
from sweeper.questions.question import FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.wording import count, listing, metric_words, number

BAND_METRIC = "validation_loss"


def bands(run: RunData) -> pd.DataFrame:
    """Median and quartiles of the validation loss at each step, over the completed search trials of a group.

    Columns: parameter (optimizer | activation), group, step, low, median, high, trials, metric. Trials
    evaluated at other steps count with their latest value, and a trial that has ended with its last
    one, so that every point of a band is about the same trials. Divergence and pruning select: a
    group with many of either looks better here than it is.
    """
    done = with_names(completed_search(run.trials))
    curves = of_search(done, run.curves[run.curves["metric"] == BAND_METRIC])
    wide = curves.pivot(index="step", columns="trial", values="value").sort_index().ffill()
    found = []
    for parameter in ("optimizer", "activation"):
        for group, members in done.groupby(parameter):
            values = wide[[trial for trial in members["trial"] if trial in wide.columns]]
            if values.shape[1]:
                found.append(_band(values, parameter, str(group)))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=BANDS)


BANDS = ["parameter", "group", "step", "low", "median", "high", "trials", "metric"]


def _band(values: pd.DataFrame, parameter: str, group: str) -> pd.DataFrame:
    quartiles = values.quantile([0.25, 0.5, 0.75], axis=1).T
    quartiles.columns = ["low", "median", "high"]
    frame = quartiles.reset_index().assign(
        parameter=parameter, group=group, trials=values.shape[1], metric=BAND_METRIC
    )
    return frame.dropna(subset=["median"])[BANDS]


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Medians with quartile bands of `bands`: a panel by optimizer, one by activation."""
    parameters = list(dict.fromkeys(frame["parameter"]))
    most = max(frame[frame["parameter"] == p]["group"].nunique() for p in parameters)
    figure, panels = canvas(1, len(parameters), height=3.6 + 0.21 * (most + 1) / 2, sharey=True)
    for axes, parameter in zip(panels, parameters, strict=True):
        part = frame[frame["parameter"] == parameter]
        styles = group_styles(list(dict.fromkeys(part["group"])))
        sns.lineplot(part, x="step", y="median", ax=axes, **lineplot_options("group", styles))
        for group, line in part.groupby("group") if len(styles) <= MANY else ():
            color = styles[str(group)].color
            axes.fill_between(
                line["step"], line["low"], line["high"], color=color, alpha=BAND_ALPHA, linewidth=0
            )
        axes.set(
            title=f"by {parameter}", xlabel="optimizer step", ylabel=metric_words(part["metric"].iloc[0])
        )
        axes.set_xlim(left=0)
        counts = part.groupby("group")["trials"].max()
        handles = [handle(style) for style in styles.values()]
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
    metric = metric_words(frame["metric"].iloc[0])
    return f"Median {metric} with quartiles over completed trials at the last step, {'; '.join(said)}."


def _end(row: Mapping[Hashable, Any]) -> str:
    quartiles = f"{short(row['low'])} to {short(row['high'])}"
    return f"{row['group']} {short(row['median'])} ({quartiles}, n = {row['trials']})"


def at_the_end(bands: pd.DataFrame) -> pd.DataFrame:
    """The last step of each group, lowest median first."""
    last = bands.sort_values("step").groupby(["parameter", "group"], sort=False).tail(1)
    columns = ["parameter", "group", "median", "low", "high", "trials", "step"]
    return last.sort_values(["parameter", "median"], ascending=[False, True], ignore_index=True)[columns]


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """The group with the lowest median, and which quartile bands stand apart from its own."""
    ends = at_the_end(tables["bands"])
    groups = {str(name): rows.to_dict("records") for name, rows in ends.groupby("parameter", sort=False)}
    compared = {name: rows for name, rows in groups.items() if len(_enough(rows)) > 1}
    if not compared:
        row = max(ends.to_dict("records"), key=lambda row: row["trials"])
        return (
            f"Half of the completed {row['group']} trials ended with a validation loss between "
            f"{number(row['low'])} and {number(row['high'])} (n = {row['trials']}); no two groups have "
            f"{FEW} completed trials to compare.",
        )
    best = [
        f"{first['group']} among {parameter}s ({number(first['median'])}, n = {first['trials']})"
        for parameter, (first, *_) in ((name, _enough(rows)) for name, rows in compared.items())
    ]
    said = [f"At the end, the lowest median validation loss is that of {listing(best)}."]
    said += [_apart(parameter, rows) for parameter, rows in compared.items()]
    favoured = _favoured(compared) if (run.trials["phase"] == "exploit").any() else []
    return (*said, *favoured, *_lost(tables["heatmap"]))


def _enough(rows: list[dict[Any, Any]]) -> list[dict[Any, Any]]:
    return [row for row in rows if row["trials"] >= FEW]


def _apart(parameter: str, rows: list[dict[Any, Any]]) -> str:
    first, *others = _enough(rows)
    clear = [row["group"] for row in others if row["low"] > first["high"]]
    close = [row["group"] for row in others if row["low"] <= first["high"]]
    few = [row["group"] for row in rows if row["trials"] < FEW]
    if close:
        text = f"The middle half of {first['group']} trials overlaps with that of {listing(close)}, so their "
        text += "order is open"
        text += f"; {listing(clear)} {'lies' if len(clear) == 1 else 'lie'} above it." if clear else "."
    else:
        text = f"The middle half of {first['group']} trials lies below that of {listing(clear)}."
    return f"{text} Too few trials to compare: {listing(few)}." if few else text


def _favoured(compared: dict[str, list[dict[Any, Any]]]) -> list[str]:
    """Groups that exploitation sampled more often have better settings too; the reader must know."""
    uneven = [
        max(row["trials"] for row in rows) > 2 * min(row["trials"] for row in _enough(rows))
        for rows in compared.values()
    ]
    text = "The search adds trials where scores are good, which flatters the groups with many trials."
    return [text] if any(uneven) else []


def _lost(heatmap: pd.DataFrame) -> list[str]:
    sums = heatmap.groupby("optimizer")[["completed", "trials"]].sum()
    worst = sums[sums["completed"] < 0.75 * sums["trials"]].sort_index()
    if worst.empty:
        return []
    said = [
        f"{name} ({row['trials'] - row['completed']} of {count(row['trials'], 'trial')})"
        for name, row in worst.iterrows()
    ]
    return [f"Not in the bands, because they diverged, failed or were pruned: {listing(said)}."]


QUESTION = Question(
    key="bands",
    question="Which optimizers and activations usually train well?",
    tables={"bands": bands},
    figure=FigureSpec(
        name="bands",
        table="bands",
        title="Convergence by optimizer and activation",
        caption=(
            "Lines are medians over completed search trials; bands are quartiles, left out where they "
            "would overlap. All other settings vary inside a band. Pruned and diverged trials are not "
            "counted, so a group that loses many looks better here than it is."
        ),
        missing="No search trial completed, so there is no curve to summarise.",
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    shown=(Shown("bands", "Each group at the last step; the CSV has every step", at_the_end),),
    how=(
        "For each group of completed search trials: median, and lower and upper quartile, of the "
        "validation loss at each evaluation point. Learning rate and all other settings vary inside a "
        "group, so a band shows how forgiving a choice is over this search space, not how good it can be "
        "at its best.",
        "Exploitation samples promising settings more often, and pruned or diverged trials are not in the "
        "bands: both make groups look better than they are. One seed for each trial; no group is called "
        f"better where the middle halves overlap, and none of fewer than {FEW} trials is compared.",
    ),
)
