"""Finalists on fresh seeds: means with intervals, and who is tied with the winner.

Finalists are compared pair by pair: the difference to the winner, seed by seed, removes what a seed does to
both. They ran a race (`sweeper.statistics.race`), so those that fell behind have fewer seeds than those that
lasted; the winner is one of the latter. Intervals of means are those of `sweeper.statistics.intervals`; that
of the winner also allows for its having been picked by these numbers (`sweeper.statistics.standing`).
"""

import pandas as pd

from sweeper.answer.rows import fresh_scores
from sweeper.statistics.standing import intervals, standing

FEW = 2
"""Seeds below which nothing is known about the spread: no interval, and no finalist is told from another."""
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
    "even",
    "p_better",
    "p_low",
    "p_high",
    "better",
    "dropped",
    "seen",
)


def confirmed(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per finalist, the winner first; empty where nothing was retrained. Columns as in `COLUMNS`.

    mean, low, high: of the objective over the `n` seeds that completed; low and high are null below `FEW`
    seeds. failures: seeds that diverged or failed; a finalist ranks after all that failed less often.
    difference, difference_low, difference_high: mean paired difference to the winner over the shared
    seeds (`pairs`) with its simultaneous interval, above 0 where the finalist is worse. even: shared seeds
    on which both have the same score. p_better, p_low, p_high: P(winner < finalist) on a fresh seed, these
    counted half, with Wilson's interval.

    dropped: left the race early, called worse than the leader of its time or failing more often; ranks last.
    tied: the winner is not shown to be better: not dropped, as few failures, and not called worse, which
    asks for more than a difference_low above 0 (`sweeper.statistics.levels`), or fewer than `FEW` seeds
    are shared. better: called worse *and* seed by seed: p_better ≥ `standing.OFTEN`, p_low > ½.
    seen: difference that would have been called with a probability of 80 %; null where dropped.
    """
    fresh = fresh_scores(trials)
    places = standing(fresh.scores, fresh.ran)
    ends = intervals(fresh.scores[places.order], places.columns["tied"]).reshape(-1, 2)
    columns = {"trial": fresh.trials[places.order], "low": ends[:, 0], "high": ends[:, 1], **places.columns}
    return pd.DataFrame(columns)[list(COLUMNS)]
