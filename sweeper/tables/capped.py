"""Losses of the search, with those that learned nothing at the loss before training."""

import numpy as np
import pandas as pd

from sweeper.answer.rows import search_trials, with_names
from sweeper.tables.curves import initial
from sweeper.tables.source import Source, once


@once
def capped_losses(source: Source) -> pd.DataFrame:
    """Search trials that did not fail, by number, with the columns initial, loss and capped added.

    loss = min(ℓ, ℓ0) with ℓ the objective and ℓ0 the loss before training (Wortsman et al. 2023,
    arXiv 2309.14322): a trial that diverged, or never came below its start, counts as one that
    learned nothing, and `capped` says so (the objective is the best of all evaluations, that of step 0
    among them, so a trial that only got worse has ℓ = ℓ0). A trial without a ℓ0 of its own takes the
    median of the others; where none is known, trials without objective are left out.
    """
    search = with_names(search_trials(source.trials))
    search = search[search["outcome"] != "failed"]
    frame = search.merge(initial(source), on="trial", how="left")
    start = frame["initial"].where(np.isfinite(frame["initial"]))
    start = start.fillna(start.median()).astype(float)
    reached = frame["objective"].astype(float)
    loss, capped = np.fmin(reached, start), reached.isna() | (reached >= start)
    frame = frame.assign(initial=start, loss=loss, capped=capped)
    return frame[np.isfinite(frame["loss"])].reset_index(drop=True)
