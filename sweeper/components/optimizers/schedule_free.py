"""Schedule-free AdamW: averaged weights replace a schedule (Defazio et al. 2024, arXiv 2405.15682).

Algorithm 1; gradients g are those at y, which is what the parameters hold while training:

γₜ = lr·√(1 − β2ᵗ)
v ← β2·v + (1 − β2)·g²
z ← z − γₜ·(g / (√v + eps) + λ·y)
x ← (1 − cₜ)·x + cₜ·z,  cₜ = γₜ² / (γ₁² + … + γₜ²)
y ← (1 − β1)·z + β1·x

The model is evaluated at x. Warm-up is a schedule of the learning rate, as elsewhere; none is built in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.adam import ADAM_OPTIONS, ADAM_PUBLISHED, beta1_of
from sweeper.components.optimizers.optimizer import Optimizer, Options, Rates, StepLimit
from sweeper.components.optimizers.rule import Hyper, Rule, power


class ScheduleFreeAdamW(torch.optim.Optimizer):
    """Schedule-free AdamW (Defazio et al. 2024, arXiv 2405.15682, algorithm 1).

    Parameters hold y, where gradients are taken. Between `eval` and `train` they hold the average x, where
    the model is evaluated.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.0025,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "step": 0, "squares": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            group["step"] += 1
            rate = group["lr"] * (1 - beta2 ** group["step"]) ** 0.5
            group["squares"] += rate**2
            share = rate**2 / group["squares"] if rate else 0.0
            for y in group["params"]:
                if y.grad is None:
                    continue
                state = self.state[y]
                if not state:
                    state |= {"x": y.clone(), "z": y.clone(), "exp_avg_sq": torch.zeros_like(y)}
                x, z, v = state["x"], state["z"], state["exp_avg_sq"]
                state["step"] = group["step"]
                v.mul_(beta2).addcmul_(y.grad, y.grad, value=1 - beta2)
                z.addcdiv_(y.grad, v.sqrt() + group["eps"], value=-rate)
                z.add_(y, alpha=-rate * group["weight_decay"])
                x.mul_(1 - share).add_(z, alpha=share)
                y.copy_(z * (1 - beta1)).add_(x, alpha=beta1)
        return loss

    @torch.no_grad()
    def eval(self) -> None:
        """From here on, parameters hold x."""
        for y, state in self.state.items():
            state["y"] = y.clone()
            y.copy_(state["x"])

    @torch.no_grad()
    def train(self) -> None:
        """From here on, parameters hold y again."""
        for y, state in self.state.items():
            y.copy_(state.pop("y"))


def _shares(options: Options, learning_rates: np.ndarray) -> Mapping[str, np.ndarray]:
    """cₜ of every update; `learning_rates`: (steps,)."""
    updates = np.arange(1, len(learning_rates) + 1)
    squares = (learning_rates * np.sqrt(1 - options["betas"][1] ** updates)) ** 2
    total = np.cumsum(squares)
    return {"share": np.divide(squares, total, out=np.zeros_like(total), where=total > 0)}


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    rate = -lr * (1 - power(o["beta2"], step)) ** 0.5
    moved = rate, rate * o["weight_decay"], o["share"], 1 - o["share"]
    return *moved, o["beta1"], 1 - o["beta1"], o["beta2"], 1 - o["beta2"], o["eps"]


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, decay, share, rest, keep1, new1, keep2, new2, eps = c
    (x, z, v), (t,) = state, scratch
    torch.mul(v, keep2, out=v)
    torch.mul(g, new2, out=t)
    torch.addcmul(v, t, g, out=v)
    torch.sqrt(v, out=t)
    torch.add(t, eps, out=t)
    torch.mul(g, rate, out=g)
    torch.addcdiv(z, g, t, out=z)
    torch.addcmul(z, p, decay, out=z)
    torch.mul(x, rest, out=x)
    torch.addcmul(x, z, share, out=x)
    torch.mul(z, new1, out=p)
    torch.addcmul(p, x, keep1, out=p)


def _divisor(state: Mapping[str, Any], group: Options) -> Tensor:
    """(√v + ε) / √(1 − β2^t)."""
    root: Tensor = state["exp_avg_sq"].sqrt() + group["eps"]
    return root / (1 - group["betas"][1] ** state["step"]) ** 0.5


def schedule_free_limit(beta1: float = 0.9) -> float:
    """Largest stable η·λ of P⁻¹H, P frozen: 2 / (1 − β1).

    Once cₜ is small, x stands still, so that z ← z − η·λ·((1 − β1)·z + β1·x): the limit is where
    1 − η·λ·(1 − β1) reaches −1.
    """
    return 2 / (1 - beta1)


SCHEDULE_FREE_ADAMW = Optimizer(
    "schedule_free_adamw",
    ScheduleFreeAdamW,
    (
        Rule(
            "schedule-free adamw",
            columns=9,
            state=3,
            coefficients=_coefficients,
            update=_update,
            scratch=1,
            coupled=False,
            history=_shares,
            copies=2,
            evaluated=0,
        ),
    ),
    ADAM_OPTIONS,
    published={"learning_rate": 0.0025, **ADAM_PUBLISHED},
    citation="the package schedulefree, by the authors of Defazio et al. 2024, arXiv 2405.15682",
    rates=Rates(1e-4, 1e-1, "1 to 10 times those of AdamW", "the authors of Defazio et al. 2024"),
    buffers=3,
    limit=StepLimit(
        lambda options, step: schedule_free_limit(beta1_of(options)),
        lambda options: "2/(1 − β1)",
        preconditioned=True,
    ),
    divisor=_divisor,
    aliases=("schedulefree", "adamwschedulefree"),
)
