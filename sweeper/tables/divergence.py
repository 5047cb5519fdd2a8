"""Where divergence begins: the learning rate that separates trials that diverged from those that did not."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

COLUMNS = ["trials", "diverged", "low", "high", "estimate"]


def boundary_index(diverged: np.ndarray) -> int:
    """The place k of the cliff in trials ordered by rate: from `diverged[k]` on, most diverged.

    k is where the fewest trials lie on the wrong side: (diverged before k) + (survivors from k on). So a
    lone NaN among survivors, or a lone survivor beyond the cliff, moves nothing. Of several such places
    the last is taken, as nothing forces the cliff to begin earlier. ``len(diverged)`` means that there is
    no cliff, 0 that all lies beyond it.
    """
    lost = np.asarray(diverged, dtype=bool)
    before = np.concatenate([[0], np.cumsum(lost)])
    after = np.concatenate([np.cumsum(~lost[::-1])[::-1], [0]])
    wrong = before + after
    return int(np.flatnonzero(wrong == wrong.min())[-1])


def divergence_boundary(trials: pd.DataFrame, by: Sequence[str] = ("optimizer",)) -> pd.DataFrame:
    """The divergence boundary of each group of `by`, in the unit of the learning rate.

    `trials` has the columns ``learning_rate``, ``outcome`` and those of `by`; failed trials are left out,
    as are rates of 0. Columns: those of `by`, then

    trials, diverged: how many there are, how many of them diverged.
    low, high: largest rate that did not diverge, smallest that did. Where only the rate decides, the
        boundary lies between them: low < high. Where other settings decide too, they overlap: low > high,
        and from `high` to `low` both outcomes occur. Null where there is no such trial.
    estimate: geometric mean of the two rates around `boundary_index`; null where all or none diverged, for
        then the boundary lies outside of what was tried.
    """
    known = trials[(trials["outcome"] != "failed") & (trials["learning_rate"] > 0)]
    columns = [*by, *COLUMNS]
    groups = known.groupby(list(by), dropna=False, sort=True)
    rows = [(*key, *_boundary(rows)) for key, rows in groups]
    return pd.DataFrame(rows, columns=columns)


def _boundary(rows: pd.DataFrame) -> tuple[int, int, float, float, float]:
    lost = (rows["outcome"] == "diverged").to_numpy()
    rates = rows["learning_rate"].to_numpy(dtype=float)
    order = np.lexsort((lost, rates))
    lost, rates = lost[order], rates[order]
    place = boundary_index(lost)
    inside = 0 < place < len(rates)
    return (
        len(rates),
        int(lost.sum()),
        float(rates[~lost].max()) if (~lost).any() else np.nan,
        float(rates[lost].min()) if lost.any() else np.nan,
        float(np.sqrt(rates[place - 1] * rates[place])) if inside else np.nan,
    )
