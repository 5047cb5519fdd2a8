"""Figures as PNG, 150 dots per inch."""

from io import BytesIO

from matplotlib.figure import Figure

from sweeper.drawing.style import DPI, themed


@themed
def png_bytes(figure: Figure) -> bytes:
    """The PNG file of `figure`; the same records give the same bytes."""
    sink = BytesIO()
    figure.savefig(sink, format="png", dpi=DPI, metadata={"Software": None})
    return sink.getvalue()
