"""How the best trials of the search converged."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.rows import best_trials, labels
from sweeper.drawing.lines import lineplot_options
from sweeper.drawing.scales import loss_axis
from sweeper.drawing.style import canvas, group_styles, handle, legend_below, short, themed
from sweeper.questions.question import FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.statistics.curve_class import EARLY, RISE
from sweeper.wording import count, metric_words, number, percent

SHOWN = 5
"""Trials in the convergence table."""
LOSSES = ("train_loss", "validation_loss")


def convergence(run: RunData) -> pd.DataFrame:
    """Losses of the best `SHOWN` trials of the search.

    Columns: rank (from 1), trial, label, metric (train_loss | validation_loss), step, value. A
    train_loss is the mean over the batches since the point before, so it has no step 0.
    """
    best = best_trials(run.trials, SHOWN)
    best = best.assign(rank=range(1, len(best) + 1), label=labels(best))
    rows = run.curves[run.curves["metric"].isin(LOSSES)]
    frame = rows.merge(best[["trial", "seed", "rank", "label"]], on=["trial", "seed"])
    frame = frame[np.isfinite(frame["value"])].sort_values(["rank", "metric", "step"], ignore_index=True)
    return frame[["rank", "trial", "label", "metric", "step", "value"]]


METRICS = ("validation_loss", "train_loss")


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each loss of `convergence`, a line for each trial, on one loss axis."""
    metrics = [metric for metric in METRICS if (frame["metric"] == metric).any()]
    styles = group_styles(list(dict.fromkeys(frame["label"])))
    figure, panels = canvas(1, len(metrics), height=3.6 + 0.2 * len(styles), sharey=True)
    for axes, metric in zip(panels, metrics, strict=True):
        lines = frame[frame["metric"] == metric]
        present = {name: style for name, style in styles.items() if (lines["label"] == name).any()}
        sns.lineplot(lines, x="step", y="value", ax=axes, **lineplot_options("label", present))
        axes.set(title=metric_words(metric), xlabel="optimizer step", ylabel="loss")
        axes.set_xlim(left=0)
    loss_axis(panels[0].yaxis, frame["value"])
    entries: dict[str, Line2D] = {name: handle(style) for name, style in styles.items()}
    legend_below(figure, entries, "best trials of the search, best first", ncols=2)
    return figure


def alt(frame: pd.DataFrame) -> str:
    """First, lowest and last validation loss of each line."""
    said = []
    for metric in METRICS:
        for name, line in frame[frame["metric"] == metric].groupby("label", sort=False):
            values = line.sort_values("step")["value"]
            ends = f"{short(values.iloc[0])} to {short(values.iloc[-1])}, lowest {short(values.min())}"
            said.append(f"{metric_words(metric)} of {name}: {ends}")
        if said:  # one loss says enough
            break
    return f"Loss by optimizer step of the best trials of the search, best first. {'; '.join(said)}."


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """Where the best trial had its lowest loss, where it ended, and how many of the others still fell."""
    frame = tables["convergence"]
    metric = "validation_loss" if (frame["metric"] == "validation_loss").any() else "train_loss"
    curves = frame[frame["metric"] == metric]
    name, best = metric.replace("_", " "), curves[curves["rank"] == curves["rank"].min()]
    step, lowest, end, last = _ends(best)
    said = [
        f"The {name} of {best['label'].iloc[0]} was lowest, {number(lowest)}, at step {step:,} of {end:,}"
    ]
    if step == end:
        said[0] += ", its last evaluation: more steps may lower it further."
    elif lowest <= 0 or last <= (1 + RISE) * lowest:
        said[0] += f", and {number(last)} at the end: it has levelled off."
    elif step <= EARLY * end:
        said[0] += f", then rose to {number(last)}: shorter training or more regularization may help."
    else:
        said[0] += f", and {number(last)} at the end: such a late rise may be noise."
    if curves["rank"].nunique() == 1:
        return (*said, "One seed.")
    lines = [_ends(line) for _, line in curves.groupby("rank")]
    falling = sum(at == stop for at, _, stop, _ in lines)
    said.append(
        f"{falling} of the {count(len(lines), 'best trial')} shown {'was' if falling == 1 else 'were'} "
        "lowest at the last evaluation; one seed each."
    )
    return tuple(said)


def _ends(line: pd.DataFrame) -> tuple[int, float, int, float]:
    """Step and value of the lowest point, last step and value."""
    low, last = line.loc[line["value"].idxmin()], line.loc[line["step"].idxmax()]
    return int(low["step"]), float(low["value"]), int(last["step"]), float(last["value"])


QUESTION = Question(
    key="convergence",
    question="Did the best trials converge?",
    tables={"convergence": convergence},
    figure=FigureSpec(
        name="convergence",
        table="convergence",
        title="Convergence of the best trials",
        caption=(
            "Left: loss on validation rows. Right: mean loss of the training batches since the previous "
            "evaluation, without the penalty. A validation curve that rises while the training loss falls "
            "shows overfitting; one that still falls at the end needs more steps."
        ),
        missing="No trial of the search completed, so there is no curve to show.",
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    shown=(Shown("convergence", "Losses at every evaluation point"),),
    how=(
        "Validation rows were scored at evenly spaced steps, the first before training. The training loss "
        "is the mean over the batches since the previous evaluation, without the penalty, so it has no "
        "value at step 0.",
        f"“Rose” means that the last loss is more than {percent(RISE)} above the lowest, and that the lowest "
        f"came before the last {percent(1 - EARLY)} of the steps. Each curve is one training with one seed.",
    ),
)
