"""Looks at a model under way that leave its training as it was."""

import random

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.user_code.observing import LOOKS, apart, seed_all, seed_of


class Draws(nn.Module):
    """Draws from all generators, counts in one buffer and replaces another."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.register_buffer("count", torch.zeros(1))
        self.register_buffer("last", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        self.last = x.mean(0)
        return self.weight * (x + torch.randn(1) + float(np.random.rand()) + random.random())


def test_a_look_leaves_generators_and_buffers_as_they_were() -> None:
    """What is drawn and kept after a look is what it would have been without it."""
    model, x = Draws(), torch.ones(2, 1)
    seed_all(3)
    expected = [model(x).detach() for _ in range(2)]
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    model = Draws()
    last = model.last
    seed_all(3)
    found = [model(x).detach()]
    kept = model.last
    with apart(model, 7):
        model(5 * x)
    assert model.last is kept is not last
    found.append(model(x).detach())
    assert torch.equal(torch.stack(found), torch.stack(expected))
    assert all(torch.equal(b, buffers[name]) for name, b in model.named_buffers())


def test_what_a_look_draws_depends_on_its_seed_alone() -> None:
    """The same seed gives the same numbers, whatever was drawn before; another seed gives others."""
    model, x, found = Draws(), torch.ones(2, 1), []
    for seed in (7, 8, 7):
        torch.rand(seed)
        with apart(model, seed):
            found.append(model(x).detach())
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])


def test_looks_have_seeds_of_their_own() -> None:
    """Seeds, steps and what is looked at never share a seed."""
    seeds = [seed_of(seed, step, look) for seed in range(5) for step in range(200) for look in range(LOOKS)]
    assert len(set(seeds)) == len(seeds)
