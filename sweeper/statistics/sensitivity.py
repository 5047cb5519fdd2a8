"""How much it costs to miss the best learning rate."""

import numpy as np

BINS_PER_DECADE = 2
FEWEST_BINS = 4
"""Half decades with trials below which no sensitivity is stated."""


def sensitivity(rates: np.ndarray, losses: np.ndarray) -> float:
    """Mean of ℓ(η) − ℓ* over log-uniform η between the lowest and the highest rate, in the unit of the loss.

    `losses` are min(ℓ, ℓ0). Null below `FEWEST_BINS` half decades with trials.
    """
    log_rates = np.log10(rates)
    bins = np.floor(log_rates * BINS_PER_DECADE + 1e-9)
    order = np.lexsort((losses, bins))
    lowest = order[np.unique(bins[order], return_index=True)[1]]
    if len(lowest) < FEWEST_BINS:
        return float("nan")
    lowest = lowest[np.argsort(log_rates[lowest])]
    ends = [log_rates.min(), *log_rates[lowest], log_rates.max()]
    heights = losses[lowest[[0, *range(len(lowest)), -1]]] - losses.min()
    return float(np.trapezoid(heights, ends) / (ends[-1] - ends[0]))
