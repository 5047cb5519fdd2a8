"""What p-value a call in a race of finalists needs, and at which level differences are shown.

All alike, independent standard normal scores: the leader has the lowest mean, and the p-value of a rival
comes from its own spread and that of all rivals, as in `sweeper.statistics.race`, whose correction for skew
is left out: it only widens intervals. Two tables, found by simulation and found again by a test:

- `SHOWN`: the smallest p-value of all rivals at one look is below it in 4.5 % of races. Intervals at this
  level hold the truth, all of them at once, in 95 % of races: some others call somebody on their way.
- `CALLS`: a call at n seeds needs a p-value below ``CALLS[finalists] · weight(n)``. In 3 % of races somebody
  is called over all looks (alpha spending: Lan and DeMets 1983, doi 10.1093/biomet/70.3.659). That is
  stricter than what is shown: where luck is unlike, a setting whose bad seeds were not seen leads too
  often, and this keeps false calls rare there too.
"""

LOOKS = (4, 6, 8, 10, 13, 16, 20, 25, 32, 40)
"""Numbers of seeds after which finalists are compared."""
FULL = 10
"""Seeds at which a call is easiest: fewer are less like normal samples, and most races end there."""
LATER = 0.25
"""Share of a look at `FULL` that a later one may spend."""
FALSE_CALLS, MISSES = 0.03, 0.045
"""Shares of races of finalists that are all alike: with a call, and with an interval that misses."""
OWN = 4.0
"""How much larger, or smaller, than with the spread of all rivals the p-value with the own one may be."""
CALLS = {2: 0.011, 3: 0.0053, 4: 0.0024, 5: 0.0016, 6: 0.001, 7: 0.00074, 8: 0.00057, 9: 0.00044, 10: 0.00036}
SHOWN = {2: 0.044, 3: 0.021, 4: 0.0095, 5: 0.0062, 6: 0.0041, 7: 0.0032, 8: 0.0023, 9: 0.0018, 10: 0.0015}
"""Finalists -> largest p-value."""


def weight(seeds: int) -> float:
    """What a look at so many seeds may spend, against one at `FULL`: n/10 up to there, then a quarter."""
    return seeds / FULL if seeds <= FULL else LATER


def call_level(finalists: int, seeds: int) -> float:
    """Largest two-sided p-value of a call with so many finalists left, two at least, after so many seeds."""
    return _of(CALLS, finalists) * weight(seeds)


def shown_level(finalists: int) -> float:
    """1 − level of an interval of a difference, where so many finalists, two at least, are shown together."""
    return _of(SHOWN, finalists)


def _of(levels: dict[int, float], finalists: int) -> float:
    most = max(levels)
    if finalists <= most:
        return levels[finalists]
    return levels[most] * most * (most - 1) / (finalists * (finalists - 1))  # Bonferroni


def pooled_freedom(rivals: int, seeds: float) -> float:
    """Degrees of freedom of the median variance of so many rivals.

    Their differences share the leader, so they count for a third of independent ones; ``seeds - 1`` for one.
    """
    return (seeds - 1) * (rivals + 2) / 3
