"""How many trials a statement or a figure takes."""

import math

FEWEST_TRIALS = 20
"""Below which no importance of a setting is stated; half of them need a score."""
MOST_TRIALS = 500
"""Of which importances are computed: with more the shares no longer change."""


def every_nth(trials: int, most: int = MOST_TRIALS) -> int:
    """The n of "the first trial and every n-th after it", of which there are `most` at most."""
    return max(1, math.ceil(trials / most))
