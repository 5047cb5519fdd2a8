"""Which parameters mattered, as the search found it."""

import pandas as pd

from sweeper.tables.source import Source


def importances(source: Source) -> pd.DataFrame:
    """Columns parameter and importance (shares that sum to 1), largest first; empty for few trials."""
    return source.importances.sort_values("importance", ascending=False, ignore_index=True)
