"""The sections of the report, in the order of the page.

A new section is one file that ends in a `Section`, and one line here.
"""

from sweeper.report.section import Section
from sweeper.report.sections import (
    bands,
    confirmation,
    convergence,
    finding,
    gradients,
    heatmap,
    history,
    importances,
    learning_rate,
    penalty,
    run,
    stability,
    trials,
    units,
)

__all__ = ["SECTIONS"]

SECTIONS: tuple[Section, ...] = (
    finding.SECTION,
    confirmation.SECTION,
    learning_rate.SECTION,
    heatmap.SECTION,
    bands.SECTION,
    penalty.SECTION,
    convergence.SECTION,
    gradients.SECTION,
    units.SECTION,
    stability.SECTION,
    importances.SECTION,
    history.SECTION,
    trials.SECTION,
    run.SECTION,
)
