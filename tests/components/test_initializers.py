"""Initial weights: variances by fan-in and fan-out, against ``torch.nn.init`` and closed forms."""

import pytest
import torch
from torch import nn

from sweeper.components.initializers import INITIALIZERS

VARIANCE = {
    "torch": lambda fan_in, fan_out: 1 / (3 * fan_in),
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "xavier": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
    "orthogonal": lambda fan_in, fan_out: 1 / max(fan_in, fan_out),
}
TORCH = {
    "he": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "xavier": nn.init.xavier_normal_,
    "lecun": lambda w: nn.init.kaiming_normal_(w, nonlinearity="linear"),
    "orthogonal": nn.init.orthogonal_,
}


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize(
    ("layer", "fan_in", "fan_out"),
    [
        (lambda: nn.Linear(400, 200), 400, 200),
        (lambda: nn.Conv2d(20, 60, 3), 20 * 9, 60 * 9),
        (lambda: nn.Conv1d(40, 60, 5), 200, 300),
    ],
)
def test_variances(name: str, layer: object, fan_in: int, fan_out: int) -> None:
    """Mean 0 and the variance that the formula says; fan-in of a convolution counts its kernel."""
    torch.manual_seed(0)
    made = layer()
    INITIALIZERS[name](made)
    if name == "orthogonal" and made.weight.ndim > 2:
        fan_out = made.weight.shape[0]  # the matrix is (channels out, everything else)
    weight = made.weight.detach().double()
    assert weight.mean().item() == pytest.approx(0, abs=5 * (weight.var() / weight.numel()).sqrt().item())
    assert weight.var().item() == pytest.approx(VARIANCE[name](fan_in, fan_out), rel=0.05)


@pytest.mark.parametrize("name", TORCH)
def test_draws_are_torch_s(name: str) -> None:
    """Layer by layer the same numbers as ``torch.nn.init`` from the same seed; biases become 0."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Conv2d(2, 3, 3), nn.Linear(4, 2, bias=False))
    torch.manual_seed(1)
    INITIALIZERS[name](model)
    torch.manual_seed(1)
    for layer in (model[0], model[2], model[3]):
        assert torch.equal(layer.weight, TORCH[name](torch.empty_like(layer.weight)))
        assert layer.bias is None or not layer.bias.any()


def test_torch_s_own_weights_stay() -> None:
    """`torch` draws nothing: a script without it has the same weights and the same next random number."""
    torch.manual_seed(2)
    model = nn.Linear(3, 4)
    before, state = model.weight.clone(), torch.get_rng_state()
    INITIALIZERS["torch"](model)
    assert torch.equal(model.weight, before)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_contract(name: str) -> None:
    """Norms, recurrent layers and slopes keep what torch gave them; orthogonal rows are orthonormal."""
    model = nn.Sequential(nn.LayerNorm(4), nn.GRU(4, 4), nn.PReLU(), nn.Embedding(3, 2))
    before = [p.clone() for p in model.parameters()]
    INITIALIZERS[name](model)
    assert all(map(torch.equal, before, model.parameters()))


def test_orthogonal_matrices() -> None:
    """W·Wᵀ = 1 for the short side."""
    layer = nn.Linear(8, 5)
    INITIALIZERS["orthogonal"](layer)
    assert torch.allclose(layer.weight @ layer.weight.T, torch.eye(5), atol=1e-5)
