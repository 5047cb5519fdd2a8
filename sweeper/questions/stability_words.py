"""Where the best and the diverged trials lay beside the limit of stability, in sentences."""

import pandas as pd

from sweeper.components.losses import LOSSES
from sweeper.questions.question import Tables
from sweeper.questions.run_data import RunData
from sweeper.wording import capital, count, every, given, listing, number

INTACT = 2.0
"""A loss up to this multiple of the first one has not begun to explode."""
AT = (0.8, 1.25)
"""Last ratios in between count as at the limit."""
FULL = ("full",)


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
        f"{said}; {rest} {'was' if rest == 1 else 'were'} not measured above it that early, so the limit "
        "alone does not explain every divergence."
    )


def _changes(run: RunData) -> bool:
    """Whether the rate changes during training: at the end, a schedule may have taken it to 0."""
    return run.study.training.schedule != "constant" or "schedule" in run.study.space.parameters


def _best(best: pd.DataFrame, *, changing: bool) -> str:
    """Where the best were at the last measurement, or at most where rates change; in the figure's order."""
    asked = "largest" if changing else "last"
    one = f"the best trial measured, #{best['trial'].iloc[0]},"  # better ones may have had no limit
    who = one if len(best) == 1 else f"the {len(best)} best trials measured"
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
    came = int((under["largest"] > AT[1]).sum())
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
        reasons.append(curvature(str(training.loss)))
    if _changes(run):
        reasons.append("the rate changes during training")
    base = "The limit is exact for full-batch steps on a quadratic"
    if not reasons:
        return f"{base}; elsewhere it says where a step starts to grow, not that the loss explodes."
    return (
        f"{base}. Here it is a yardstick only: {'; '.join(reasons)}. Training can settle below it, and can "
        "survive above it."
    )


def curvature(loss: str) -> str:
    """Why a loss is no quadratic: one of logits flattens towards 0, where its probabilities become sure."""
    known = LOSSES.get(loss)
    falls = known is not None and known.inside
    if falls:
        return f"the curvature of the loss {loss} falls once the rows are fitted"
    return f"the loss {loss} is not quadratic everywhere"
