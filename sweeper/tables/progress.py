"""How far a run has got."""

import pandas as pd

from sweeper.records.schema import Outcome

PHASES = ("explore", "exploit", "confirm")


def counts(trials: pd.DataFrame) -> dict[str, dict[str, int]]:
    """phase -> outcome -> number of recorded trainings, zeros included."""
    table = pd.crosstab(trials["phase"], trials["outcome"])
    full = table.reindex(index=PHASES, columns=[str(outcome) for outcome in Outcome], fill_value=0)
    return {str(phase): {str(k): int(v) for k, v in row.items()} for phase, row in full.iterrows()}
