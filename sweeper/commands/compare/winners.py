"""Two runs against each other: which winner is better, and how sure that is.

Each winner was picked as the lowest mean of its own finalists, by the scores that are compared here. So the
difference of the two is held against its distribution when all contenders of both runs are alike
(`picked_quantiles`), as well as against Student's t; the wider end counts.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq

from sweeper.answer.confirmed import FEW
from sweeper.answer.ranked import Ranked
from sweeper.commands.compare.pairing import Run, on_other_rows, same_settings, unpaired_because
from sweeper.statistics.intervals import share_interval, standard_error
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.statistics.standing import OFTEN

LEVEL = 0.95
SIMULATIONS = 20_000
Numbers = tuple[float, float, float, float, float, float]
"""Difference, its low and high, P, its low and high."""
UNKNOWN: Numbers = (math.nan, math.nan, math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Compared:
    """The winners of two runs, A and B, by what ranks trials: lower is better, see `sweeper.trial.cost`.

    Numbers are NaN where too few seeds were completed for them.
    """

    paired: bool
    why: str
    """Why it is paired, or is not."""
    pairs: int
    """Seeds on which both completed, if paired."""
    difference: float
    """Mean of B − A: above 0 where A is better."""
    low: float
    high: float
    p_better: float
    """P(A is better) on a fresh seed, ties counted half."""
    p_low: float
    p_high: float
    verdict: str
    """``a`` or ``b`` is better: the interval of the difference leaves 0 out, P ≥ ¾, its interval above ½;
    ``undecided``, as always below `ENOUGH_SEEDS` seeds, and where they were scored on `other_rows`; ``same``
    where the two train the same settings; ``unconfirmed`` where a winner has fewer than two completed fresh
    seeds."""
    cut: str = ""
    """Which ends of the interval, as people read it, were cut off where the score ends."""
    other_rows: str = ""
    """Why the runs hold back other test rows, so that they train and validate on others too; empty where they
    do not. The seeds of a run share these, and no interval over its seeds knows what other rows do."""


def compare(a: Run, b: Run) -> Compared:
    """Difference of the winners with its interval, P(A < B) with its interval, and what they add up to."""
    found = replace(_numbers(a, b), other_rows=on_other_rows(a, b))
    if same_settings(a, b):
        return replace(found, verdict="same")
    better = found.verdict in ("a", "b")
    return replace(found, verdict="undecided") if better and found.other_rows else found


def _numbers(a: Run, b: Run) -> Compared:
    reason = unpaired_because(a, b)
    one, other = _finite(a.scores), _finite(b.scores)
    if min(len(one), len(other)) < FEW:
        short = [run.name for run, scores in ((a, one), (b, other)) if len(scores) < FEW]
        why = f"fewer than {FEW} completed fresh seeds in {' and '.join(short)}"
        return Compared(False, why, 0, *UNKNOWN, "unconfirmed")
    if reason:
        numbers = unpaired(one, other, a.contenders, b.contenders)
        made = _judged(numbers, False, f"unpaired, because {reason}", 0, min(len(one), len(other)))
        return _within(made, a, b)
    both = pd.concat([a.scores, b.scores], axis=1, keys=["a", "b"]).dropna()
    pairs = (both["b"] - both["a"]).to_numpy()
    why = f"paired: the same data, split and fresh seeds ({len(pairs)} of them completed in both)"
    made = _judged(paired(pairs, a.contenders, b.contenders), True, why, len(pairs), len(pairs))
    return _within(made, a, b)


def _within(made: Compared, a: Run, b: Run) -> Compared:
    """The interval of the difference no wider than what the score of either run can be."""
    ranked = Ranked(a.study.objective, min(a.answer.least_loss, b.answer.least_loss))
    costs = [_costs(run, ranked) for run in (b, a)]
    low, high, cut = ranked.within((made.low, made.high), *costs)
    return replace(made, low=low, high=high, cut=cut)


def _costs(run: Run, ranked: Ranked) -> tuple[float, float]:
    """The interval of a winner's mean, in costs."""
    sure = run.answer.confirmed
    low, high = (math.nan, math.nan) if sure is None else (ranked.cost(sure.low), ranked.cost(sure.high))
    return (high, low) if ranked.highest else (low, high)


def _judged(numbers: Numbers, is_paired: bool, why: str, pairs: int, seeds: int) -> Compared:
    _, low, high, p, p_low, p_high = numbers
    verdict = "undecided"
    if seeds < ENOUGH_SEEDS:
        pass  # few seeds rank nothing
    elif low > 0 and _most(p, p_low):
        verdict = "a"
    elif high < 0 and _most(1 - p, 1 - p_high):
        verdict = "b"
    return Compared(is_paired, why, pairs, *numbers, verdict)


def _most(p: float, low: float) -> bool:
    """What better asks of P and the low end of its interval."""
    return p >= OFTEN and low > 0.5


POWER = 0.8
"""Probability with which what is there is to be found."""


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
    return next((k for k in won if _most(k / pairs, share_interval(k, pairs)[0])), pairs + 1)


def visible_p(pairs: int) -> float:
    """The lowest true P, in whole percent, that so many pairs show with a probability of `POWER`; NaN: none.

    It lies above `OFTEN`: a P of just that is shown about every second time, however many pairs there are.
    """
    return next((k / 100 for k in range(50, 101) if chance_to_show(k / 100, pairs) >= POWER), math.nan)


def pairs_to_show(p: float) -> int:
    """The fewest pairs that show a true P of `p`, above `OFTEN`, with a probability of `POWER`."""
    return next(n for n in count(ENOUGH_SEEDS) if chance_to_show(p, n) >= POWER)


def paired(differences: np.ndarray, k_a: int = 1, k_b: int = 1) -> Numbers:
    """(mean, low, high, P, low, high) of differences B − A, one for each seed; at least two.

    `k_a` and `k_b` are the contenders that each winner was picked from. P has Wilson's interval.
    """
    n, mean, error = len(differences), float(differences.mean()), standard_error(differences)
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, n - 1))
    picked = picked_quantiles(n, n, k_a, k_b, paired=True)
    low, high = _ends(mean, error, quantile, picked)
    won = float((differences > 0).sum() + (differences == 0).sum() / 2)
    return mean, low, high, won / n, *share_interval(won, n)


def unpaired(a: np.ndarray, b: np.ndarray, k_a: int = 1, k_b: int = 1) -> Numbers:
    """The same for independent scores: Welch's t (1947), Mann and Whitney's P (`superiority_interval`)."""
    errors = np.array([standard_error(a), standard_error(b)])
    error, mean = float(np.sqrt((errors**2).sum())), float(b.mean() - a.mean())
    freedom = (
        float((errors**2).sum() ** 2 / (errors**4 / np.array([len(a) - 1, len(b) - 1])).sum()) if error else 1
    )
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, freedom))
    low, high = _ends(mean, error, quantile, picked_quantiles(len(a), len(b), k_a, k_b, paired=False))
    above = (b[None, :] > a[:, None]).mean() + (b[None, :] == a[:, None]).mean() / 2
    return mean, low, high, float(above), *superiority_interval(float(above), len(a), len(b))


def _ends(mean: float, error: float, quantile: float, picked: tuple[float, float]) -> tuple[float, float]:
    return mean - max(quantile, picked[1]) * error, mean - min(-quantile, picked[0]) * error


@cache
def picked_quantiles(n_a: int, n_b: int, k_a: int, k_b: int, *, paired: bool) -> tuple[float, float]:
    """Quantiles, 2.5 % and 97.5 %, of t = (mean B − mean A) / error, A and B the lowest of `k_a` and `k_b`.

    Scores are independent standard normal, simulated with a fixed seed; with one contender each it is
    Student's t. What a seed does to all alike cancels in paired differences, so it is left out.
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

    low = 0.0 if p <= 0 else _root(excess, 0.0, p)
    high = 1.0 if p >= 1 else _root(excess, p, 1.0)
    return low, high


def _root(f: Any, low: float, high: float) -> float:
    """Where f changes its sign: it is above 0 at the outer end and not at p, p = 0 and 1 apart."""
    tiny = 1e-12
    left, right = (low + tiny if low == 0 else low), (high - tiny if high == 1 else high)
    return float(brentq(f, left, right)) if f(left) * f(right) < 0 else (low if f(left) >= 0 else high)


def as_read(compared: Compared, ranked: Ranked) -> Compared:
    """With the difference, B − A, of the objective as people read it."""
    if not ranked.highest:
        return compared
    return replace(compared, difference=-compared.difference, low=-compared.high, high=-compared.low)


def _finite(values: "pd.Series[float]") -> np.ndarray:
    array = values.to_numpy()
    return np.asarray(array[np.isfinite(array)])


def to_dict(compared: Compared, ranked: Ranked) -> Mapping[str, Any]:
    """For JSON, which has no NaN; the difference is B − A in the objective as people read it."""
    compared = as_read(compared, ranked)
    numbers = {
        name: getattr(compared, name) for name in ("difference", "low", "high", "p_better", "p_low", "p_high")
    }
    plain = {name: None if math.isnan(value) else float(value) for name, value in numbers.items()}
    return {
        "verdict": compared.verdict,
        "paired": compared.paired,
        "why": compared.why,
        "pairs": compared.pairs,
        **plain,
    }
