"""The sections of the report, in the order of the page.

A new section is one file that ends in a `Section`, and one line here.
"""

from sweeper.report.section import Section
from sweeper.report.sections import (
    bands,
    basins,
    comparison,
    confirmation,
    convergence,
    curve_classes,
    finding,
    gradients,
    heatmap,
    history,
    importances,
    isolation,
    learning_rate,
    penalty,
    penalty_effects,
    run,
    stability,
    trials,
    units,
    units_over_time,
    variance,
)

__all__ = ["SECTIONS"]

SECTIONS: tuple[Section, ...] = (
    finding.SECTION,
    confirmation.SECTION,
    comparison.SECTION,
    variance.SECTION,
    learning_rate.SECTION,
    basins.SECTION,
    heatmap.SECTION,
    isolation.SECTION,
    bands.SECTION,
    penalty.SECTION,
    penalty_effects.SECTION,
    convergence.SECTION,
    curve_classes.SECTION,
    gradients.SECTION,
    units.SECTION,
    units_over_time.SECTION,
    stability.SECTION,
    importances.SECTION,
    history.SECTION,
    trials.SECTION,
    run.SECTION,
)
