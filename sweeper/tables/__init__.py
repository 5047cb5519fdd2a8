"""Stage 5, summarised: frame -> frame, pandas; all statistics live here.

`TABLES` names those that every report writes as CSV; each takes a `Source`, and an empty frame means
that the records have nothing to say about it.
"""

from collections.abc import Callable

import pandas as pd

from sweeper.tables.curves import bands, convergence
from sweeper.tables.finalists import finalists
from sweeper.tables.findings import finding
from sweeper.tables.gradients import gradients
from sweeper.tables.heatmap import heatmap
from sweeper.tables.history import history
from sweeper.tables.importances import importances
from sweeper.tables.learning_rate import learning_rate
from sweeper.tables.penalty import penalty
from sweeper.tables.penalty_bins import penalty_bins
from sweeper.tables.ranking import leaderboard_table
from sweeper.tables.reasons import reasons
from sweeper.tables.source import Source
from sweeper.tables.units import units

__all__ = ["TABLES", "Source"]

TABLES: dict[str, Callable[[Source], pd.DataFrame]] = {
    "leaderboard": leaderboard_table,
    "reasons": reasons,
    "finalists": finalists,
    "finding": finding,
    "convergence": convergence,
    "bands": bands,
    "learning_rate": learning_rate,
    "heatmap": heatmap,
    "gradients": gradients,
    "units": units,
    "penalty": penalty,
    "penalty_bins": penalty_bins,
    "importances": importances,
    "history": history,
}
