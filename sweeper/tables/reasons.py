"""Why trainings ended early, one row for each kind of reason."""

import pandas as pd

from sweeper.tables.source import Source

COLUMNS = ["outcome", "trainings", "first_trial", "reason"]
NUMBERS = r"nan|inf|[-+]?\d[\d.,e+-]*"


def reasons(source: Source) -> pd.DataFrame:
    """Columns as in `COLUMNS`, the most frequent first; all phases count.

    Reasons that differ in numbers alone ("… at step 37") are of one kind; `reason` is that of
    `first_trial`, word for word. Empty if every training was completed.
    """
    early = source.trials[source.trials["outcome"] != "completed"].sort_values(["trial", "seed"])
    kind = early["reason"].fillna("").astype("str").str.replace(NUMBERS, "…", regex=True)
    groups = early.groupby([early["outcome"], kind], sort=False)
    found = groups.agg(
        trainings=("trial", "size"), first_trial=("trial", "first"), reason=("reason", "first")
    )
    frame = found.reset_index("outcome").reset_index(drop=True)[COLUMNS]
    return frame.sort_values("trainings", ascending=False, kind="stable", ignore_index=True)
