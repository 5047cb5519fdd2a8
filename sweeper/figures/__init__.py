"""Stage 6, drawn: frame -> matplotlib Figure; a figure computes nothing.

A new figure is one file that ends in a `FigureSpec`, and one line here.
"""

from sweeper.drawing.png import png_bytes, save_png
from sweeper.figures import (
    bands,
    basins,
    comparison,
    confirmation,
    convergence,
    curve_classes,
    gradients,
    heatmap,
    history,
    importances,
    isolation,
    learning_rate,
    penalty,
    penalty_effects,
    stability,
    units,
    units_over_time,
    variance,
)
from sweeper.figures.spec import FigureSpec

__all__ = ["FIGURES", "FigureSpec", "png_bytes", "save_png"]

FIGURES: dict[str, FigureSpec] = {
    "confirmation": confirmation.FIGURE,
    "comparison": comparison.FIGURE,
    "variance": variance.FIGURE,
    "convergence": convergence.FIGURE,
    "bands": bands.FIGURE,
    "curve_classes": curve_classes.FIGURE,
    "learning_rate": learning_rate.FIGURE,
    "basins": basins.FIGURE,
    "heatmap": heatmap.FIGURE,
    "isolation": isolation.FIGURE,
    "gradients": gradients.FIGURE,
    "units": units.FIGURE,
    "units_over_time": units_over_time.FIGURE,
    "stability": stability.FIGURE,
    "penalty": penalty.FIGURE,
    "penalty_effects": penalty_effects.FIGURE,
    "importances": importances.FIGURE,
    "history": history.FIGURE,
}
