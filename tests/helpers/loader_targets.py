"""Loaders whose targets come in many forms, and losses that were written for them."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

ROWS = 60
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(ROWS, 3, generator=GENERATOR)
TARGETS: dict[str, Any] = {
    "numbers": X.sum(1),
    "floats": X.sum(1).tolist(),
    "column": X.sum(1, keepdim=True),
    "counts": torch.arange(ROWS) % 5 * 2 + 1,
    "column of counts": (torch.arange(ROWS) % 5 + 1)[:, None],
    "truth": X[:, 0] > 0,
    "flags": [bool(x > 0) for x in X[:, 0]],
    "column of truth": X[:, :1] > 0,
    "pictures": X[:, :1, None, None] * torch.ones(1, 2, 2),
    "masks": X[:, :2, None] > 0,
}


class Items(Dataset):
    """(x, target) of every row."""

    def __init__(self, form: str) -> None:
        self.targets = TARGETS[form]

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        return X[index], self.targets[index]


def loader(form: str) -> DataLoader:
    """What a project has."""
    return DataLoader(Items(form), batch_size=8, shuffle=True)


PRICE, CLASS = X.sum(1), torch.arange(ROWS) % 3


class Several(Dataset):
    """Items with two targets: keys of a dict, a dict in a tuple, or a tuple in it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, index: int) -> Any:
        x, price, label = X[index], PRICE[index], int(CLASS[index])
        if self.kind == "keys":
            return {"x": x, "price": price, "class": label}
        return (x, {"price": price, "class": label}) if self.kind == "dict" else (x, (price, label))


def several(kind: str) -> DataLoader:
    """What such a project has."""
    return DataLoader(Several(kind), batch_size=8, shuffle=True)


def sizes(in_features: int, out_features: Any) -> nn.Module:
    """A model of as many outputs as the targets need."""
    parts = out_features.values() if isinstance(out_features, dict) else out_features
    assert list(parts) == [1, 3]
    return Net(in_features)


class Net(nn.Module):
    """Four outputs, of which a loss takes what it needs."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(in_features, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        """(n, features) -> (n, 4)"""
        return self.last(torch.tanh(self.first(x)))


def numbers(output: Tensor, target: Tensor) -> Tensor:
    """Of targets (n,)."""
    return F.mse_loss(output[:, 0], target.to(output.dtype))


def column(output: Tensor, target: Tensor) -> Tensor:
    """Of targets (n, 1)."""
    return F.l1_loss(output[:, :1], target)


def counts(output: Tensor, target: Tensor) -> Tensor:
    """Of whole numbers (n,), which are no classes."""
    return F.poisson_nll_loss(output[:, 0], target)


def column_of_counts(output: Tensor, target: Tensor) -> Tensor:
    """Of whole numbers (n, 1)."""
    return F.poisson_nll_loss(output[:, :1], target)


def truth(output: Tensor, target: Tensor) -> Tensor:
    """Of truth values (n,), whose complement of class numbers would be other numbers."""
    return (~target * F.softplus(output[:, 0]) + target * F.softplus(-output[:, 0])).mean()


def column_of_truth(output: Tensor, target: Tensor) -> Tensor:
    """Of truth values (n, 1)."""
    return torch.where(target, F.softplus(-output[:, :1]), F.softplus(output[:, :1])).mean()


def pictures(output: Tensor, target: Tensor) -> Tensor:
    """Of numbers (n, 1, 2, 2)."""
    return F.huber_loss(output.reshape(-1, 1, 2, 2), target)


def masks(output: Tensor, target: Tensor) -> Tensor:
    """Of truth values (n, 2, 1)."""
    return torch.where(target, 1.0, output[:, :2, None].square()).mean()


def distance(output: Tensor, target: Tensor) -> Tensor:
    """A score of targets (n,)."""
    return (output[:, 0] - target).abs().mean()


def asking(output: Tensor, batch: list[Tensor]) -> Tensor:
    """The batch as the loader gives it."""
    return F.mse_loss(output[:, 0], batch[1])


def both(output: Tensor, target: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Of a price and a class, by name or in this order."""
    price, label = target.values() if isinstance(target, dict) else target
    of_class = F.cross_entropy(output[:, 1:], label)
    return F.mse_loss(output[:, 0], price) + of_class, {"of_class": of_class}


def from_batch(output: Tensor, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """The same of the batch as the loader gives it."""
    return both(output, (batch["price"], batch["class"]) if isinstance(batch, dict) else batch[1])


class Stepping(nn.Module):
    """The same as a step of its own."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.net = Net(in_features)

    def forward(self, x: Tensor) -> Tensor:
        """(n, features) -> (n, 4)"""
        return self.net(x)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Of the batch as the loader gives it."""
        return from_batch(self(batch["x"] if isinstance(batch, dict) else batch[0]), batch)[0]


def hits(output: Tensor, target: Any) -> Tensor:
    """A score of the second target."""
    label = target["class"] if isinstance(target, dict) else target[1]
    return (output[:, 1:].argmax(1) == label).double().mean()


LOSSES = {
    "numbers": numbers,
    "floats": numbers,
    "column": column,
    "counts": counts,
    "column of counts": column_of_counts,
    "truth": truth,
    "flags": truth,
    "column of truth": column_of_truth,
    "pictures": pictures,
    "masks": masks,
}
