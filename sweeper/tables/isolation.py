"""Best over nuisance: what each scientific value reaches when all get the same number of trials."""

import math

import numpy as np
import pandas as pd
from scipy.special import gammaln

from sweeper.statistics.intervals import multiplicities
from sweeper.tables.capped import capped_losses
from sweeper.tables.source import Source

COLUMNS = [
    "parameter",
    "value",
    "expected_best",
    "low",
    "high",
    "budget",
    "trials",
    "searched",
    "basis",
    "best",
    "best_trial",
    "learned_nothing",
    "evidence",
    "metric",
]
FEWEST = 3
"""Trials of every value in the explore phase from which that phase alone is the basis."""
EVIDENCE = "exploratory: one seed each"


def isolation(source: Source) -> pd.DataFrame:
    """One row for each value of each scientific parameter, the best first; columns as in `COLUMNS`.

    expected_best: mean of the lowest loss among `budget` trials drawn from the `trials` of the value, over
    all subsets. `budget` is a third of the fewest trials that any value of the parameter has, the same
    for all, so that a value tried more often is not better by that alone. low, high: 95 % bootstrap
    interval over trials (it covers 90 to 95 %; null below `FEWEST` trials). Losses are capped at the
    loss before training, so trials that diverged count against their value; `learned_nothing` is
    their share.

    basis: ``explore`` where each value has `FEWEST` trials from that phase, which shares them out evenly, at
    nuisance settings that suit each as far as is known; ``search`` otherwise, with more trials where the
    search saw promise. best, best_trial: the lowest of the whole search. All of it is one seed each: it
    shows where to look, and proves nothing. searched: trials of the value in the whole search.
    """
    losses = capped_losses(source)
    found = [_of_parameter(losses, name) for name in source.scientific if name in losses]
    frame = (
        pd.concat([part for part in found if len(part)], ignore_index=True) if any(map(len, found)) else None
    )
    if frame is None:
        return pd.DataFrame(columns=COLUMNS)
    return frame.assign(evidence=EVIDENCE, metric=source.objective)[COLUMNS]


def _of_parameter(losses: pd.DataFrame, parameter: str) -> pd.DataFrame:
    rows = losses[losses[parameter].notna()]
    rows = rows.assign(value=rows[parameter].map(str))
    if (rows["outcome"] == "completed").sum() == 0 or rows["value"].nunique() < 2:
        return pd.DataFrame()
    explored = rows[rows["phase"] == "explore"]
    even = explored["value"].nunique() == rows["value"].nunique()
    even = even and explored["value"].value_counts().min() >= FEWEST
    basis, used = ("explore", explored) if even else ("search", rows)
    budget = math.ceil(used["value"].value_counts().min() / 3)
    lines = []
    for value, part in used.groupby("value"):
        everything = rows[rows["value"] == value]
        best = everything.loc[everything["loss"].idxmin()]
        expected = expected_best(part["loss"].to_numpy(float), budget)
        tail = (len(everything), basis, float(best["loss"]), int(best["trial"]), float(part["capped"].mean()))
        lines.append((parameter, value, *expected, budget, len(part), *tail))
    frame = pd.DataFrame(lines, columns=COLUMNS[:-2])
    return frame.sort_values(["expected_best", "value"], ignore_index=True)


def expected_best(losses: np.ndarray, budget: int) -> tuple[float, float, float]:
    """Mean of the lowest of `budget` of the `losses`, with its 95 % bootstrap interval.

    For sorted x₁ ≤ … ≤ xₙ: Σᵢ xᵢ C(n − i, k − 1) / C(n, k), the mean over all subsets of size k (Tang
    et al. 2020, arXiv 2004.14373, the unbiased form of Dodge et al. 2019). Bootstrap: resamples of the n
    trials, lowest of k drawn with replacement, moved to have this mean; not below 0 for
    losses that are not.
    """
    ordered, n = np.sort(losses), len(losses)
    mean = float(ordered @ subset_weights(n, budget))
    if n < FEWEST:
        return mean, np.nan, np.nan
    below = np.cumsum(multiplicities(n), axis=1) / n
    above = np.clip(1 - np.concatenate([np.zeros((len(below), 1)), below], axis=1), 0, 1) ** budget
    spread = (above[:, :-1] - above[:, 1:]) @ ordered
    low, high = np.quantile(spread - spread.mean() + mean, [0.025, 0.975])
    return mean, float(max(low, 0.0) if ordered[0] >= 0 else low), float(high)


def subset_weights(n: int, k: int) -> np.ndarray:
    """C(n − i, k − 1) / C(n, k) for i = 1 … n: how likely the i-th lowest of n is the lowest of k of them."""
    left = n - np.arange(1, n + 1)  # those above
    known = left >= k - 1
    logs = gammaln(left + 1) - gammaln(k) - gammaln(np.where(known, left - k + 2, 1))
    total = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.where(known, np.exp(logs - total), 0.0)
