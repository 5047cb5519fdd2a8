"""Are the steps as large as stability allows?"""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.rows import completed_search, search_trials
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.drawing.scales import log_axis
from sweeper.drawing.style import HUES, GroupStyle, canvas, group_styles, handle, legend_below, themed
from sweeper.questions.question import WHY, FigureSpec, Question, Shown
from sweeper.questions.run_data import PRECONDITIONED, SHARPNESS, SHARPNESS_METRICS, RunData
from sweeper.questions.stability_words import ABOVE, RULE, intact, sentences, unfinished
from sweeper.records.schema import decode
from sweeper.wording import given, listing, number

_, _, LOSS, RATE = SHARPNESS_METRICS
COLUMNS = [
    "trial",
    "label",
    "optimizer",
    "outcome",
    "step",
    "sharpness",
    "preconditioned_sharpness",
    "loss",
    "learning_rate",
    "limit",
    "ratio",
]
SUMMARY = [
    "trial",
    "label",
    "optimizer",
    "outcome",
    "points",
    "first",
    "largest",
    "last",
    "above_at",
    "above_intact",
]


def stability(run: RunData) -> pd.DataFrame:
    """One row per trial and step at which the sharpness λ was measured: completed trials by
    their score in the search, then those that diverged.

    loss: that whose sharpness it is. learning_rate: η of the step that follows. limit: largest stable η·λ
    (`sweeper.components.optimizers`); λ is the preconditioned sharpness for optimizers that divide the
    gradient. ratio = η·λ / limit: above 1, linear theory says, the step grows along the sharpest direction.
    Null where the optimizer has no limit or has not averaged anything yet (step 0).
    """
    rows = run.sharpness
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    wide = rows.pivot_table(index=["trial", "seed", "step"], columns="metric", values="value")
    wide = wide.reindex(columns=list(SHARPNESS_METRICS)).reset_index()
    search = search_trials(run.trials)
    search = search.assign(label=run.labels.to_numpy())
    frame = wide.merge(search.drop(columns=["learning_rate"]), on=["trial", "seed"])
    frame = frame.rename(columns={RATE: "learning_rate", LOSS: "loss"}).dropna(subset=["learning_rate"])
    found = [_limit(row) for row in frame.to_dict("records")]
    frame = frame.assign(
        limit=pd.Series([each[0] for each in found], index=frame.index, dtype="float64"),
        ratio=pd.Series([each[1] for each in found], index=frame.index, dtype="float64"),
        lost=frame["outcome"] == "diverged",
    )
    return frame.sort_values(["lost", "objective", "trial", "step"], ignore_index=True)[COLUMNS]


def _limit(row: Mapping[Hashable, Any]) -> tuple[float, float]:
    optimizer = OPTIMIZERS[str(row["optimizer"])]
    if optimizer.limit is None:
        return float("nan"), float("nan")
    given = {key: decode(row[key]) for key in optimizer.options if key in row and not pd.isna(row[key])}
    limit = optimizer.limit.value(optimizer.chosen(given), int(row["step"]))
    curvature = row[PRECONDITIONED] if optimizer.limit.preconditioned else row[SHARPNESS]
    return limit, float(row["learning_rate"]) * float(curvature) / limit


def stability_trials(run: RunData) -> pd.DataFrame:
    """One row per trial of `stability` that has a limit: where it began, how high it got, how it ended.

    points: steps with a ratio. first, largest, last: ratios. above_at: the first measured step at which the
    ratio was above the limit (`ABOVE`); null if it never was. above_intact: whether it was at a look before
    the loss had passed `INTACT` × its first value; a loss that explodes is sharp, so what comes later proves
    nothing. Null where no ratio is known from before: who divides the gradient has none at step 0.
    """
    frame = stability(run)
    rows = [_summary(part) for _, part in frame.groupby("trial", sort=False) if part["limit"].notna().any()]
    return pd.DataFrame(rows, columns=SUMMARY)


def _summary(part: pd.DataFrame) -> list[Any]:
    known = part[part["ratio"].notna()]
    early = known["ratio"][intact(part["loss"], part["loss"].iloc[0]).cummin().loc[known.index]]
    above = known.loc[known["ratio"] > ABOVE, "step"]
    ratios = known["ratio"].to_numpy(float)
    head = part.iloc[0][["trial", "label", "optimizer", "outcome"]].tolist()
    ends = [float(ratios[0]), float(ratios.max()), float(ratios[-1])] if len(ratios) else [float("nan")] * 3
    first = float(above.iloc[0]) if len(above) else float("nan")
    return [*head, len(ratios), *ends, first, bool((early > ABOVE).any()) if len(early) else None]


LIMIT: dict[str, Any] = {"color": HUES[4], "linewidth": 1.2, "linestyle": "--"}
HIGHEST = 1000.0
"""Where larger ratios are drawn: a loss that explodes is sharper by any factor."""
SHORTEST = 1.0
"""Steps 0 and 1 share a place on the logarithmic axis, one step apart: steps are shown from 1."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for the completed trials and one for diverged ones, whose lines end in a cross."""
    known = frame.dropna(subset=["ratio"])
    known = known[known["ratio"] > 0]
    lost = known["outcome"] == "diverged"
    sides = [("completed trials", known[~lost]), ("diverged trials, until they did", known[lost])]
    sides = [(title, rows) for title, rows in sides if len(rows)] or [("no ratio is known", known)]
    styles = group_styles(list(dict.fromkeys(known["label"])))
    figure, panels = canvas(1, len(sides), height=4.2 + 0.2 * len(styles) / 2, sharey=True)
    for axes, (title, rows) in zip(panels, sides, strict=True):
        for name, line in rows.groupby("label", sort=False):
            _line(axes, line, styles[str(name)])
        axes.axhline(ABOVE, zorder=1, **LIMIT)
        axes.set(title=title, xlabel="updates made, plus 1 (log)")
        if rows.empty:
            axes.set_xlim(1, 10)
        log_axis(axes.xaxis)
    panels[0].set_ylabel("η·λ ÷ limit of the optimizer (log)")
    log_axis(panels[0].yaxis)
    entries = {name: handle(style) for name, style in styles.items()}
    legend_below(figure, {**entries, "limit of the linear theory": Line2D([], [], **LIMIT)}, ncols=2)
    return figure


def _line(axes: Axes, rows: pd.DataFrame, style: GroupStyle) -> None:
    axes.plot(
        rows["step"] + SHORTEST,
        rows["ratio"].clip(upper=HIGHEST),
        marker=style.marker,
        color=style.color,
        linestyle=style.linestyle,
        markeredgecolor="white",
        zorder=2,
    )
    if rows["outcome"].iloc[0] == "diverged":
        last = rows.iloc[-1]
        axes.plot(
            last["step"] + SHORTEST,
            min(last["ratio"], HIGHEST),
            marker="x",
            color=style.color,
            markersize=10,
            markeredgewidth=2,
            zorder=3,
        )


def alt(frame: pd.DataFrame) -> str:
    """First, largest and last ratio of every trial."""
    said = []
    for name, rows in frame.dropna(subset=["ratio"]).groupby("label", sort=False):
        ratios = rows["ratio"]
        said.append(
            f"{name} ({rows['outcome'].iloc[0]}): {number(ratios.iloc[0])} first, {number(ratios.max())} at "
            f"most, {number(ratios.iloc[-1])} at step {rows['step'].iloc[-1]}"
        )
    return (
        "Learning rate times sharpness over the optimizer's limit: above it is a ratio over "
        f"{given(ABOVE)}. {'; '.join(said) or 'No ratio is known'}."
    )


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per trial, without what the label says already."""
    return frame.drop(columns=["trial", "optimizer"])


def _limits(*, preconditioned: bool) -> str:
    """``2 for sgd, 2(1 + β) for momentum``: the limits of all optimizers whose Hessian is taken so."""
    by_formula: dict[str, list[str]] = {}
    for optimizer in OPTIMIZERS.values():
        if optimizer.limit is not None and optimizer.limit.preconditioned == preconditioned:
            formula = optimizer.limit.formula(optimizer.defaults)
            by_formula.setdefault(formula, []).append(optimizer.name)
    return ", ".join(f"{formula} for {listing(names)}" for formula, names in by_formula.items())


def missing(run: RunData) -> str:
    """Why no sharpness is on record."""
    if completed_search(run.trials).empty:
        return "No trial of the search completed, so none was trained again to measure its sharpness."
    if left := unfinished(run):
        return " ".join(("No sharpness is on record yet.", *left))
    if not run.study.confirm.finalists and not (run.trials["outcome"] == "diverged").any():
        return "No sharpness is on record: it is of finalists and of diverged trials, and there are none."
    return (
        "No sharpness is on record. As many trials are measured as a small share of the run's training pays "
        "for, and the loss must have second derivatives."
    )


QUESTION = Question(
    key="stability",
    question="Are the steps as large as stability allows?",
    part=WHY,
    tables={"stability": stability, "stability_trials": stability_trials},
    figure=FigureSpec(
        name="stability",
        table="stability",
        title="Sharpness against the limit of stability",
        caption=(
            "Learning rate × largest Hessian eigenvalue of the training loss (preconditioned for "
            "optimizers that divide the gradient), over the largest value at which the optimizer is stable "
            "on a quadratic. Above the dashed line, at a ratio over 1, a step grows along the sharpest "
            "direction; whether a training settles at the line is measured, not assumed. Of the completed "
            "trials the answer and the first other finalists are measured, which need not be the best of "
            "the search. ×: last measurement before the trial diverged. Ratios above 1,000 are drawn at "
            "1,000."
        ),
        missing=missing,
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    shown=(
        Shown("stability_trials", "One row per trial: learning rate × sharpness ÷ limit", summary),
        Shown("stability", "Every measurement"),
    ),
    how=(
        "At the end of a run, a few trials are trained again one by one on the search's seed, as far as "
        "that is cheap, and measured before a few log-spaced steps: the answer, other finalists up to "
        "three in all, in the order in which these were picked, so not always the best of the search, and "
        "others where the search went on since, and at most three diverged trials, of each optimizer those "
        "with the lowest rates. Sharpness is the largest eigenvalue of the Hessian of the training loss "
        "(penalty included, weight decay not) on up to 512 training rows, by Lanczos on Hessian–vector "
        "products to 1 %, as training sees them (batch norm with the statistics of these rows, dropout off).",
        f"{RULE} Optimizers that divide the gradient have a ratio from their second step on. "
        f"Limits of η·λ: {_limits(preconditioned=False)}; of the Hessian divided by what the optimizer "
        f"divides the gradient by: {_limits(preconditioned=True)}. Full-batch gradient descent "
        "often settles at its limit (Cohen et al. 2021, arXiv 2103.00065; 2022, arXiv 2207.14484); "
        "with momentum it does not always get there.",
    ),
)
