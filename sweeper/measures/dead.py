"""Share of units through which no gradient flows."""

from torch import Tensor

from sweeper.measures.layer import Layer


def dead(layer: Layer) -> Tensor | None:
    """Share of the units whose φ′(z) is exactly 0 on every row of the evaluation batch; in [0, 1].

    A unit is a feature of (n, units), a channel of (n, channels, h, w) or (n, channels, d, h, w), a feature
    of (n, time, units) over all its time steps.
    """
    if layer.derivative is None:
        return None
    over = {2: (0,), 3: (0, 1), 4: (0, 2, 3), 5: (0, 2, 3, 4)}.get(layer.derivative.ndim, (0,))
    return (layer.derivative.abs().amax(dim=over) == 0).to(layer.derivative.dtype).mean()
