"""The winners of two searches against each other: the difference of their means, and P(one is better).

Each winner was picked as the lowest mean of its own finalists, by the scores that are compared here. So the
difference of the two is held against its distribution when all contenders of both are alike
(`picked_quantiles`), as well as against Student's t; the wider end counts. Scores are costs: lower is better.
"""

import math
from functools import cache
from itertools import count
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from sweeper.statistics.intervals import share_interval, standard_error
from sweeper.statistics.race import ENOUGH_SEEDS, POWER
from sweeper.statistics.standing import share_won, shows_most

LEVEL = 0.95
SIMULATIONS = 20_000


class Difference(NamedTuple):
    """B against A: NaN where too few seeds were completed."""

    mean: float
    """Of B − A: above 0 where A is better."""
    low: float
    high: float
    p: float
    """P(A is better) on a fresh seed, ties counted half."""
    p_low: float
    p_high: float


UNKNOWN = Difference(*[math.nan] * 6)


def paired(differences: np.ndarray, k_a: int = 1, k_b: int = 1) -> Difference:
    """The `Difference` of paired differences B − A, one for each seed; at least two.

    `k_a` and `k_b` are the contenders that each winner was picked from. P has Wilson's interval.
    """
    n, mean, error = len(differences), float(differences.mean()), standard_error(differences)
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, n - 1))
    picked = picked_quantiles(n, n, k_a, k_b, paired=True)
    low, high = _ends(mean, error, quantile, picked)
    return Difference(mean, low, high, *share_won(differences))


def unpaired(a: np.ndarray, b: np.ndarray, k_a: int = 1, k_b: int = 1) -> Difference:
    """The same for independent scores: Welch's t (1947), Mann and Whitney's P (`superiority_interval`)."""
    errors = np.array([standard_error(a), standard_error(b)])
    error, mean = float(np.sqrt((errors**2).sum())), float(b.mean() - a.mean())
    freedom = (
        float((errors**2).sum() ** 2 / (errors**4 / np.array([len(a) - 1, len(b) - 1])).sum()) if error else 1
    )
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, freedom))
    low, high = _ends(mean, error, quantile, picked_quantiles(len(a), len(b), k_a, k_b, paired=False))
    above = float((b[None, :] > a[:, None]).mean() + (b[None, :] == a[:, None]).mean() / 2)
    return Difference(mean, low, high, above, *superiority_interval(above, len(a), len(b)))


def _ends(mean: float, error: float, quantile: float, picked: tuple[float, float]) -> tuple[float, float]:
    return mean - max(quantile, picked[1]) * error, mean - min(-quantile, picked[0]) * error


@cache
def picked_quantiles(n_a: int, n_b: int, k_a: int, k_b: int, *, paired: bool) -> tuple[float, float]:
    """Quantiles, 2.5 % and 97.5 %, of t = (mean B − mean A) / error, A and B the lowest of `k_a` and `k_b`.

    Scores are independent standard normal, simulated with a fixed seed; paired, with one contender each,
    it is Student's t. What a seed does to all alike cancels in paired differences, so it is left out.
    """
    if k_a == k_b == 1 and paired:
        quantile = float(stats.t.ppf((1 + LEVEL) / 2, n_a - 1))
        return -quantile, quantile
    rng = np.random.default_rng(0)
    a, b = (_lowest(rng.standard_normal((SIMULATIONS, k, n))) for k, n in ((k_a, n_a), (k_b, n_b)))
    if paired:
        errors = (b - a).std(axis=1, ddof=1) / np.sqrt(n_a)
    else:
        errors = np.sqrt(a.var(axis=1, ddof=1) / n_a + b.var(axis=1, ddof=1) / n_b)
    low, high = np.quantile((b.mean(axis=1) - a.mean(axis=1)) / errors, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _lowest(draws: np.ndarray) -> np.ndarray:
    """Of (simulations, contenders, seeds) the contender of lowest mean: (simulations, seeds)."""
    picked = draws.mean(axis=2).argmin(axis=1)
    return np.asarray(draws[np.arange(len(draws)), picked])


def superiority_interval(p: float, m: int, n: int) -> tuple[float, float]:
    """Interval of P(A < B) from its share `p` over the m·n pairs of independent scores.

    Where |θ − p| = z √V(θ), V(θ) = θ(1 − θ)(1 + N(1 − θ)/(2 − θ) + Nθ/(1 + θ)) / (mn), N = (m + n)/2 − 1:
    Newcombe 2006 (Statistics in Medicine 25, part 2, method 5). It keeps its width at p = 0 and 1.
    """
    z, big = float(stats.norm.ppf((1 + LEVEL) / 2)), (m + n) / 2 - 1

    def excess(theta: float) -> float:
        spread = 1 + big * (1 - theta) / (2 - theta) + big * theta / (1 + theta)
        return abs(theta - p) - z * math.sqrt(max(theta * (1 - theta), 0.0) * spread / (m * n))

    tiny = 1e-12  # where p is 0 or 1 the excess is 0 at p itself
    low = 0.0 if p <= 0 else float(brentq(excess, 0.0, min(p, 1 - tiny)))
    high = 1.0 if p >= 1 else float(brentq(excess, max(p, tiny), 1.0))
    return low, high


def chance_to_show(p: float, pairs: int) -> float:
    """Probability that so many pairs without ties have the P that better asks for, where it is truly `p`."""
    return float(stats.binom.sf(_wins_to_show(pairs) - 1, pairs, p))


def chance_to_settle(p: float, pairs: int, more: int) -> float:
    """Probability that P, and its interval, show one of both as better once there are `more` pairs too.

    Of `pairs` so far a share `p` was won; with Jeffreys' prior, Beta(½, ½), further wins are beta-binomial.
    The interval of the difference may still hold 0 then, so this is the most that can be expected.
    """
    won, needed, every = round(p * pairs), _wins_to_show(pairs + more), pairs + more
    further = stats.betabinom(more, p * pairs + 0.5, (1 - p) * pairs + 0.5)
    return float(further.sf(needed - won - 1) + further.cdf(every - needed - won))


@cache
def _wins_to_show(pairs: int) -> int:
    """The fewest of so many pairs that are enough; one more than there are where none is."""
    won = range(pairs + 1)
    return next((k for k in won if shows_most(k / pairs, share_interval(k, pairs)[0])), pairs + 1)


def visible_p(pairs: int) -> float:
    """The lowest true P, in whole percent, that so many pairs show with a probability of `POWER`; NaN: none.

    It lies above the P that is asked for: just that is shown about every second time, however many there are.
    """
    return next((k / 100 for k in range(50, 101) if chance_to_show(k / 100, pairs) >= POWER), math.nan)


def pairs_to_show(p: float) -> int:
    """The fewest pairs that show a true P of `p` that can be shown, with a probability of `POWER`."""
    return next(n for n in count(ENOUGH_SEEDS) if chance_to_show(p, n) >= POWER)
