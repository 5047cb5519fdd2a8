"""A small model with something done to it: why it is not stacked."""

from collections.abc import Callable
from typing import Any

from equivalence import numbered, task_of
from torch import Tensor, nn

from sweeper.training.shapes import why_not_stackable


class Plain(nn.Module):
    """One hidden layer; `prepare` and `use` are what is tried."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.one, self.two, self.out = nn.Linear(features, 5), nn.Linear(5, 5), nn.Linear(5, outputs)
        self.act = nn.Tanh()
        self.prepare()

    def prepare(self) -> None:
        """What is done to a fresh model."""

    def use(self, hidden: Tensor) -> Tensor:
        """What is done in each pass."""
        return hidden

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.two(self.use(self.act(self.one(x))))))


def reason(prepare: Callable[[Any], object], use: Callable[[Any, Tensor], Tensor] | None = None) -> str:
    """Why such a model is not stacked."""

    class Mine(Plain):
        def prepare(self) -> None:
            prepare(self)

        def use(self, hidden: Tensor) -> Tensor:
            return hidden if use is None else use(self, hidden)

    def made(in_features: int, out_features: int) -> nn.Module:
        return Mine(in_features, out_features)

    return why_not_stackable(task_of("digits", {"source": made}), numbered([{}])[0])
