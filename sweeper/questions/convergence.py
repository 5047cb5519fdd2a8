"""How the best trials of the search converged."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.rows import best_trials, search_trials
from sweeper.components.metric_words import metric_words
from sweeper.drawing.lines import lineplot_options
from sweeper.drawing.scales import loss_axis
from sweeper.drawing.style import canvas, group_styles, handle, legend_below, themed
from sweeper.questions.question import FigureSpec, Shown
from sweeper.questions.run_data import RunData
from sweeper.statistics.sizes import every_nth
from sweeper.wording import number

SHOWN = 5
"""Trials in the convergence table."""
LOSSES = ("train_loss", "validation_loss")


def convergence(run: RunData) -> pd.DataFrame:
    """Losses of the best `SHOWN` trials of the search.

    Columns: rank (from 1), trial, label, metric (train_loss | validation_loss), step, value. A
    train_loss is the mean over the batches since the point before, so it has no step 0.
    """
    best = best_trials(run.trials, SHOWN)
    best = best.assign(rank=range(1, len(best) + 1), label=run.labels[best["trial"]].to_numpy())
    rows = run.curves[run.curves["metric"].isin(LOSSES)]
    frame = rows.merge(best[["trial", "seed", "rank", "label"]], on=["trial", "seed"])
    frame = frame[np.isfinite(frame["value"])].sort_values(["rank", "metric", "step"], ignore_index=True)
    return frame[["rank", "trial", "label", "metric", "step", "value"]]


def learning_curves(run: RunData) -> pd.DataFrame:
    """`convergence`, and the validation losses of up to `BEHIND` others, evenly over their ranks.

    Columns as in `convergence`; the others have the label `OTHERS`; those without a score come last.
    """
    front = convergence(run)
    search = search_trials(run.trials).sort_values(["objective", "trial"], ignore_index=True)
    others = search[~search["trial"].isin(front["trial"])]
    others = others.iloc[:: every_nth(len(others), BEHIND)].assign(label=OTHERS)
    others = others.assign(rank=range(SHOWN + 1, SHOWN + 1 + len(others)))
    rows = run.curves[run.curves["metric"] == "validation_loss"]
    behind = rows.merge(others[["trial", "seed", "rank", "label"]], on=["trial", "seed"])
    behind = behind[np.isfinite(behind["value"])].sort_values(["rank", "step"])
    return pd.concat([front, behind[front.columns]], ignore_index=True)


BEHIND, OTHERS = 200, "other trials"
METRICS = ("validation_loss", "train_loss")


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Left: all validation curves of `learning_curves`, the best in front; right: train losses of the
    best."""
    best = frame[frame["label"] != OTHERS]
    metrics = [metric for metric in METRICS if (best["metric"] == metric).any()] or list(METRICS[:1])
    styles = group_styles(list(dict.fromkeys(best["label"])))
    figure, panels = canvas(1, len(metrics), height=3.6 + 0.2 * len(styles), sharey=True)
    for axes, metric in zip(panels, metrics, strict=True):
        for _, line in frame[(frame["metric"] == metric) & (frame["label"] == OTHERS)].groupby("trial"):
            axes.plot(line["step"], line["value"], color="0.7", linewidth=0.7, alpha=0.6, zorder=1)
        lines = best[best["metric"] == metric]
        present = {name: style for name, style in styles.items() if (lines["label"] == name).any()}
        if present:
            sns.lineplot(lines, x="step", y="value", ax=axes, **lineplot_options("label", present))
        axes.set(title=metric_words(metric), xlabel="optimizer step", ylabel="loss")
        axes.set_xlim(left=0)
    starts = frame[frame["step"] == 0]["value"]
    loss_axis(panels[0].yaxis, [*best["value"], *starts])
    top = 1.3 * float(max(best["value"].max() if len(best) else 0.0, starts.max() if len(starts) else 0.0))
    if top > 0:
        panels[0].set_ylim(top=top)
    entries: dict[str, Line2D] = {name: handle(style) for name, style in styles.items()}
    if (frame["label"] == OTHERS).any():
        entries[OTHERS] = Line2D([], [], color="0.7", linewidth=0.9)
    legend_below(figure, entries, "trials of the search, best first", ncols=2)
    return figure


def alt(frame: pd.DataFrame) -> str:
    """First, lowest and last validation loss of each line."""
    said = []
    best = frame[frame["label"] != OTHERS]
    for metric in METRICS:
        for name, line in best[best["metric"] == metric].groupby("label", sort=False):
            values = line.sort_values("step")["value"]
            ends = f"{number(values.iloc[0])} to {number(values.iloc[-1])}, lowest {number(values.min())}"
            said.append(f"{metric_words(metric)} of {name}: {ends}")
        if said:  # one loss says enough
            break
    what = "Loss by optimizer step of the best trials of the search, best first."
    return f"{what} {'; '.join(said)}." if said else f"{what} None of them completed."


TABLES = {"convergence": convergence, "learning_curves": learning_curves}
FIGURE = FigureSpec(
    name="convergence",
    table="learning_curves",
    title="Learning curves",
    caption=(
        "Left: loss on validation rows, the best trials in colour before the others (up to 200). Right: mean "
        "loss of the training batches since the previous evaluation, without the penalty. A validation curve "
        "that rises while the training loss falls shows overfitting; one that still falls at the end needs "
        "more steps."
    ),
    missing="No trial of the search was evaluated, so there is no curve to judge.",
    draw=draw,
    alt=alt,
)
TABLES_SHOWN = (Shown("convergence", "Losses at every evaluation point"),)
HOW = (
    "Validation rows are scored at evenly spaced steps, the first before training. The training loss "
    "is the mean over the batches since the previous evaluation, without the penalty, so it has no "
    "value at step 0. Each curve is one training with one seed.",
)
