"""Activation layers that the one row does not reach on which hidden ones are found: swapped, or refused."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sweeper.components.build import Built, build
from sweeper.errors import ModelError

X = torch.randn(64, 6, generator=torch.Generator().manual_seed(3))


def swapped(model: Callable[[], nn.Module], row: Tensor = X[:1], activation: str = "tanh") -> Built:
    """The model with another activation."""
    return build(model, row=row, out_features=3, activation=activation, init=None, options={})


class Experts(nn.Module):
    """Each row goes to one of four experts."""

    def __init__(self, act: Callable[[], nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.gate = nn.Linear(6, 4)
        self.experts = nn.ModuleList(
            [nn.Sequential(nn.Linear(6, 8), act(), nn.Linear(8, 8)) for _ in range(4)]
        )
        self.out = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 6) -> (n, 3)"""
        weight, chosen = self.gate(x).softmax(1).max(1)
        y = x.new_zeros(len(x), 8)
        for k, expert in enumerate(self.experts):
            rows = (chosen == k).nonzero().flatten()
            if len(rows):
                y = y.index_copy(0, rows, weight[rows, None] * expert(x[rows]))
        return self.out(y)


@pytest.mark.parametrize("own", [nn.ReLU, nn.Tanh, nn.Softsign, lambda: nn.ReLU(inplace=True)])
@pytest.mark.parametrize("seed", range(4))
def test_experts_that_the_row_does_not_choose_are_swapped_too(
    seed: int, own: Callable[[], nn.Module]
) -> None:
    """On every seed as by hand; which expert a row goes to depends on the initial weights."""
    torch.manual_seed(seed)
    built = swapped(lambda: Experts(own), activation="gelu")
    torch.manual_seed(seed)
    by_hand = Experts(nn.GELU)
    assert torch.equal(built.model(X), by_hand(X))
    assert built.swapped is not None
    assert (len(built.hidden), built.swapped.kept) == (4, ())


class Headed(nn.Module):
    """A second head that training alone uses."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.body, self.act, self.out = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)
        self.aux = nn.Sequential(nn.Linear(8, 8), act, nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(n, 6) -> (n, 3)"""
        h = self.act(self.body(x))
        return self.out(h) + self.aux(h) if self.training else self.out(h)


def test_a_head_of_training_alone_is_swapped_where_it_cannot_be_a_gate() -> None:
    """ReLU is nothing but hidden there."""
    built = swapped(lambda: Headed(nn.ReLU()))
    assert type(built.model.get_submodule("aux.1")) is nn.Tanh


def test_one_that_may_be_a_gate_is_told_of_where_training_calls_it() -> None:
    """What it is for was not seen, so it stays by the user's wish alone."""
    with pytest.raises(ModelError, match=r"aux\.1 is called now .* name it in model\.swap or in model\.keep"):
        swapped(lambda: Headed(nn.Sigmoid()))
    given = {"out_features": 3, "activation": "tanh", "init": None, "options": {}, "left": ("aux.1",)}
    kept = build(lambda: Headed(nn.Sigmoid()), row=X[:1], **given)
    assert type(kept.model.get_submodule("aux.1")) is nn.Sigmoid
    assert kept.model.train()(X).shape == (64, 3)


class Spare(nn.Module):
    """A layer that no forward pass calls."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.spare = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(n, 6) -> (n, 3)"""
        return self.body(x)


def test_one_that_nobody_calls_stays() -> None:
    """A sigmoid for predictions; it is told of as soon as somebody calls it."""
    built = swapped(Spare)
    assert built.swapped is not None
    assert (built.swapped.swapped, built.swapped.kept) == (("body.1",), ("spare",))
    with pytest.raises(ModelError, match="spare is called now"):
        built.model.spare(X)  # type: ignore[operator]


class Gated(nn.Module):
    """A gate on the inputs themselves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate, self.body, self.out = nn.Linear(width, width), nn.Linear(width, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width) -> (n, 3)"""
        return self.out(F.relu(self.body(torch.sigmoid(self.gate(x)) * x)))


@pytest.mark.parametrize("row", [[0.3, -1.2, 0.5], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.7]])
def test_a_gate_on_the_inputs_is_one_whatever_numbers_the_first_row_has(row: list[float]) -> None:
    """Zeros and ones are features as well as other numbers, where there is no other input."""
    built = swapped(lambda: Gated(len(row)), torch.tensor([row]))
    assert built.swapped is not None
    assert [name.rpartition(" ")[2] for name in built.swapped.swapped] == ["relu"]
    assert [name.rpartition(" ")[2] for name in built.swapped.kept] == ["sigmoid"]


class Dropped(nn.Module):
    """Blocks that training leaves out at random."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.out = nn.Linear(6, 8), nn.Linear(8, 3)
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        """(n, 6) -> (n, 3)"""
        h = self.a(x)
        for block in self.blocks:
            if not self.training or torch.rand(()) >= 0.3:
                h = h + block(h)
        return self.out(h)


def test_blocks_that_are_left_out_at_random_are_applied_in_training() -> None:
    """One pass may leave out any: several tell, and the random numbers that come next stay the same."""
    for seed in range(12):
        torch.manual_seed(seed)
        built = swapped(Dropped)
        drawn = torch.rand(())
        torch.manual_seed(seed)
        Dropped()
        assert len(built.hidden) == 3
        assert torch.equal(drawn, torch.rand(()))
