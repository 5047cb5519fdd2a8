"""Finalists on fresh seeds: means with intervals, and who is tied with the winner.

Finalists are compared pair by pair: the difference to the winner, seed by seed, removes what a seed does to
both. They ran a race (`sweeper.statistics.race`), so those that fell behind have fewer seeds than those that
lasted; the winner is one of the latter. Intervals of means are those of `sweeper.statistics.intervals`; that
of the winner also allows for its having been picked by these numbers (`sweeper.statistics.picked`).
"""

import numpy as np
import pandas as pd

from sweeper.statistics.intervals import finite, interval, share_interval
from sweeper.statistics.picked import picked_interval
from sweeper.statistics.race import difference_intervals, out_of_race

__all__ = ["COLUMNS", "FEW", "OFTEN", "confirmed"]

FEW = 2
"""Seeds below which nothing is known about the spread: no interval, and no finalist is told from another."""
OFTEN = 0.75
"""Share of seeds that "better" asks for (Bouthillier et al. 2021, arXiv 2103.03098)."""
COLUMNS = (
    "trial",
    "mean",
    "low",
    "high",
    "n",
    "failures",
    "difference_low",
    "difference_high",
    "tied",
    "difference",
    "pairs",
    "p_better",
    "p_low",
    "p_high",
    "better",
    "dropped",
)


def confirmed(trials: pd.DataFrame, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """One row per finalist, the winner first; empty where nothing was retrained. Columns as in `COLUMNS`.

    mean, low, high: of the objective over the `n` seeds that completed; low and high are null below `FEW`
    seeds. failures: seeds that diverged or failed; a finalist ranks after all that failed less often.
    difference, difference_low, difference_high: mean paired difference to the winner over the shared
    seeds (`pairs`) with its simultaneous interval, above 0 where the finalist is worse. p_better, p_low,
    p_high: P(winner < finalist) on a fresh seed, ties counted half, with Wilson's interval.

    dropped: left the race early, called worse than the leader of its time or failing more often; ranks last.
    tied: the winner is not shown to be better: not dropped, as few failures, and the interval of the
    difference contains 0 or fewer than `FEW` seeds are shared. better: the winner is better on average
    *and* seed by seed: difference_low > 0, p_better ≥ `OFTEN`, p_low > ½.
    """
    rows = trials[trials["phase"] == "confirm"]
    table = rows.pivot(index="trial", columns="seed", values="objective").astype(float)
    ran = rows.pivot(index="trial", columns="seed", values="outcome").notna()
    found = [
        _score(int(str(trial)), values, int(ran.loc[trial].sum()), level, seed)
        for trial, values in table.iterrows()
    ]
    frame = pd.DataFrame(found, columns=list(COLUMNS[:6]))
    frame["dropped"] = _dropped(table.to_numpy(), ran.to_numpy())
    frame = frame[frame["n"] > 0].sort_values(["dropped", "failures", "mean", "trial"], ignore_index=True)
    values = table.loc[frame["trial"]].to_numpy()
    frame = _against_the_winner(frame, values)
    contenders = values[frame["tied"].to_numpy(dtype=bool)]
    if len(contenders) > 1:
        frame.loc[0, ["low", "high"]] = picked_interval(contenders, level, seed)
    return frame


def _dropped(scores: np.ndarray, ran: np.ndarray) -> np.ndarray:
    """Which rows left the race: the race is run again on what is on record, so a break is no drop."""
    dropped, counts = np.zeros(len(scores), dtype=bool), ran.sum(axis=1)
    for count in sorted(set(counts.tolist()) - {counts.max(initial=0)}):
        left = np.flatnonzero((counts >= count) & ~dropped)
        behind = [left[k] for k in out_of_race(scores[left, :count])]
        dropped[[k for k in behind if counts[k] == count]] = True
    return dropped


def _score(trial: int, values: "pd.Series[float]", tried: int, level: float, seed: int) -> tuple[float, ...]:
    sound = values[np.isfinite(values)].to_numpy()
    mean = float(sound.mean()) if len(sound) else np.nan
    return (trial, mean, *interval(sound, level, seed), len(sound), tried - len(sound))


def _against_the_winner(frame: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """`frame` with the paired columns; `values` are (finalists, seeds), the winner's first."""
    pairs = [finite(row - values[0]) for row in values]
    counts = np.array([len(pair) for pair in pairs], dtype="int64")
    means = np.array([pair.mean() if len(pair) else np.nan for pair in pairs])
    dropped = frame["dropped"].to_numpy(dtype=bool)
    low, high = np.full(len(values), np.nan), np.full(len(values), np.nan)
    if len(values):
        low[~dropped], high[~dropped] = difference_intervals(values[~dropped], 0)
    for row in np.flatnonzero(dropped).tolist():
        (_, low[row]), (_, high[row]) = difference_intervals(values[[0, row]], 0, finalists=len(values))
    sound = (frame["failures"] == frame.loc[~dropped, "failures"].min()).to_numpy() & ~dropped
    apart = (low > 0) | (high < 0)
    frame = frame.assign(difference_low=low, difference_high=high, tied=sound & ~apart, difference=means)
    shares = [_share(pair) if place else (np.nan,) * 3 for place, pair in enumerate(pairs)]
    p_better, p_low, p_high = np.array(shares, dtype=float).reshape(-1, 3).T
    frame = frame.assign(pairs=counts, p_better=p_better, p_low=p_low, p_high=p_high)
    often = (frame["p_better"] >= OFTEN) & (frame["p_low"] > 0.5)
    return frame.assign(better=(low > 0) & often)[list(COLUMNS)]


def _share(pair: np.ndarray) -> tuple[float, float, float]:
    """Share of seeds on which the winner is lower, ties counted half, with its interval."""
    if len(pair) == 0:
        return np.nan, np.nan, np.nan
    won = float((pair > 0).sum() + (pair == 0).sum() / 2)
    return won / len(pair), *share_interval(won, len(pair))
