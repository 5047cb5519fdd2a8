"""Means over a normal pre-activation, E[f(σz)] with z ~ N(0, 1): what mean-field theory is made of.

Gauss–Hermite is exact for polynomials and poor for everything else that matters here: a kink or a jump
costs it all but two digits, and for large σ a sigmoid is a step between two of its nodes. So the line is cut
into panels with sixteen Gauss–Legendre nodes each: at the breaks of f, so that every panel sees a smooth
function, and at powers of 2 towards 0, so that for any σ a panel is as wide as what f does there.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

END = 12.0
"""The normal density beyond ±12 is below 1e-32."""
_POWERS = 2.0 ** np.arange(-44, 0)
_HALF = np.concatenate([_POWERS, np.arange(1.0, END + 1.0)])
_EDGES = torch.from_numpy(np.concatenate([-_HALF[::-1], [0.0], _HALF]))
_NODES, _WEIGHTS = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(16))


def gaussian_mean(f: Callable[[Tensor], Tensor], sigma: Tensor, breaks: Sequence[float] = ()) -> Tensor:
    """E[f(σz)] for each standard deviation σ > 0; shape of `sigma`, float64.

    Args:
        f: elementwise on float64 tensors; smooth but for its `breaks`.
        sigma: standard deviations, any shape.
        breaks: where f or its derivative jumps.
    """
    scale = sigma.to(torch.float64).reshape(-1, 1)
    inner = (torch.tensor(breaks, dtype=torch.float64).reshape(1, -1) / scale).clamp(-END, END)
    edges = torch.cat([_EDGES.expand(len(scale), -1), inner], dim=1).sort(dim=1).values
    half = edges.diff(dim=1).unsqueeze(-1) / 2
    z = edges[:, :-1, None] + half * (1 + _NODES)
    density = torch.exp(-z.square() / 2) / (2 * torch.pi) ** 0.5
    values = f((scale.unsqueeze(-1) * z).reshape(-1)).reshape(z.shape)
    return (values * density * half * _WEIGHTS).sum(dim=(1, 2)).reshape(sigma.shape)
