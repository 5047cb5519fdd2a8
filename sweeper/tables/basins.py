"""Learning rates that are as good as the best, and how much it costs to miss them."""

import numpy as np
import pandas as pd

from sweeper.tables.capped import capped_losses
from sweeper.tables.source import Source, once

COLUMNS = [
    "optimizer",
    "activation",
    "trials",
    "best_rate",
    "best_loss",
    "low",
    "high",
    "decades",
    "below",
    "above",
    "rate_low",
    "rate_high",
    "sensitivity",
    "lost_share",
    "metric",
]
ANY = "any"
"""Stands for all activations together."""
WITHIN = 0.1
"""A loss is as good as the best ℓ* up to ℓ* + 0.1·|ℓ*|."""
BINS_PER_DECADE = 2
FEWEST_BINS = 4
"""Half decades with trials below which no sensitivity is stated."""


@once
def basins(source: Source) -> pd.DataFrame:
    """One row per optimizer (activation ``any``) and per optimizer × activation; columns as in `COLUMNS`.

    low … high: lowest and highest rate of a trial within `WITHIN` of the group's lowest loss, `decades`
    wide in log10. below, above: the nearest rates tried outside of it, where the edges of the basin lie
    at the latest; null where none was tried, so that the basin may be open there.

    sensitivity (Wortsman et al. 2023, arXiv 2309.14322): mean over η, log-uniform in rate_low …
    rate_high (all rates tried), of min(ℓ(η), ℓ0) − ℓ*; lost_share is that over ℓ0 − ℓ*: what a rate drawn
    blindly from the range loses of what could be learned, 0 … 1. ℓ(η) joins the lowest losses of each half
    decade by lines. Other settings vary and every trial has one seed, so lucky trials narrow a basin.
    Empty where no trial completed.
    """
    losses = capped_losses(source)
    losses = losses[losses["learning_rate"] > 0]
    if not (losses["outcome"] == "completed").any():
        return pd.DataFrame(columns=COLUMNS)
    rows = []
    for optimizer, part in losses.groupby("optimizer"):
        rows.append((optimizer, ANY, *_basin(part)))
        rows += [(optimizer, name, *_basin(group)) for name, group in part.groupby("activation")]
    return pd.DataFrame(rows, columns=COLUMNS[:-1]).assign(metric=source.objective)


def _basin(rows: pd.DataFrame) -> tuple[float, ...]:
    rates, losses = rows["learning_rate"].to_numpy(float), rows["loss"].to_numpy(float)
    learned = ~rows["capped"].to_numpy(bool)
    blank = (np.nan,) * 7
    if not learned.any():
        return (len(rows), np.nan, float(losses.min()), *blank[:5], rates.min(), rates.max(), *blank[:2])
    best = float(losses[learned].min())  # a capped loss may lie below where starting losses differ
    good = rates[learned & (losses <= best + WITHIN * abs(best))]
    low, high = float(good.min()), float(good.max())
    sensitive = sensitivity(rates, losses)
    possible = float(rows["initial"].median()) - best
    share = sensitive / possible if possible > 0 else np.nan
    outside = (rates[rates < low].max(initial=-np.inf), rates[rates > high].min(initial=np.inf))
    below, above = (float(rate) if np.isfinite(rate) else np.nan for rate in outside)
    edges = (low, high, float(np.log10(high / low)), below, above, float(rates.min()), float(rates.max()))
    at_best = float(rates[learned][losses[learned].argmin()])
    return (len(rows), at_best, best, *edges, sensitive, share)


def sensitivity(rates: np.ndarray, losses: np.ndarray) -> float:
    """Mean of ℓ(η) − ℓ* over log-uniform η between the lowest and the highest rate, in the unit of the loss.

    `losses` are min(ℓ, ℓ0). Null below `FEWEST_BINS` half decades with trials.
    """
    places = np.log10(rates)
    bins = np.floor(places * BINS_PER_DECADE + 1e-9)
    order = np.lexsort((losses, bins))
    lowest = order[np.unique(bins[order], return_index=True)[1]]
    if len(lowest) < FEWEST_BINS:
        return float("nan")
    lowest = lowest[np.argsort(places[lowest])]
    ends = [places.min(), *places[lowest], places.max()]
    heights = losses[lowest[[0, *range(len(lowest)), -1]]] - losses.min()
    return float(np.trapezoid(heights, ends) / (ends[-1] - ends[0]))
