"""Does divergence on a quadratic begin where the update rule says?"""

import math

import numpy as np

from sweeper.answer.rows import search_trials
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.study.expect import Threshold
from sweeper.tables.findings.finding import CONTRARY, FOUND, NOT_FOUND, Finding, unknown
from sweeper.tables.findings.stable import bracket
from sweeper.tables.source import Source

UNIT = "η·λmax at the limit ÷ its theoretical value, the one farthest from 1"
LINEAR = tuple(name for name, optimizer in OPTIMIZERS.items() if optimizer.linear)
"""Optimizers whose update is linear in the gradient, so that the limit is known."""


def threshold(source: Source, asked: Threshold) -> Finding:
    """Found: for every optimizer [largest stable, smallest unstable] η·λmax is within `tolerance` of theory.

    Contrary: one of these brackets lies wholly outside. No interval is needed: the brackets hold the limits.
    """
    tried = set(search_trials(source.trials)["optimizer"])
    names = [name for name in LINEAR if name in tried]
    ends = {name: bracket(source, name) for name in names}
    known = {name: pair for name, pair in ends.items() if not any(map(math.isnan, pair))}
    if not known or len(known) < len(names):
        lacking = ", ".join(name for name in names if name not in known) or "an optimizer with a known limit"
        return unknown(UNIT, f"No pair of a stable and an unstable rate was seen for {lacking}.")
    limits = {name: limit(source, name) for name in known}
    ratios = {name: np.array(pair) * asked.curvature / limits[name] for name, pair in known.items()}
    farthest = max(ratios, key=lambda name: abs(ratios[name].mean() - 1))
    low, high = ratios[farthest]
    parts = [
        f"{name} {known[name][0] * asked.curvature:.4g} to {known[name][1] * asked.curvature:.4g} "
        f"(theory {limits[name]:.4g})"
        for name in names
    ]
    off = f"{100 * (ratios[farthest].mean() - 1):+.2f} %".replace("-", "−")
    said = (
        f"Training begins to diverge at η·λmax between these rates: {'; '.join(parts)}. The farthest from "
        f"theory, {farthest}, is off by {off}."
    )
    tries = len(search_trials(source.trials))
    basis = f"neighbouring stable and unstable rates among {tries} trials, one seed each"
    verdict = _verdict(list(ratios.values()), asked.tolerance)
    return Finding(verdict, float(ratios[farthest].mean()), float(low), float(high), UNIT, basis, said)


def limit(source: Source, name: str) -> float:
    """Largest stable η·λ of an optimizer with the momentum that its trials had."""
    rows = search_trials(source.trials)
    rows = rows[rows["optimizer"] == name]
    given = rows["momentum"].dropna() if "momentum" in rows else rows["learning_rate"].head(0)
    used = {"momentum": float(given.iloc[0])} if len(given) else {}
    optimizer = OPTIMIZERS[name]
    assert optimizer.limit is not None
    return optimizer.limit.value(optimizer.chosen(used), 0)


def _verdict(ratios: list[np.ndarray], tolerance: float) -> str:
    if all(np.abs(pair - 1).max() <= tolerance for pair in ratios):
        return FOUND
    outside = any(low > 1 + tolerance or high < 1 - tolerance for low, high in ratios)
    return CONTRARY if outside else NOT_FOUND
