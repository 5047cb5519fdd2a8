"""Losses: output and target -> mean over the rows, a scalar tensor."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper.components.guess import (
    Guess,
    frequencies,
    gaussian,
    huber_location,
    mean,
    median,
    quantiles,
    share,
    token_frequencies,
)
from sweeper.components.metrics import Metric
from sweeper.components.users_loss import InnerLoss, UsersLoss


@dataclass(frozen=True)
class Loss:
    """A loss by name."""

    name: str
    function: Callable[..., Tensor]
    """(output, target) -> scalar mean; what is trained on"""
    task: str
    """``classification``: targets are class numbers (n,), outputs (n, classes). ``sequence``: the same with a
    time axis after the rows. ``regression``: targets are real, (n, k). ``binary``: targets lie in 0 … 1,
    (n, k), outputs are logits."""
    guess: Guess | None = None
    """Its best constant output; ``None``: searched for."""
    inside: str = ""
    """What it applies to logits itself, in words; a model that ends in it is refused."""
    expression: str = ""
    """The function of torch that does the same."""
    options: tuple[str, ...] = ()
    """Keys of ``[training]`` that it takes."""
    outputs: int = 1
    """Outputs for each target column."""
    plain: Callable[[Any, Any], Tensor] | None = None
    """What rows are scored with, where that is another: without smoothing and weights of classes"""
    point: Callable[[Tensor], Tensor] | None = None
    """The part of the output that predicts the target, where that is not all of it"""
    metrics: tuple[Metric, ...] = ()
    """Recorded beside it"""
    classes: int = 0
    """Of the data, for a loss of the user's; 0 where targets are none"""
    least: float = 0.0
    """No mean over rows lies below it"""
    aliases: tuple[str, ...] = ()
    """Other names that the field uses, in small letters without signs"""

    @property
    def scored(self) -> Callable[[Any, Any], Tensor]:
        """(output, target) -> the loss that evaluation points record."""
        return self.plain or self.function

    @property
    def is_users(self) -> bool:
        """Whether the function is the user's: then nothing is known of outputs and targets."""
        return isinstance(self.function, UsersLoss | InnerLoss)

    @property
    def inner(self) -> InnerLoss | None:
        """The function, where the model computes it: then models take inputs and targets."""
        return self.function if isinstance(self.function, InnerLoss) else None

    def of_model(self, output: Any) -> Any:
        """What the model itself puts out."""
        return output["output"] if self.inner else output

    def with_parts(self, output: Any, target: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """What is trained on, and the named scalars that a loss of the user's gives beside it."""
        if isinstance(self.function, UsersLoss | InnerLoss):
            return self.function.with_parts(output, target)
        return self.function(output, target), {}


def cross_entropy(
    output: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
) -> Tensor:
    """−log softmax(output)[target], mean over rows; output (n, classes), target (n,) int64.

    Over sequences: output (n, time, classes), target (n, time); tokens of `ignore_index` count for nothing.
    `weight` (classes,): the sum over rows is divided by the sum of their weights. Smoothing by ε replaces the
    target by 1 − ε of it and ε / classes of each. Written out, as torch's own cannot be batched then.
    """
    rows = target.ndim == 1
    output, target = output.reshape(-1, output.shape[-1]), target.reshape(-1)
    if rows and weight is None and not label_smoothing:
        return F.cross_entropy(output, target)
    kept = target != ignore_index
    index = torch.where(kept, target, 0)
    if weight is None and not label_smoothing:
        each = torch.where(kept, F.cross_entropy(output, index, reduction="none"), 0.0)
        return each.sum() / kept.sum()
    logs = output.log_softmax(dim=1)
    weights = torch.ones_like(logs[0]) if weight is None else weight
    each = torch.where(kept, weights[index], 0.0)
    own = -(logs.gather(1, index[:, None])[:, 0] * each)
    even = torch.where(kept, -(logs * weights).sum(dim=1), 0.0) / output.shape[1]
    return ((1 - label_smoothing) * own + label_smoothing * even).sum() / each.sum()


def mse(output: Tensor, target: Tensor) -> Tensor:
    """(output − target)², mean over elements. Output is given the target's shape: (n,) never meets (n, 1)."""
    return F.mse_loss(output.reshape(target.shape), target)


def l1(output: Tensor, target: Tensor) -> Tensor:
    """|output − target|, mean over elements."""
    return F.l1_loss(output.reshape(target.shape), target)


def huber(output: Tensor, target: Tensor) -> Tensor:
    """d²/2 where |d| < 1, else |d| − 1/2, with d = output − target; mean over elements (Huber 1964)."""
    return F.huber_loss(output.reshape(target.shape), target)


def quantile(output: Tensor, target: Tensor, quantile: float = 0.5) -> Tensor:
    """max(q·d, (q − 1)·d) with d = target − output, mean over elements (Koenker and Bassett 1978)."""
    difference = target - output.reshape(target.shape)
    return torch.maximum(quantile * difference, (quantile - 1) * difference).mean()


def gaussian_nll(output: Tensor, target: Tensor) -> Tensor:
    """(log 2π + s + (target − m)² e⁻ˢ) / 2, mean over elements, in nats.

    Output (n, 2k): means m of the k target columns, then logarithms s of their variances.
    """
    m, s = output.reshape(len(target), 2, -1).unbind(1)
    squares = (target.reshape(len(target), -1) - m).square()
    return 0.5 * (math.log(2 * math.pi) + s + squares * (-s).exp()).mean()


def gaussian_mean(output: Tensor) -> Tensor:
    """The means among the outputs for `gaussian_nll`: (n, k)."""
    return output.reshape(output.shape[0], 2, -1)[:, 0]


def bce(output: Tensor, target: Tensor, weight: Tensor | None = None, label_smoothing: float = 0.0) -> Tensor:
    """Binary cross-entropy of logits; targets in 0 … 1, mean over elements.

    `weight` (2,) or (2, k): those of targets below and from one half on, the sum over elements is divided by
    the sum of their weights. Smoothing by ε makes t(1 − ε) + ε/2 of a target t.
    """
    output = output.reshape(target.shape)
    shares = target * (1 - label_smoothing) + label_smoothing / 2 if label_smoothing else target
    if weight is None:
        return F.binary_cross_entropy_with_logits(output, shares)
    each = torch.where(target >= 0.5, weight[1], weight[0])
    return (each * F.binary_cross_entropy_with_logits(output, shares, reduction="none")).sum() / each.sum()


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
            ("label_smoothing", "class_weight", "ignore_index"),
            aliases=("ce", "nll", "softmaxcrossentropy", "logloss"),
        ),
        Loss("mse", mse, "regression", Guess("the mean of the training rows", mean), aliases=("l2", "rmse")),
        Loss("l1", l1, "regression", Guess("the median of the training rows", median), aliases=("mae",)),
        Loss(
            "huber",
            huber,
            "regression",
            Guess("the constant of lowest Huber loss on the training rows", huber_location),
            aliases=("smoothl1",),
        ),
        Loss(
            "bce",
            bce,
            "binary",
            Guess("the mean of the training rows", share),
            "a sigmoid",
            "torch.nn.functional:binary_cross_entropy",
            ("label_smoothing", "class_weight"),
            aliases=("bcewithlogits", "binarycrossentropy"),
        ),
        Loss(
            "quantile",
            quantile,
            "regression",
            Guess("the quantile of the training rows", quantiles),
            options=("quantile",),
        ),
        Loss(
            "gaussian_nll",
            gaussian_nll,
            "regression",
            Guess("the mean and the variance of the training rows", gaussian),
            outputs=2,
            point=gaussian_mean,
            least=-math.inf,
        ),
    )
}


def configured(loss: Loss, options: Mapping[str, Any], weight: Tensor | None = None) -> Loss:
    """A built-in loss with its options of ``[training]``, and weights of classes.

    What it is trained with is smoothed and weighted; what rows are scored with is not, so that trials of
    other smoothing compare.
    """
    always: dict[str, Any] = {
        key: options[key] for key in ("ignore_index", "quantile") if key in loss.options and key in options
    }
    if loss.task == "classification":
        always.pop("ignore_index", None)
    training: dict[str, Any] = {**always}
    if "label_smoothing" in loss.options and options.get("label_smoothing"):
        training["label_smoothing"] = options["label_smoothing"]
    if weight is not None:
        training["weight"] = weight
    if not training:
        return loss
    plain = partial(loss.function, **always) if always else loss.function
    guess = loss.guess
    if guess and "quantile" in always:
        guess = replace(guess, output=partial(guess.output, quantile=always["quantile"]))
    if guess and "ignore_index" in always:
        guess = Guess("the class frequencies of the training rows", partial(token_frequencies, **always))
    return replace(loss, function=partial(loss.function, **training), plain=plain, guess=guess)
