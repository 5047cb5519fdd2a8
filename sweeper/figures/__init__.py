"""Stage 6, drawn: frame -> matplotlib Figure; a figure computes nothing.

A new figure is one file that ends in a `FigureSpec`, and one line here.
"""

from sweeper.figures import (
    bands,
    confirmation,
    convergence,
    gradients,
    heatmap,
    history,
    importances,
    learning_rate,
    penalty,
    units,
)
from sweeper.figures.png import png_bytes, save_png
from sweeper.figures.spec import FigureSpec

__all__ = ["FIGURES", "FigureSpec", "png_bytes", "save_png"]

FIGURES: dict[str, FigureSpec] = {
    "confirmation": confirmation.FIGURE,
    "convergence": convergence.FIGURE,
    "bands": bands.FIGURE,
    "learning_rate": learning_rate.FIGURE,
    "heatmap": heatmap.FIGURE,
    "gradients": gradients.FIGURE,
    "units": units.FIGURE,
    "penalty": penalty.FIGURE,
    "importances": importances.FIGURE,
    "history": history.FIGURE,
}
