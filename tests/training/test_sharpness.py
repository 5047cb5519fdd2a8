"""Sharpness and preconditioners, against exact Hessians and hand-written update rules."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.data.sources import quadratic
from sweeper.training.sharpness import lanczos, sharpness

TIGHT = {"iterations": 200, "tolerance": 1e-6}


def problem(activation: Callable[[], nn.Module], seed: int = 0) -> tuple[nn.Module, Tensor, Tensor]:
    """A small float64 network with rows of regression data."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 5), activation(), nn.Linear(5, 4), activation(), nn.Linear(4, 2))
    return model.double(), torch.randn(20, 3, dtype=torch.float64), torch.randn(20, 2, dtype=torch.float64)


def hessian(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The whole Hessian of the mean squared error, (n, n), by torch.func."""
    values = {name: p.detach() for name, p in model.named_parameters()}
    sizes = [p.numel() for p in values.values()]

    def loss(flat: Tensor) -> Tensor:
        parts = zip(values.items(), flat.split(sizes), strict=True)
        state = {name: part.view_as(p) for (name, p), part in parts}
        return nn.functional.mse_loss(torch.func.functional_call(model, state, (x,)), y)

    return torch.func.jacrev(torch.func.grad(loss))(torch.cat([p.reshape(-1) for p in values.values()]))


@pytest.mark.parametrize("activation", [nn.Tanh, nn.Softplus, nn.ReLU])
@pytest.mark.parametrize("seed", [0, 1])
def test_sharpness_is_the_largest_eigenvalue(activation: Callable[[], nn.Module], seed: int) -> None:
    """Equal to the largest eigenvalue of the exact Hessian; at the default tolerance within 1 %."""
    model, x, y = problem(activation, seed)
    exact = torch.linalg.eigvalsh(hessian(model, x, y))[-1].item()
    loss = nn.functional.mse_loss
    assert sharpness(model, loss, x, y, **TIGHT) == pytest.approx(exact, rel=1e-6)
    assert sharpness(model, loss, x, y) == pytest.approx(exact, rel=1e-2)


def test_sharpness_of_the_quadratic_is_known() -> None:
    """λmax of the quadratic data set is 53.12902, whatever the weights."""
    x, y = (torch.tensor(part) for part in quadratic()["train"])
    model = nn.Linear(100, 1, bias=False).double()
    assert sharpness(model, nn.functional.mse_loss, x, y, **TIGHT) == pytest.approx(53.12902, abs=1e-5)


def test_the_largest_is_meant_not_the_one_of_largest_magnitude() -> None:
    """A matrix with eigenvalues −5 … 1: the power iteration would give −5."""
    values = torch.linspace(-5, 1, 40, dtype=torch.float64)
    start = torch.randn(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert lanczos(lambda v: values * v, start, 40, 1e-9) == pytest.approx(1.0, abs=1e-9)


def test_sharpness_is_that_of_the_loss_of_training() -> None:
    """Batch norm takes the statistics of the rows, as training does; dropout is off; buffers stay."""
    torch.manual_seed(0)
    layers = [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2)]
    model = nn.Sequential(*layers).double()
    x, y = torch.randn(20, 3, dtype=torch.float64), torch.randn(20, 2, dtype=torch.float64)
    plain = nn.Sequential(layers[0], nn.BatchNorm1d(4, track_running_stats=False).double(), *layers[2::2])
    exact = torch.linalg.eigvalsh(hessian(plain, x, y))[-1].item()
    for mode in (True, False):
        model.train(mode)
        assert sharpness(model, nn.functional.mse_loss, x, y, **TIGHT) == pytest.approx(exact, rel=1e-6)
        assert [module.training for module in model.modules()] == [mode] * 6
    assert not model[1].running_mean.any()


def test_sharpness_leaves_the_model_alone() -> None:
    """Mode, gradients, weights and the random generator are as before; the seed alone decides."""
    model, x, y = problem(nn.Tanh)
    model.insert(1, nn.Dropout(0.5))
    before = [p.detach().clone() for p in model.parameters()]
    state = torch.get_rng_state()
    loss = nn.functional.mse_loss
    first, again = (sharpness(model, loss, x, y, iterations=3, seed=7) for _ in range(2))
    assert first == again
    assert first != sharpness(model, loss, x, y, iterations=3, seed=8)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_sharpness_where_there_is_none() -> None:
    """NaN where the loss is not finite, 0 where it is linear or constant in the parameters."""
    x, y = torch.ones(4, 2), torch.ones(4, 1)
    model = nn.Linear(2, 1)
    assert sharpness(model, lambda output, target: output.mean(), x, y) == 0.0
    assert math.isnan(sharpness(model, nn.functional.mse_loss, x * math.inf, y))


def trained(name: str, steps: int, **options: object) -> tuple[nn.Module, torch.optim.Optimizer, list]:
    """A network after `steps` of an optimizer, and the gradients that it saw."""
    model, x, y = problem(nn.Tanh)
    optimizer = OPTIMIZERS[name].make(model.parameters(), lr=1e-3, **options)
    seen = []
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        seen.append([p.grad.clone() for p in model.parameters()])
        optimizer.step()
    return model, optimizer, seen


@pytest.mark.parametrize("name", [name for name, entry in OPTIMIZERS.items() if entry.divisor])
def test_preconditioned_sharpness_is_that_of_the_scaled_hessian(name: str) -> None:
    """λmax of the exact P^-½HP^-½ with the state that torch.optim keeps."""
    model, optimizer, _ = trained(name, 7)
    _, x, y = problem(nn.Tanh)
    divisor = OPTIMIZERS[name].preconditioner(optimizer)
    assert divisor is not None
    scale = torch.cat([p.reshape(-1) for p in divisor]) ** -0.5
    exact = torch.linalg.eigvalsh(scale[:, None] * hessian(model, x, y) * scale)[-1].item()
    found = sharpness(model, nn.functional.mse_loss, x, y, preconditioner=divisor, **TIGHT)
    assert found == pytest.approx(exact, rel=1e-5)
