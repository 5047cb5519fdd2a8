"""Losses: output and target -> mean over the rows, a scalar tensor."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from sweeper.components.guess import Guess, frequencies, huber_location, mean, median, share
from sweeper.errors import ModelError


@dataclass(frozen=True)
class Loss:
    """A loss by name."""

    name: str
    function: Callable[[Tensor, Tensor], Tensor]
    """(output, target) -> scalar mean"""
    task: str
    """``classification``: targets are class numbers (n,), outputs (n, classes). ``regression``: targets are
    real, (n, k). ``binary``: targets lie in 0 … 1, (n, k), outputs are logits."""
    guess: Guess | None = None
    """Its best constant output; ``None``: searched for."""
    inside: str = ""
    """What it applies to logits itself, in words; a model that ends in it is refused."""
    expression: str = ""
    """The function of torch that does the same."""


@dataclass(frozen=True)
class UsersLoss:
    """A loss function of the user, which gets copies, as it may write into them; what it gives is checked."""

    name: str
    function: Callable[[Tensor, Tensor], Any]

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """The scalar mean.

        Raises:
            ModelError: if the function gives something else.
        """
        value = self.function(*(x.clone() if isinstance(x, Tensor) else x for x in (output, target)))
        if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
            raise ModelError(not_scalar(self.name, value))
        return value


def not_scalar(name: str, value: Any) -> str:
    """What is wrong with a loss that is no real number in a tensor."""
    kind = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    kind = "complex numbers" if isinstance(value, Tensor) and value.is_complex() else kind
    return f"training.loss = {name!r} must return the mean, a scalar tensor, not {kind}"


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """−log softmax(output)[target], mean over rows; output (n, classes), target (n,) int64."""
    return F.cross_entropy(output, target)


def mse(output: Tensor, target: Tensor) -> Tensor:
    """(output − target)², mean over elements. Output is given the target's shape: (n,) never meets (n, 1)."""
    return F.mse_loss(output.view_as(target), target)


def l1(output: Tensor, target: Tensor) -> Tensor:
    """|output − target|, mean over elements."""
    return F.l1_loss(output.view_as(target), target)


def huber(output: Tensor, target: Tensor) -> Tensor:
    """d²/2 where |d| < 1, else |d| − 1/2, with d = output − target; mean over elements (Huber 1964)."""
    return F.huber_loss(output.view_as(target), target)


def bce(output: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of logits; targets in 0 … 1, mean over elements."""
    return F.binary_cross_entropy_with_logits(output.view_as(target), target)


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "cross_entropy",
            cross_entropy,
            "classification",
            Guess("the class frequencies of the training rows", frequencies),
            "softmax",
            "torch.nn.functional:cross_entropy",
        ),
        Loss("mse", mse, "regression", Guess("the mean of the training rows", mean)),
        Loss("l1", l1, "regression", Guess("the median of the training rows", median)),
        Loss(
            "huber",
            huber,
            "regression",
            Guess("the constant of lowest Huber loss on the training rows", huber_location),
        ),
        Loss(
            "bce",
            bce,
            "binary",
            Guess("the mean of the training rows", share),
            "a sigmoid",
            "torch.nn.functional:binary_cross_entropy",
        ),
    )
}
