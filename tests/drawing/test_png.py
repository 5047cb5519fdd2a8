"""Figures drawn once give the file that matplotlib's own way gives, which draws them twice."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure

from sweeper.drawing.png import PACKED, png_bytes
from sweeper.drawing.scales import log_axis, share_ticks
from sweeper.drawing.style import canvas, group_styles, handle, legend_below, themed

DPIS = (40, 150)


@themed
def panels() -> Figure:
    """Shared logarithmic axes, a colour bar, long tick labels that move the axes, a legend below."""
    figure, axes = canvas(2, 2, height=4, sharex=True, sharey="row")
    x = np.geomspace(1e-4, 1, 20)
    for index, each in enumerate(axes[:2]):
        each.plot(x, x**index + 1e-3)
        each.set_title(f"panel {index}")
    log_axis(axes[0].xaxis)
    log_axis(axes[0].yaxis)
    share_ticks(axes[2].yaxis)
    axes[2].set_yticks([0, 1], ["a name that takes much room", "short"])
    mesh = axes[3].pcolormesh(x, [0, 1], np.linspace(0, 1, 19)[None])
    figure.colorbar(mesh, ax=axes[1:4:2], label="share")
    styles = group_styles(["one", "two"])
    legend_below(figure, {name: handle(style) for name, style in styles.items()}, "groups")
    return figure


@themed
def saved(figure: Figure, dpi: int) -> bytes:
    sink = BytesIO()
    figure.savefig(sink, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs=dict(PACKED))
    return sink.getvalue()


@pytest.mark.parametrize("dpi", DPIS)
def test_a_figure_that_is_drawn_once_is_what_savefig_writes(dpi: int) -> None:
    """Where ticks are placed once for each position of the axes, every byte of the file is the same."""
    assert png_bytes(panels(), dpi) == saved(panels(), dpi)


def test_a_matplotlib_without_the_private_methods_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Placing ticks once is a saving alone: without it the file is the same."""
    expected = png_bytes(panels(), 40)
    monkeypatch.setattr("sweeper.drawing.png.PLACING", ())
    assert png_bytes(panels(), 40) == expected
