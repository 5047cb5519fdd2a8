"""Facts about activation functions, computed in float64 from the modules themselves; nothing is looked up."""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sweeper.components.activations import ACTIVATIONS, Activation, activation_of
from sweeper.errors import UserError
from sweeper.theory.function_shape import (
    Breaks,
    Interval,
    find_breaks,
    highest,
    is_odd,
    never_falls,
    output_range,
    steepest,
    tail_slopes,
)
from sweeper.theory.scalar import Scalar, computing, derivative, of_one_unit, scalar
from sweeper.wording import given, number

__all__ = ["Facts", "catalogue", "derivative", "facts_of", "without_facts"]

CENTRED = 0.1
"""Share of their root mean square by which the mean of outputs that lie about 0 may be off."""
FLAT = 1e-9
"""A side is flat when |φ′| is below this a million away from 0."""


@dataclass(frozen=True)
class Facts:
    """What can be computed about one activation φ; ``None`` where a fact makes no sense for it."""

    name: str
    elementwise: bool
    outputs: Interval
    """Infimum and supremum of the outputs, and whether they are taken."""
    breaks: Breaks
    """Where φ jumps, has a kink (φ′ jumps) or a bend (φ″ jumps)."""
    lipschitz: float | None
    """sup |φ′|, or sup ‖Jacobian‖₂ if not elementwise; inf without bound, ``None`` when φ jumps."""
    monotone: bool | None
    """Never falls: x < y implies φ(x) ≤ φ(y)."""
    zero_centred: bool
    """|E φ(z)| is at most `CENTRED` × √E φ(z)², z ~ N(0, 1): outputs lie about 0 (LeCun et al. 1998,
    Efficient BackProp). So do those of all odd φ, and of SELU by its scale; never those of ReLU."""
    odd: bool | None
    """φ(−x) = −φ(x): then symmetric pre-activations give activations of mean 0."""
    saturates: str | None
    """Where φ′ goes to 0: ``left`` (towards −∞), ``right``, ``both`` or ``no``."""
    second_moment: float | None
    """E[φ(z)²], z ~ N(0, 1)."""
    slope_second_moment: float | None
    """E[φ′(z)²], z ~ N(0, 1), φ′ as backpropagation takes it: jumps count nothing."""
    note: str = ""

    @property
    def range(self) -> str:
        """The smallest interval with all outputs: ``[`` and ``]`` at bounds that are taken."""
        return self.outputs.text()

    @property
    def bounded(self) -> bool:
        """On both sides."""
        return math.isfinite(self.outputs.low) and math.isfinite(self.outputs.high)

    @property
    def positive(self) -> bool:
        """Never negative."""
        return self.outputs.low >= 0

    @property
    def smooth(self) -> bool:
        """No kink and no jump: φ′ is continuous."""
        return not self.breaks.jumps and not self.breaks.kinks

    @property
    def smoothness(self) -> str:
        """``smooth``; ``C1, bend at 0`` (φ′ continuous, φ″ not); ``kink at …``; ``jump at …``."""
        for word, points in (("jump", self.breaks.jumps), ("kink", self.breaks.kinks)):
            if points:
                return _at(word, points)
        return f"C1, {_at('bend', self.breaks.bends)}" if self.breaks.bends else "smooth"

    @property
    def gain(self) -> float | None:
        """1/√E[φ(z)²]: with σw = gain and no bias, pre-activations of variance 1 keep it (q = 1)."""
        return None if self.second_moment is None else self.second_moment**-0.5

    def forward(self, sigma_w2: float) -> float | None:
        """σw² E[φ(z)²]: factor on the variance of pre-activations at q = 1. He has σw² = 2, Xavier 1."""
        return None if self.second_moment is None else sigma_w2 * self.second_moment

    def backward(self, sigma_w2: float) -> float | None:
        """σw² E[φ′(z)²]: factor on the variance of the gradient at q = 1, on its way to the input."""
        return None if self.slope_second_moment is None else sigma_w2 * self.slope_second_moment


def catalogue(
    *,
    positive: bool | None = None,
    bounded: bool | None = None,
    smooth: bool | None = None,
    monotone: bool | None = None,
    zero_centred: bool | None = None,
) -> list[Facts]:
    """Facts about every activation that fits what is asked, by name; ``None`` asks nothing.

    A fact that makes no sense for an activation (is softmax monotone?) fits neither ``True`` nor ``False``.
    """
    asked = {
        "positive": positive,
        "bounded": bounded,
        "smooth": smooth,
        "monotone": monotone,
        "zero_centred": zero_centred,
    }
    wanted = {name: value for name, value in asked.items() if value is not None}
    unknown = without_facts()
    every = [facts_of(name) for name in sorted(ACTIVATIONS) if name not in unknown]
    return [facts for facts in every if all(getattr(facts, key) is wanted[key] for key in wanted)]


def without_facts() -> dict[str, str]:
    """Activations that are no function of one number, such as one with a slope for each of eight units.

    By name, with the reason.
    """
    found = {}
    for name in sorted(ACTIVATIONS):
        try:
            facts_of(name)
        except UserError as error:
            found[name] = str(error)
    return found


def facts_of(name: str) -> Facts:
    """Facts about an activation by name, or about the user's ``package.module:Class``; in 15 ms, once.

    What it learns has its initial values.

    Raises:
        UserError: for one that is not elementwise and does not say so, and for a user's class that fails.
    """
    return facts_of_entry(activation_of(name))


@functools.cache
def facts_of_entry(activation: Activation) -> Facts:
    """`facts_of` an entry of `activation_of`."""
    if activation.users_class is None:
        return _elementwise(activation) if activation.elementwise else _coupled(activation)
    with computing(activation.name):
        return _elementwise(activation)


def _elementwise(activation: Activation) -> Facts:
    phi: Scalar = scalar(activation.name)
    left, right = (abs(slope) < FLAT for slope in tail_slopes(phi.slope))
    return Facts(
        name=activation.name,
        elementwise=True,
        outputs=output_range(phi.value, phi.breaks),
        breaks=phi.breaks,
        lipschitz=None if phi.breaks.jumps else steepest(phi.slope),
        monotone=never_falls(phi.value),
        zero_centred=abs(phi.mean(1.0).item()) <= CENTRED * phi.second_moment(1.0).item() ** 0.5,
        odd=is_odd(phi.value),
        saturates={(True, True): "both", (True, False): "left", (False, True): "right"}.get(
            (left, right), "no"
        ),
        second_moment=phi.second_moment(1.0).item(),
        slope_second_moment=phi.slope_second_moment(1.0).item(),
        note=_note(activation),
    )


def _coupled(activation: Activation) -> Facts:
    """Facts about a function of whole rows: ranges and breaks along its own input, the other one at 0."""
    module = activation.make().double().eval()

    def output(i: int, rows: Tensor) -> Tensor:
        return module(rows)[:, i]

    def along(x: Tensor) -> Tensor:
        return output(0, torch.stack([x, torch.zeros_like(x)], dim=-1))

    def slope(x: Tensor) -> Tensor:
        return derivative(along, x)

    def jacobian_norm(x: Tensor) -> Tensor:
        # Output by output: torch.func would take a second to import.
        rows = torch.stack([x, torch.zeros_like(x)], dim=-1)
        jacobian = [derivative(functools.partial(output, i), rows) for i in range(2)]
        return torch.linalg.matrix_norm(torch.stack(jacobian, dim=1), ord=2)

    breaks = find_breaks(along, slope)
    generator = torch.Generator().manual_seed(0)
    sums = module(3 * torch.randn(256, 7, dtype=torch.float64, generator=generator)).sum(dim=-1)
    total = " and the outputs sum to 1" if torch.allclose(sums, torch.ones_like(sums)) else ""
    return Facts(
        name=activation.name,
        elementwise=False,
        outputs=output_range(along, breaks),
        breaks=breaks,
        lipschitz=highest(jacobian_norm),
        monotone=None,
        zero_centred=False,  # softmax: shares, which are positive
        odd=None,
        saturates=None,
        second_moment=None,
        slope_second_moment=None,
        note=f"not elementwise: range of each output{total}; Lipschitz constant in the 2-norm",
    )


def _note(activation: Activation) -> str:
    """What the numbers stand for where the function is not fixed: learned or drawn slopes."""
    module = of_one_unit(activation.make())
    learned = [value for parameter in module.parameters() for value in parameter.flatten().tolist()]
    if learned:
        shown = ", ".join(number(value, 4) for value in learned)
        if len(learned) > 1:
            return f"has parameters that each layer learns; shown with their initial values, {shown}"
        return f"has a parameter that each layer learns; shown with its initial value, {shown}"
    x = torch.full((64,), -1.0)
    with torch.random.fork_rng(devices=[]):
        drawn = module.train()(x).unique()
    if len(drawn) > 1:
        mean = module.eval()(x[:1]).neg().item()
        return f"draws its slope at random while training; shown with the mean one, {number(mean, 4)}"
    return ""


def _at(word: str, points: tuple[float, ...]) -> str:
    return f"{word}{'s' if len(points) > 1 else ''} at {', '.join(f'{given(x)}' for x in points)}"
