"""Lion: the sign of a momentum (Chen et al. 2023, arXiv 2302.06675, algorithm 2).

c = β1·m + (1 − β1)·g
p ← p − lr·(sign c + λ·p)
m ← β2·m + (1 − β2)·g
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.training.update_rules.rule import Hyper, Rule


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return -lr, o["beta1"], 1 - o["beta1"], o["beta2"], 1 - o["beta2"], o["weight_decay"]


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, keep1, new1, keep2, new2, decay = c
    (m,), (t, u) = state, scratch
    torch.mul(m, keep1, out=t)
    torch.mul(g, new1, out=u)
    torch.add(t, u, out=t)
    torch.sign(t, out=t)
    torch.mul(p, decay, out=u)
    torch.add(t, u, out=t)
    torch.mul(t, rate, out=t)
    torch.add(p, t, out=p)
    torch.mul(m, keep2, out=m)
    torch.mul(g, new2, out=g)
    torch.add(m, g, out=m)


LION = Rule("lion", 6, 1, _coefficients, _update, scratch=2, coupled=False)
