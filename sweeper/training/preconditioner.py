"""What an optimizer divides the gradient by: the diagonal P of its update −η·P⁻¹·(gradient, maybe averaged).

Read from the state of ``torch.optim`` before the next step; one entry per optimizer in `PRECONDITIONERS`.
Optimizers that divide by nothing (SGD in all its forms), and Lion, whose steps have one size whatever the
gradient, have none.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

Read = Callable[[Mapping[str, Any], Mapping[str, Any]], Tensor]
"""(state of one parameter, its group of options) -> diagonal of P, in the parameter's shape"""


def adam(state: Mapping[str, Any], group: Mapping[str, Any]) -> Tensor:
    """√v̂ + ε with v̂ = v / (1 − β2^t)."""
    corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
    return corrected.sqrt() + group["eps"]


def radam(state: Mapping[str, Any], group: Mapping[str, Any]) -> Tensor:
    """(√v + ε) / (r_t·√(1 − β2^t)) once the variance is rectified (ρ_t > 5), before that 1: momentum."""
    step, beta2 = float(state["step"]), group["betas"][1]
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return torch.ones_like(state["exp_avg_sq"])
    rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return (state["exp_avg_sq"].sqrt() + group["eps"]) / math.sqrt(rectified * (1 - beta2**step))


def adamax(state: Mapping[str, Any], group: Mapping[str, Any]) -> Tensor:
    """u, the running maximum of |g| (ε is inside)."""
    peak: Tensor = state["exp_inf"]
    return peak


def rmsprop(state: Mapping[str, Any], group: Mapping[str, Any]) -> Tensor:
    """√v + ε."""
    return state["square_avg"].sqrt() + group["eps"]


def adagrad(state: Mapping[str, Any], group: Mapping[str, Any]) -> Tensor:
    """√(Σ g²) + ε."""
    return state["sum"].sqrt() + group["eps"]


def adadelta(state: Mapping[str, Any], group: Mapping[str, Any]) -> Tensor:
    """√(v + ε) / √(mean squared update + ε)."""
    return ((state["square_avg"] + group["eps"]) / (state["acc_delta"] + group["eps"])).sqrt()


PRECONDITIONERS: dict[str, Read] = {
    "adam": adam,
    "adamw": adam,
    "nadam": adam,
    "radam": radam,
    "adamax": adamax,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "adadelta": adadelta,
}


def preconditioner(name: str, optimizer: torch.optim.Optimizer) -> list[Tensor] | None:
    """P of every trained parameter, for the optimizer called `name`.

    ``None`` if it has none, and before its first step, when nothing has been averaged yet. A parameter
    that never had a gradient is not moved; its P is 1.
    """
    if name not in PRECONDITIONERS:
        return None
    found, moved = [], False
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state.get(parameter, {})
            stepped = bool(state) and float(state["step"]) > 0  # Adagrad's sums are there from the beginning
            divisor = PRECONDITIONERS[name](state, group) if stepped else torch.ones_like(parameter)
            found.append(divisor.detach())
            moved = moved or stepped
    return found if moved else None
