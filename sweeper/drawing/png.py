"""Figures as PNG."""

from io import BytesIO

from matplotlib.figure import Figure

from sweeper.drawing.style import DPI, themed


@themed
def png_bytes(figure: Figure, dpi: int = DPI) -> bytes:
    """The PNG file of `figure`; the same records give the same bytes."""
    sink = BytesIO()
    figure.savefig(sink, format="png", dpi=dpi, metadata={"Software": None})
    return sink.getvalue()
