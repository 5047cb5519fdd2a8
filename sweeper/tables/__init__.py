"""Stage 5, summarised: frame -> frame, pandas; all statistics live here.

`TABLES` names those that every report writes as CSV; each takes a `Source`, and an empty frame means
that the records have nothing to say about it.
"""

from collections.abc import Callable

import pandas as pd

from sweeper.answer.comparison import comparison
from sweeper.tables.basins import basins
from sweeper.tables.boundary import boundaries
from sweeper.tables.curve_classes import curve_classes, curve_summary
from sweeper.tables.curves import bands, convergence
from sweeper.tables.finalists import finalists
from sweeper.tables.findings import finding
from sweeper.tables.gradient_verdicts import gradient_verdicts
from sweeper.tables.gradients import gradients
from sweeper.tables.heatmap import heatmap
from sweeper.tables.history import history
from sweeper.tables.importances import importances
from sweeper.tables.isolation import isolation
from sweeper.tables.keras_weights import keras_weights
from sweeper.tables.learning_rate import learning_rate
from sweeper.tables.penalty import penalty
from sweeper.tables.penalty_bins import penalty_bins
from sweeper.tables.penalty_effects import penalty_effects
from sweeper.tables.range_edges import range_edges
from sweeper.tables.ranking import leaderboard_table
from sweeper.tables.reasons import reasons
from sweeper.tables.source import Source
from sweeper.tables.stability import stability, stability_trials
from sweeper.tables.units import units
from sweeper.tables.units_over_time import units_over_time
from sweeper.tables.variance import variance

__all__ = ["TABLES", "Source"]

TABLES: dict[str, Callable[[Source], pd.DataFrame]] = {
    "leaderboard": leaderboard_table,
    "reasons": reasons,
    "finalists": finalists,
    "comparison": lambda source: comparison(source.trials, source.objective),
    "variance": variance,
    "finding": finding,
    "convergence": convergence,
    "bands": bands,
    "curve_classes": curve_classes,
    "curve_summary": curve_summary,
    "learning_rate": learning_rate,
    "basins": basins,
    "divergence": boundaries,
    "range_edges": range_edges,
    "heatmap": heatmap,
    "isolation": isolation,
    "gradients": gradients,
    "gradient_verdicts": gradient_verdicts,
    "units": units,
    "stability": stability,
    "stability_trials": stability_trials,
    "units_over_time": units_over_time,
    "penalty": penalty,
    "penalty_bins": penalty_bins,
    "penalty_effects": penalty_effects,
    "keras_weights": keras_weights,
    "importances": importances,
    "history": history,
}
