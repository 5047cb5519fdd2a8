"""A model whose parameters have options of their own, and groups for it."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Marked(nn.Module):
    """One parameter with a mark, one that is frozen, one that is tied, one that is not used."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(in_features, 8), nn.Linear(8, 8), nn.Linear(8, 8, bias=False)
        self.norm, self.out = nn.LayerNorm(8), nn.Linear(8, out_features)
        self.c.weight = self.b.weight
        self.unused = nn.Parameter(torch.ones(3))
        self.norm.bias.requires_grad_(False)
        self.out.bias._optim = {"lr": 0.02, "weight_decay": 0.0}

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_features) -> (n, out_features)"""
        return self.out(F.relu(self.c(self.norm(F.relu(self.b(F.relu(self.a(x))))))))


def groups(model: nn.Module) -> list[dict[str, Any]]:
    """A slower, undamped first layer and no decay on the rest."""
    first = list(model.a.parameters())
    rest = [p for p in model.parameters() if p.requires_grad and all(p is not q for q in first)]
    return [
        {"params": first, "lr_scale": 0.1, "momentum": 0.0, "betas": (0.5, 0.9), "name": "first"},
        {"params": rest, "weight_decay": 0.0},
    ]
