"""Finalists on fresh seeds: means with intervals, and who is tied with the winner.

All finalists are trained on the same seeds, so they are compared pair by pair: the difference to the
winner, seed by seed, removes what a seed does to both. Intervals of means are those of
`sweeper.tables.intervals`; that of the winner also allows for its having been picked by these numbers
(`picked_interval`), and intervals of differences for the number of finalists (`sweeper.tables.better`).
"""

import numpy as np
import pandas as pd
from scipy import stats

from sweeper.tables.better import step_down
from sweeper.tables.intervals import (
    FEWEST_FOR_BOOTSTRAP,
    interval,
    resampled,
    share_interval,
    standard_error,
    studentized,
)

__all__ = ["COLUMNS", "FEW", "OFTEN", "confirmed", "interval", "picked_interval"]

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
)


def confirmed(trials: pd.DataFrame, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """One row per finalist, the winner first; empty where nothing was retrained. Columns as in `COLUMNS`.

    mean, low, high: of the objective over the `n` seeds that completed; low and high are null below `FEW`
    seeds. failures: seeds that diverged or failed; a finalist ranks after all that failed less often.
    difference, difference_low, difference_high: mean paired difference to the winner over the shared
    seeds (`pairs`) with its simultaneous interval, above 0 where the finalist is worse. p_better, p_low,
    p_high: P(winner < finalist) on a fresh seed, ties counted half, with Wilson's interval.

    tied: the winner is not shown to be better: as few failures, and the interval of the difference
    contains 0 or fewer than `FEW` seeds are shared. better: the winner is better on average *and*
    seed by seed: not tied, p_better ≥ `OFTEN`, p_low > ½.
    """
    rows = trials[trials["phase"] == "confirm"]
    table = rows.pivot(index="trial", columns="seed", values="objective").astype(float)
    tried = rows.groupby("trial").size()
    found = [
        _score(int(str(trial)), values, int(tried[trial]), level, seed) for trial, values in table.iterrows()
    ]
    frame = pd.DataFrame(found, columns=list(COLUMNS[:6]))
    frame = frame[frame["n"] > 0].sort_values(["failures", "mean", "trial"], ignore_index=True)
    values = table.loc[frame["trial"]].to_numpy()
    frame = _against_the_winner(frame, values)
    contenders = values[frame["tied"].to_numpy(dtype=bool)]
    if len(contenders) > 1:
        frame.loc[0, ["low", "high"]] = picked_interval(contenders, level, seed)
    return frame


def _score(trial: int, values: "pd.Series[float]", tried: int, level: float, seed: int) -> tuple[float, ...]:
    sound = values[np.isfinite(values)].to_numpy()
    mean = float(sound.mean()) if len(sound) else np.nan
    return (trial, mean, *interval(sound, level, seed), len(sound), tried - len(sound))


def _against_the_winner(frame: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """`frame` with the paired columns; `values` are (finalists, seeds), the winner's first."""
    pairs = [_finite(row - values[0]) for row in values]
    counts = np.array([len(pair) for pair in pairs], dtype="int64")
    means = np.array([pair.mean() if len(pair) else np.nan for pair in pairs])
    errors = np.array([standard_error(pair) if len(pair) >= FEW else np.nan for pair in pairs])
    widths, known = np.full(len(pairs), np.nan), counts >= FEW
    rivals = known & (np.arange(len(pairs)) > 0)
    widths[rivals] = step_down(means[rivals], errors[rivals], counts[rivals])
    widths[:1] = 0.0
    low, high = means - widths, means + widths
    sound = (frame["failures"] == frame["failures"].min()).to_numpy()
    apart = known & ((low > 0) | (high < 0))
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


def picked_interval(contenders: np.ndarray, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Interval of the first mean, which was picked as the lowest; `contenders` is (finalists, seeds).

    The lowest of several means is too low on average, so plain intervals miss the truth above too often.
    Seeds are resampled in a world where all contenders have equal means; there the lowest mean* is
    picked, t* = mean*/se* of the picked one, and its lower quantile gives the upper end. The lower end is
    the plain one. What the plain lower end misses less often than (1 − level)/2 is given to the upper end,
    so that together they miss 1 − level; with one contender this is `interval`. Where too few seeds are
    shared for a bootstrap, Student's t with 1 − level shared out among the contenders (Bonferroni).
    """
    shared = contenders[:, np.isfinite(contenders).all(axis=0)].T
    own = _finite(contenders[0])
    plain, error = interval(own, level, seed), standard_error(own) if len(own) >= FEW else 0.0
    if len(shared) < FEW or error == 0:
        return plain
    tail = (1 - level) / 2
    if len(shared) < FEWEST_FOR_BOOTSTRAP:
        quantile = stats.t.ppf(1 - 2 * tail / len(contenders), len(own) - 1)
        return plain[0], float(max(own.mean() + quantile * error, plain[1]))
    centred = shared - shared.mean(axis=0)
    means, errors = resampled(centred, seed)
    rows, picked = np.arange(len(means)), means.argmin(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = _finite(means[rows, picked] / errors[rows, picked])
    alone = np.quantile(_finite(studentized(centred, seed)[:, 0]), 1 - tail)
    missed = min(float((statistics > alone).mean()), tail)
    high = own.mean() - np.quantile(statistics, 2 * tail - missed) * error
    return plain[0], float(max(high, plain[1]))


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]
