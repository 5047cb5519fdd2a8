"""Are the steps as large as stability allows?"""

import pandas as pd

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.report.section import Evidence, Section, Shown
from sweeper.tables.stability import INTACT
from sweeper.wording import count, listing, number

AT = (0.8, 1.25)
"""Last ratios in between count as at the limit."""
FULL = ("full",)


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per trial, without what the label says already."""
    return frame.drop(columns=["trial", "optimizer"])


def answer(evidence: Evidence) -> tuple[str, ...]:
    """How many diverged trials were above the limit before, where the best ended, and what holds."""
    trials = evidence.tables["stability_trials"]
    if trials.empty:
        return (
            "There is no limit to compare with: none of the trials that were looked at has an optimizer with "
            "a linear theory.",
        )
    lost = trials[trials["outcome"] == "diverged"]
    best = trials[trials["outcome"] != "diverged"]
    said = [_diverged(lost)] if len(lost) else ["No diverged trial was looked at."]
    if len(best):
        said.append(_best(best))
    return (*said, _validity(evidence))


def _diverged(lost: pd.DataFrame) -> str:
    above = lost["above_intact"]
    said = (
        f"Of {count(len(lost), 'diverged trial')} looked at, {int(above.sum())} had a learning rate × "
        f"sharpness above the limit of the optimizer while the loss was still below {INTACT:g} × its first "
        "value"
    )
    if above.all():
        return f"{said}: steps too long for the curvature explain the divergence."
    rest = int((~above).sum())
    return (
        f"{said}; {rest} {'was' if rest == 1 else 'were'} not seen above it that early, so the limit alone "
        "does not explain every divergence."
    )


def _best(best: pd.DataFrame) -> str:
    low, high = AT
    near = best[best["last"].between(low, high)]
    over = best[best["last"] > high]
    under = best[best["last"] < low]
    parts = [
        f"{count(len(rows), 'trial')} {where} ({listing([number(v) for v in rows['last']])} × the limit)"
        for rows, where in ((near, "at the limit"), (over, "above it"), (under, "below it"))
        if len(rows)
    ]
    return f"Of the best trials, at the last look: {listing(parts)}."


def _validity(evidence: Evidence) -> str:
    training = evidence.study.training
    reasons = []
    if training.batch_size not in FULL:
        reasons.append("mini-batches, whose noise destabilises earlier")
    if training.loss != "mse":
        reasons.append(f"the loss {training.loss}, whose curvature falls once the rows are fitted")
    if training.schedule != "constant" or "schedule" in evidence.study.space.parameters:
        reasons.append("a rate that changes on the way")
    base = "The limit is exact for full-batch steps on a quadratic"
    if not reasons:
        return f"{base}; elsewhere it says where a step starts to grow, not that the loss explodes."
    return (
        f"{base}. Here it is a yardstick only, because of {', and '.join(reasons)}: training can settle "
        "below it, and can survive above it."
    )


def _limits(*, preconditioned: bool) -> str:
    """``2 for sgd, 2(1 + β) for momentum``: the limits of all optimizers whose Hessian is taken so."""
    by_formula: dict[str, list[str]] = {}
    for optimizer in OPTIMIZERS.values():
        if optimizer.limit is not None and optimizer.limit.preconditioned == preconditioned:
            formula = optimizer.limit.formula(optimizer.defaults)
            by_formula.setdefault(formula, []).append(optimizer.name)
    return ", ".join(f"{formula} for {listing(names)}" for formula, names in by_formula.items())


SECTION = Section(
    key="stability",
    question="Are the steps as large as stability allows?",
    answer=answer,
    figure="stability",
    shown=(
        Shown("stability_trials", "One row per trial: learning rate × sharpness ÷ limit", summary),
        Shown("stability", "Every look"),
    ),
    how=(
        "The first finalists, and the diverged trials with the lowest rates, were trained again one by one "
        "on the search's seed and looked at before a few log-spaced steps. Sharpness is the largest "
        "eigenvalue of the Hessian of the training loss (penalty included, weight decay not) on up to 512 "
        "training rows, by Lanczos on Hessian–vector products to 1 %, as training sees them (batch norm with "
        "the statistics of these rows, dropout off).",
        f"Limits of η·λ: {_limits(preconditioned=False)}; of the Hessian divided by what the optimizer "
        f"divides the gradient by: {_limits(preconditioned=True)}. Full-batch gradient descent "
        "often settles at its limit (Cohen et al. 2021, arXiv 2103.00065; 2022, arXiv 2207.14484); "
        "with momentum it does not always get there.",
    ),
)
