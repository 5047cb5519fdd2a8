"""The contract of every activation: one test suite, run for each name in `ACTIVATIONS`."""

import inspect
import math
import warnings

import pytest
import torch
from torch import Tensor, nn

from sweeper.components.activations import ACTIVATIONS, Activation
from sweeper.components.initializers import INITIALIZERS
from sweeper.theory.activation_facts import derivative, facts_of
from sweeper.theory.scalar import scalar

EVERY = pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
ELEMENTWISE = pytest.mark.parametrize(
    "activation", [a for a in ACTIVATIONS.values() if a.elementwise], ids=lambda activation: activation.name
)


def float64(activation: Activation) -> nn.Module:
    """The module in double precision and eval mode: RReLU has one slope."""
    return activation.make().double().eval()


def elementwise(module: nn.Module) -> bool:
    """Changing one input changes that output alone, and equal inputs have equal outputs."""
    x = torch.linspace(-2.6, 2.9, 12, dtype=torch.float64).reshape(3, 4)
    try:
        y = module(x)
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError):
        return False
    if not isinstance(y, Tensor) or y.shape != x.shape:
        return False
    moved = x.clone()
    moved[1, 2] = 5.0
    others = torch.ones_like(x, dtype=torch.bool)
    others[1, 2] = False
    alone = torch.allclose(module(moved)[others], y[others])
    return alone and torch.allclose(module(x.flip(0, 1)), y.flip(0, 1))


def straight(module: nn.Module) -> bool:
    """The function is a·x + b: Identity, or Dropout in eval mode, is no activation."""
    x = torch.linspace(-30, 30, 601, dtype=torch.float64).reshape(1, -1)
    return bool((module(x).diff(n=2).abs() < 1e-9).all())


def modules_of_torch() -> list[type[nn.Module]]:
    """Every class of torch.nn that a tensor can be put through without further ado, elementwise and bent."""
    found = []
    for name, kind in inspect.getmembers(nn, inspect.isclass):
        if not issubclass(kind, nn.Module) or name.startswith("Lazy"):
            continue
        for arguments in ((), (1,), (0.1, 0.0)):
            try:
                module = kind(*arguments).double().eval()
            except (TypeError, ValueError, RuntimeError, AssertionError):
                continue
            if elementwise(module) and not straight(module):
                found.append(kind)
                break
    return found


def test_every_elementwise_activation_of_torch_is_there() -> None:
    """What torch.nn offers is found by trying all its classes; none may be missing here."""
    with warnings.catch_warnings(action="ignore"):  # losses and dropouts dislike what they are given
        of_torch = set(modules_of_torch())
    assert {nn.ReLU, nn.PReLU, nn.Threshold, nn.RReLU, nn.Softplus} <= of_torch
    ours = {type(activation.make()) for activation in ACTIVATIONS.values() if activation.elementwise}
    assert {kind.__name__ for kind in of_torch - ours} == set()


@EVERY
def test_its_key_is_its_name(activation: Activation) -> None:
    """The name under which a study asks for it is the name that records show."""
    assert ACTIVATIONS[activation.name] is activation


@EVERY
def test_each_call_makes_a_module_of_its_own(activation: Activation) -> None:
    """Two layers, or two trials, share nothing: PReLU learns one slope for each."""
    one, other = activation.make(), activation.make()
    assert one is not other
    one(torch.zeros(1, 1))  # what sizes its parameters by its first input has them now
    other(torch.zeros(1, 1))
    for mine, yours in zip(one.parameters(), other.parameters(), strict=True):
        before = yours.clone()
        with torch.no_grad():
            mine.add_(1)
        assert torch.equal(yours, before)


@EVERY
@pytest.mark.parametrize("shape", [(5, 8), (5, 3, 8), (2, 4, 6, 6), (1, 1)])
def test_the_shape_is_kept(activation: Activation, shape: tuple[int, ...]) -> None:
    """Rows, sequences and images come out with the shape and dtype they went in with."""
    for dtype in (torch.float32, torch.float64):
        output = activation.make().to(dtype)(torch.randn(shape, dtype=dtype))
        assert output.shape == shape
        assert output.dtype is dtype


@EVERY
def test_outputs_and_gradients_are_finite(activation: Activation) -> None:
    """Ordinary and large pre-activations, 0 included, give finite outputs and gradients."""
    x = torch.tensor([[-1e4, -88.0, -3.0, -0.5, 0.0, 0.1, 0.5, 3.0, 6.0, 88.0, 1e4]], requires_grad=True)
    output = activation.make()(x)
    (gradient,) = torch.autograd.grad(output.square().sum(), x)
    assert torch.isfinite(output).all()
    assert torch.isfinite(gradient).all()


@EVERY
def test_the_elementwise_flag_is_true(activation: Activation) -> None:
    """`elementwise` says what happens when one input changes; the others are explained in a note."""
    assert elementwise(float64(activation)) is activation.elementwise
    assert bool(activation.note) is not activation.elementwise


@EVERY
def test_its_initializer_exists(activation: Activation) -> None:
    """What ``init = "auto"`` means for it is an initializer that there is, and not "leave it"."""
    assert activation.init in set(INITIALIZERS) - {"torch"}


@EVERY
def test_its_facts_can_be_computed(activation: Activation) -> None:
    """The catalogue knows it by its name alone."""
    facts = facts_of(activation.name)
    assert facts.name == activation.name
    assert facts.elementwise is activation.elementwise
    assert not math.isnan(facts.outputs.low), "its output is NaN far from 0, in float64"
    assert facts.outputs.low < facts.outputs.high


@ELEMENTWISE
def test_the_derivative_is_that_of_central_differences(activation: Activation) -> None:
    """φ′ by autograd equals (φ(z + h) − φ(z − h)) / 2h wherever φ is smooth."""
    z = torch.linspace(-7, 7, 1409, dtype=torch.float64)
    for place in scalar(activation.name).breaks.all:
        z = z[(z - place).abs() > 1e-3]
    assert len(z) > 1300
    phi, h = scalar(activation.name), 1e-6
    differences = (phi.value(z + h) - phi.value(z - h)) / (2 * h)
    torch.testing.assert_close(phi.slope(z), differences, rtol=1e-7, atol=1e-8)


def test_the_derivative_leaves_everything_as_it_was() -> None:
    """Neither inputs, gradients, mode nor the random generator change; a module in place is no obstacle."""
    z, module = torch.linspace(-1, 1, 9), nn.RReLU()
    before, state = z.clone(), torch.get_rng_state()
    slope = derivative(module, z)
    assert torch.equal(z, before)
    assert not z.requires_grad
    assert module.training
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(slope[0].item(), (1 / 8 + 1 / 3) / 2)
    torch.testing.assert_close(derivative(nn.ReLU(inplace=True), z), (z > 0).float())
    assert torch.equal(z, before)


def test_the_derivative_does_not_ask_for_gradients_of_slopes() -> None:
    """A learned slope collects no gradient from being looked at, also where gradients are off."""
    module = nn.PReLU(init=0.2)
    with torch.no_grad():
        slope = derivative(module, torch.tensor([-1.0, 1.0]))
    torch.testing.assert_close(slope, torch.tensor([0.2, 1.0]))
    assert module.weight.grad is None


@EVERY
def test_it_says_whether_it_learns(activation: Activation) -> None:
    """`learns` is whether a module has parameters; its other names are nobody's."""
    assert activation.learns == bool(list(activation.make().parameters()))
    assert not set(activation.aliases) & set(ACTIVATIONS)
