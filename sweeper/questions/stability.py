"""Are the steps as large as stability allows?"""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.rows import completed_search, labels, search_trials
from sweeper.components.losses import LOSSES
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.drawing.scales import log_axis
from sweeper.drawing.style import HUES, GroupStyle, canvas, group_styles, handle, legend_below, themed
from sweeper.questions.question import WHY, FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import PRECONDITIONED, SHARPNESS, SHARPNESS_METRICS, RunData
from sweeper.records.schema import decode
from sweeper.wording import capital, count, every, given, listing, number

_, _, LOSS, RATE = SHARPNESS_METRICS
INTACT = 2.0
"""A loss up to this multiple of the first one has not begun to explode."""
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
    """One row per trial and step at which the sharpness λ was measured, best trials first.

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
    search = search.assign(label=labels(search))
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
    """One row per trial of `stability` that has a ratio: where it began, how high it got, how it ended.

    points: steps with a ratio. first, largest, last: ratios. above_at: the first measured step at which the
    ratio was above 1; null if it never was. above_intact: whether it was above 1 at a look before the loss
    had passed `INTACT` × its first value; a loss that explodes is sharp, so what comes later proves nothing.
    """
    frame = stability(run)
    rows = [_summary(part) for _, part in frame.groupby("trial", sort=False) if part["ratio"].notna().any()]
    return pd.DataFrame(rows, columns=SUMMARY)


def _summary(part: pd.DataFrame) -> list[Any]:
    intact = (part["loss"] <= INTACT * part["loss"].iloc[0]).cummin()
    above = part.loc[part["ratio"] > 1, "step"]
    ratios = part["ratio"].dropna()
    head = part.iloc[0][["trial", "label", "optimizer", "outcome"]].tolist()
    ends = [float(ratios.iloc[0]), float(ratios.max()), float(ratios.iloc[-1])]
    first = float(above.iloc[0]) if len(above) else float("nan")
    return [*head, len(ratios), *ends, first, bool((intact & (part["ratio"] > 1)).any())]


LIMIT: dict[str, Any] = {"color": HUES[4], "linewidth": 1.2, "linestyle": "--"}
HIGHEST = 1000.0
"""Where larger ratios are drawn: a loss that explodes is sharper by any factor."""
SHORTEST = 1.0
"""Steps 0 and 1 share a place on the logarithmic axis, one step apart: steps are shown from 1."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for the best trials and one for those that diverged; a cross ends the line of the latter."""
    known = frame.dropna(subset=["ratio"])
    known = known[known["ratio"] > 0]
    lost = known["outcome"] == "diverged"
    sides = [("best trials", known[~lost]), ("diverged trials, until they did", known[lost])]
    sides = [(title, rows) for title, rows in sides if len(rows)] or [("no trial with a limit", known)]
    styles = group_styles(list(dict.fromkeys(known["label"])))
    figure, panels = canvas(1, len(sides), height=4.2 + 0.2 * len(styles) / 2, sharey=True)
    for axes, (title, rows) in zip(panels, sides, strict=True):
        for name, line in rows.groupby("label", sort=False):
            _line(axes, line, styles[str(name)])
        axes.axhline(1, zorder=1, **LIMIT)
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
        f"Learning rate times sharpness over the optimizer's limit. {'; '.join(said) or 'no limits known'}."
    )


AT = (0.8, 1.25)
"""Last ratios in between count as at the limit."""
FULL = ("full",)


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per trial, without what the label says already."""
    return frame.drop(columns=["trial", "optimizer"])


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """Where the best ended, how many diverged trials were above the limit before, and what holds."""
    trials = tables["stability_trials"]
    if trials.empty:
        return (
            "There is no limit to compare with: no measured trial has an optimizer with a linear theory.",
        )
    lost = trials[trials["outcome"] == "diverged"]
    best = trials[trials["outcome"] != "diverged"]
    said = [_best(best, changing=_changes(run))] if len(best) else []
    if len(lost):
        said.append(_diverged(lost, int(best["above_intact"].sum())))
    else:
        said.append("No diverged trial was measured.")
    return (*said, _validity(run, tables))


def _diverged(lost: pd.DataFrame, survived: int) -> str:
    """`survived`: trials that were above the limit as early and did not diverge; they part no outcomes."""
    above, measured = lost["above_intact"], count(len(lost), "diverged trial")
    who = f"Of {measured} measured, {int(above.sum())}"
    if above.all():
        who = f"{capital(every(len(lost), 'trial', of='diverged '))} measured"
    said = (
        f"{who} had a learning rate × sharpness above the limit of the optimizer while the loss was still "
        f"below {given(INTACT)} × its first value"
    )
    if above.all() and survived:
        others = count(survived, "trial that did not diverge was", "trials that did not diverge were")
        return f"{said}; {others} above it too, so the limit alone does not tell which trials diverge."
    if above.all():
        return f"{said}. By the linear theory such steps grow, so they may be why."
    rest = int((~above).sum())
    return (
        f"{said}; {rest} {'was' if rest == 1 else 'were'} not above it that early, so the limit alone "
        "does not explain every divergence."
    )


def _changes(run: RunData) -> bool:
    """Whether the rate changes during training: at the end, a schedule may have taken it to 0."""
    return run.study.training.schedule != "constant" or "schedule" in run.study.space.parameters


def _best(best: pd.DataFrame, *, changing: bool) -> str:
    """Where the best were at the last measurement, or at most where rates change; in the figure's order."""
    asked = "largest" if changing else "last"
    who = "the best trial" if len(best) == 1 else f"the {len(best)} best trials measured"
    ratios = [number(ratio, 2) for ratio in best[asked]]
    places = [_place(ratio) for ratio in best[asked]]
    if len(set(places)) == 1:
        together = {1: "", 2: "both "}.get(len(best), "all ")
        named = [f"{ratio} (#{trial})" for ratio, trial in zip(ratios, best["trial"], strict=True)]
        told = (
            f"{listing(named if len(best) > 1 else ratios)} times the stability limit, {together}{places[0]}"
        )
    else:
        rows = zip(ratios, best["trial"], places, strict=True)
        named = [f"{ratio} (#{trial}, {place})" for ratio, trial, place in rows]
        told = f"{listing(named)} times the stability limit"
    if changing:
        return f"Learning rate × sharpness of {who} reached {told}."
    said = f"At the last measurement, learning rate × sharpness of {who} was {told}."
    under = best[best[asked] < AT[0]]
    came = int((under["largest"] > 1).sum())
    return said if not came else f"{said} {_came_down(came, len(under), len(best))}"


def _place(ratio: float) -> str:
    low, high = AT
    if low <= ratio <= high:
        return f"at it: {number(low)} to {number(high)}"
    return "above it" if ratio > high else "below it"


def _came_down(came: int, below: int, measured: int) -> str:
    """How many of those `below` the limit at the end were above it before."""
    where = "" if below == measured else " below it"
    who = f"{came} of the {below}{where}"
    if came == below:
        who = {1: "The one", 2: "Both"}.get(below, f"All {below}") + where
        who = "It" if measured == 1 else who
    return f"{who} {'was' if came == 1 else 'were'} above the limit before."


def _validity(run: RunData, tables: Tables) -> str:
    training = run.study.training
    reasons = []
    if training.batch_size not in FULL:
        reasons.append("mini-batches add noise, which destabilises earlier")
    if training.loss != "mse":
        reasons.append(_curvature(str(training.loss)))
    if _changes(run):
        reasons.append("the rate changes during training")
    base = "The limit is exact for full-batch steps on a quadratic"
    if not reasons:
        return f"{base}; elsewhere it says where a step starts to grow, not that the loss explodes."
    return (
        f"{base}. Here it is a yardstick only: {'; '.join(reasons)}. Training can settle below it, and can "
        "survive above it."
    )


def _curvature(loss: str) -> str:
    """Why a loss is no quadratic: one of logits flattens towards 0, where its probabilities become sure."""
    known = LOSSES.get(loss)
    falls = known is not None and known.inside
    if falls:
        return f"the curvature of the loss {loss} falls once the rows are fitted"
    return f"the loss {loss} is not quadratic everywhere"


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
    return (
        "No sharpness is on record. It is measured where trials are cheap to train again, and needs a loss "
        "with second derivatives."
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
            "on a quadratic. Above the dashed line a step grows along the sharpest direction; whether a "
            "training settles at the line is measured, not assumed. ×: last measurement before the trial "
            "diverged. Ratios above 1,000 are drawn at 1,000."
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
        "The first finalists, and the diverged trials with the lowest rates, were retrained one by one on "
        "the search's seed and measured before a few log-spaced steps. Sharpness is the largest eigenvalue "
        "of the Hessian of the training loss (penalty included, weight decay not) on up to 512 training "
        "rows, by Lanczos on Hessian–vector products to 1 %, as training sees them (batch norm with the "
        "statistics of these rows, dropout off).",
        f"Limits of η·λ: {_limits(preconditioned=False)}; of the Hessian divided by what the optimizer "
        f"divides the gradient by: {_limits(preconditioned=True)}. Full-batch gradient descent "
        "often settles at its limit (Cohen et al. 2021, arXiv 2103.00065; 2022, arXiv 2207.14484); "
        "with momentum it does not always get there.",
    ),
)
