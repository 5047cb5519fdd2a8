"""Figures as PNG."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, cast

from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from sweeper.drawing.style import DPI, themed

PLACING = ("_update_ticks", "_get_ticklabel_bboxes")
"""Methods of an axis that place ticks and labels; private to matplotlib, so that they may go away."""


PACKED: Mapping[str, Any] = {"compress_level": 3}
"""How a file is packed: 3 % larger than as it is by default, in two thirds of the time."""


@themed
def png_bytes(figure: Figure, dpi: int = DPI) -> bytes:
    """The PNG file of `figure`, which is drawn once; the same records give the same bytes.

    ``savefig`` gives the same file, and draws twice for it: the first time for the layout alone.
    """
    figure.set_dpi(dpi)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            _place_ticks_once(axis)
    canvas = FigureCanvasAgg(figure)  # a figure that pyplot did not make has one that draws nothing
    canvas.draw()
    sink, unnamed = BytesIO(), cast(dict[str, str], {"Software": None})
    imsave(sink, canvas.buffer_rgba(), format="png", dpi=dpi, metadata=unnamed, pil_kwargs=dict(PACKED))
    return sink.getvalue()


def _place_ticks_once(axis: Axis) -> None:
    """Have ticks and their labels placed once for each position of the axes.

    A constrained layout asks for them a dozen times, which is a third of the time of a figure.
    """
    for name in PLACING:
        if hasattr(axis, name):
            setattr(axis, name, _once_a_position(axis, getattr(axis, name)))


def _once_a_position(axis: Axis, make: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, Any] = {}

    def kept(*arguments: Any) -> Any:
        axes: Any = axis.axes
        ticks = tuple(id(each) for given in arguments if isinstance(given, list) for each in given)
        key = (axes.bbox.bounds, axes.viewLim.bounds, axis.get_scale(), ticks)
        if key not in known:
            known.clear()  # what was placed elsewhere may no longer be so
            known[key] = make(*arguments)
        return known[key]

    return kept
