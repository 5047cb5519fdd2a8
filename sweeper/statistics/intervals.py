"""Intervals for means and shares of few values.

Losses over seeds are few (about ten) and skewed to the right. For such samples the percentile bootstrap is
too narrow (Hesterberg 2015, doi 10.1080/00031305.2015.1089789). Coverage of nominal 95 % intervals of the
mean of ten values, measured over 2,500 samples each:

============================  ======  ================  ==============  ===========  =========
method                        normal  lognormal σ = ½   lognormal σ=1   exponential  t, 3 d.f.
============================  ======  ================  ==============  ===========  =========
percentile bootstrap          89.5    88.7              78.1            85.5         89.1
BCa bootstrap                 89.1    90.1              80.9            87.5         85.9
Student t                     95.2    92.3              82.9            90.6         95.7
studentized bootstrap (this)  94.3    94.0              89.5            94.1         92.3
============================  ======  ================  ==============  ===========  =========

Of few values some resamples hold nearly one alone, and their t* run away. So no end is farther than
`FARTHEST` × that of Student's t. Coverage with and without that bound, and the width over Student's that one
interval in ten exceeds, over 1,200 samples each:

======  ===============  ================  ===============  ===============
values  normal           lognormal σ = ½   lognormal σ=1    exponential
======  ===============  ================  ===============  ===============
5       97.8 and 97.8    94.8 and 95.1     90.5 and 91.3    93.0 and 93.4
width   1.5 and 2.5      1.5 and 2.9       1.5 and 5.0      1.5 and 3.8
8       95.8 and 95.8    94.9 and 94.9     89.3 and 89.8    94.6 and 94.7
width   1.4 and 1.4      1.5 and 1.7       1.5 and 2.7      1.5 and 2.0
======  ===============  ================  ===============  ===============
"""

from functools import lru_cache

import numpy as np
from scipy import stats
from scipy.special import stdtrit

from sweeper.statistics.remembered import remembered

RESAMPLES = 10_000
WORK = 1_000_000
"""Most values drawn for one interval: many values need fewer resamples."""
FEWEST_FOR_BOOTSTRAP = 5
"""Below it there are too few different resamples, and Student's t is used."""
FEWEST_ALIKE = 4
"""Equal values below which nothing is known of their spread: shares of few rows are often the same."""
FARTHEST = 2.0
"""How much farther than Student's an end may be."""
MOST_FOR_BOOTSTRAP = 500
"""Above it Student's t does as well."""


@remembered
def interval(values: np.ndarray, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Interval of the mean of independent `values`, in their unit; nulls where fewer than two are known, or
    all of fewer than `FEWEST_ALIKE` are the same: that may be chance, so their spread is not known.

    Studentized bootstrap (Efron 1979; Hall 1988): mean − t*_(1−α/2) · se … mean − t*_(α/2) · se, where t* are
    quantiles of (mean* − mean) / se* over resamples and se = s / √n. Each end is at least as far as that of
    Student's t, as a bootstrap takes values that recur for certainty, and at most `FARTHEST` times as far.
    Student's t alone below five values and above 500.
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return np.nan, np.nan
    mean, error = float(values.mean()), standard_error(values)
    if error == 0:
        return (mean, mean) if len(values) >= FEWEST_ALIKE else (np.nan, np.nan)
    reach = float(stdtrit(len(values) - 1, (1 + level) / 2))
    down, up = reach, reach
    if FEWEST_FOR_BOOTSTRAP <= len(values) <= MOST_FOR_BOOTSTRAP:
        t_star = finite(studentized(values[:, None] - mean, seed)[:, 0])
        far, near = np.quantile(t_star, [(1 + level) / 2, (1 - level) / 2])
        down, up = (min(max(float(end), reach), FARTHEST * reach) for end in (far, -near))
    return mean - down * error, mean + up * error


def standard_error(values: np.ndarray) -> float:
    """s / √n; 0 for values that differ by rounding alone."""
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    return error if error > 1e-12 * float(np.abs(values).max()) else 0.0


def studentized(centred: np.ndarray, seed: int = 0) -> np.ndarray:
    """mean* / se* of resampled rows, shape (resamples, columns); `centred` is (n, columns), means 0.

    Not finite where a resample holds one value alone.
    """
    means, errors = resampled(centred, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(errors > 0, means / errors, np.nan)


def resampled(centred: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard errors of rows drawn with replacement, both (resamples, columns).

    `centred` is (n, columns) with means 0. An error is 0 where a resample holds one value alone.
    """
    n, counts = len(centred), multiplicities(len(centred), seed)
    means, squares = counts @ centred / n, counts @ centred**2 / n
    errors = np.sqrt(np.maximum(squares - means**2, 0) / (n - 1))
    return means, np.where(errors > 1e-7 * np.abs(centred).max(axis=0), errors, 0.0)


@lru_cache(maxsize=16)
def multiplicities(n: int, seed: int = 0) -> np.ndarray:
    """How often each of `n` rows is drawn, for every resample: (resamples, n), rows sum to n. Read only."""
    rng, resamples = np.random.default_rng(seed), min(RESAMPLES, max(500, WORK // n))
    counts = rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)
    counts.setflags(write=False)
    return counts


def share_interval(successes: float, n: int) -> tuple[float, float]:
    """Wilson's score interval of a share, `successes` of `n` (Wilson 1927; Brown, Cai and DasGupta 2001).

    Unlike a bootstrap it keeps its width when all of few tries succeed: 10 of 10 gives 0.72 … 1.
    """
    if n == 0:
        return np.nan, np.nan
    z = float(stats.norm.ppf(0.975))
    share, shrink = successes / n, 1 + z**2 / n
    middle = (share + z**2 / (2 * n)) / shrink
    half = z / shrink * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def shows_majority(count: int, n: int) -> bool:
    """Whether more than half of a population is as `count` of a sample of `n` are: a one-sided sign test.

    Five of five are enough: were it half of the population, they would agree in 1 of 32 samples.
    """
    return n > 0 and bool(stats.binom.sf(count - 1, n, 0.5) <= 0.05)


def finite(values: np.ndarray) -> np.ndarray:
    """Those of `values` that are neither NaN nor infinite."""
    return values[np.isfinite(values)]
