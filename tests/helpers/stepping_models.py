"""Models with a training step of their own, and losses that ask for more than output and target."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(60, 5, generator=GENERATOR)
WEIGHT = torch.rand(60, generator=GENERATOR) + 0.5
Y = X[:, 0].sin() + X[:, 1] * X[:, 2]


def data(kind: str = "pair") -> Any:
    """The same rows in several arrangements."""
    return {
        "pair": (X, Y),
        "dict": ({"x": X, "weight": WEIGHT}, Y),
        "tuple": ((X, WEIGHT), Y),
        "items": [{"image": x, "labels": y} for x, y in zip(X, Y, strict=True)],
    }[kind]


class Net(nn.Module):
    """A layer of units with dropout; weights of rows are left alone."""

    def __init__(self, in_features: Any, out_features: int) -> None:
        super().__init__()
        if not isinstance(in_features, int):
            in_features = in_features["x"] if isinstance(in_features, dict) else in_features[0]
        self.hidden, self.drop, self.out = (
            nn.Linear(in_features, 8),
            nn.Dropout(0.2),
            nn.Linear(8, out_features),
        )

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """(n, features) -> (n, 1)"""
        return self.out(self.drop(F.relu(self.hidden(x))))


def weighted(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """An input by its name."""
    return ((output - target).square()[:, 0] * weight).mean()


def of_all(output: Tensor, batch: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """The batch in the place of the target, and a part."""
    _, weight, target = batch
    return ((output - target).square()[:, 0] * weight).mean(), {"heavy": weight.max()}


def decayed(output: Tensor, target: Tensor, model: nn.Module, inputs: Tensor) -> Tensor:
    """The model, its weights and another forward pass."""
    again = model(inputs / 2)
    size = sum((p.abs().sum() for p in model.parameters()), torch.zeros(()))
    return F.mse_loss(output, target) + 1e-3 * size + 0.1 * (again - output).square().mean()


@dataclass
class Output:
    """What models of some packages put out."""

    prediction: Tensor
    hidden: Tensor | None = None


class Structured(Net):
    """Puts out a dataclass."""

    def forward(self, x: Tensor) -> Output:  # type: ignore[override]
        """The prediction by its name."""
        return Output(super().forward(x))


def structured(output: Output, target: Tensor) -> Tensor:
    """The mean square."""
    return F.mse_loss(output.prediction, target)


class Stepping(Net):
    """The step of a plain class; scores are logged as Lightning's are."""

    log: Callable[..., None]

    def training_step(self, batch: list[Tensor], batch_idx: int) -> dict[str, Tensor]:
        """A loss in a dict."""
        x, y = batch
        assert y.ndim == 1  # as the data have it
        loss = F.mse_loss(self(x)[:, 0], y)
        self.log("train/mae", (self(x)[:, 0] - y).abs().mean())
        return {"loss": loss}

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """A loss that is logged alone."""
        x, y = batch
        self.log("val_loss", F.mse_loss(self(x)[:, 0], y))
        self.log("val_far", (self(x)[:, 0] - y).abs().max())


class Hooked(Stepping):
    """Hooks that a trainer would call; those of tests play no part in training."""

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """Clips, say."""
        raise AssertionError("it is not called")

    on_validation_epoch_end = on_test_epoch_end = configure_gradient_clipping = on_before_optimizer_step


class Named(Net):
    """A step that reads a dict, and takes no number of the batch."""

    def training_step(self, batch: dict[str, Tensor]) -> Tensor:
        """The mean square."""
        return F.mse_loss(self(batch["image"])[:, 0], batch["labels"])


class ByHand(Stepping):
    """Steps its optimizers itself."""

    automatic_optimization = False


class Counting(Net):
    """Alternates."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Another loss for every second batch."""
        return self(batch[0]).square().mean() * (1 + batch_idx % 2)


class Trained(Net):
    """Reads a trainer."""

    _trainer: Any = None

    @property
    def trainer(self) -> Any:
        """As Lightning has it."""
        return self._trainer

    @trainer.setter
    def trainer(self, trainer: Any) -> None:
        self._trainer = trainer

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Warms up by the epoch."""
        assert self.trainer.is_global_zero
        return self(batch[0]).square().mean() * min(1, self.trainer.current_epoch / 5)


class Optimizing(Net):
    """Asks for its optimizers."""

    optimizers: Any

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Needs them."""
        self.optimizers().zero_grad()
        return self(batch[0]).square().mean()


class Silent(Net):
    """Gives no loss."""

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Nothing."""
