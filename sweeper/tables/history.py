"""The search in the order in which trials were proposed."""

import pandas as pd

from sweeper.answer.rows import search_trials
from sweeper.tables.source import Source

COLUMNS = ["trial", "phase", "outcome", "objective", "best_so_far", "metric"]


def history(source: Source) -> pd.DataFrame:
    """One row per search trial; columns as in `COLUMNS`. Empty if none was completed.

    `best_so_far` is the lowest objective of the completed trials up to this one; null before the first.
    """
    search = search_trials(source.trials)
    scores = search["objective"].astype(float)
    best = scores.where(search["outcome"] == "completed").cummin().ffill()
    frame = search.assign(objective=scores, best_so_far=best, metric=source.objective)[COLUMNS]
    return frame if best.notna().any() else frame.head(0)
