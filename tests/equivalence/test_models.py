"""Models of every kind train in a stack as they train alone: built-in ones, and what people write."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from equivalence import MIXED as ALL
from equivalence import SPACE, assert_engines_agree, refilling, trials_of
from equivalence import task_of as longer_task_of
from torch import Tensor, nn
from torch.nn import functional as F

from sweeper.training.preflight import check_configurations, configurations
from sweeper.training.setup import Task


def task_of(**given: Any) -> Task:
    """Two epochs, which train all that a model has."""
    return longer_task_of(**{"steps": 14, "evaluations": 3, **given})


MIXED = [ALL[1], ALL[3], ALL[4]]
"""Different in all that a model may meet: activations, one of which learns, penalties, rules, schedules."""

BUILT_IN = {
    "linear": {"source": "linear"},
    "mlp with batch norm": {"source": "mlp", "depth": 2, "width": 8, "norm": "batch"},
    "mlp with layer norm": {"source": "mlp", "depth": 2, "width": 8, "norm": "layer"},
    "mlp with dropout": {"source": "mlp", "depth": 2, "width": 8, "dropout": 0.3},
    "residual": {"source": "residual_mlp", "depth": 2, "width": 8},
    "deep": {"source": "mlp", "depth": 8, "width": 6},
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_models(name: str) -> None:
    """Norms with buffers, dropout masks, residual blocks: curves, layers and parameters equal to 1e-9."""
    parameters = (
        MIXED if name != "linear" else [{k: v for k, v in p.items() if "act" not in k} for p in MIXED]
    )
    space = SPACE if name != "linear" else {"optimizer": SPACE["optimizer"]}
    task = task_of(model=BUILT_IN[name], space=space)
    assert_engines_agree(task, refilling(parameters), slots=3, most_chaotic=1)


def test_convolutions() -> None:
    """A network of convolutions, pooling and dropout on images."""
    task = task_of(
        data="digits",
        model={"source": "cnn", "channels": [3, 4], "dropout": 0.2},
        space=SPACE,
        steps=12,
        evaluations=3,
        batch_size=8,
    )
    assert_engines_agree(task, refilling(MIXED), slots=3, most_chaotic=1)


class Asks(nn.Module):
    """Uses one activation module twice, a norm, a product of two paths, and a function at the end."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(in_features, 8), nn.Linear(8, 8)
        self.norm, self.act, self.out = nn.BatchNorm1d(8), activation(), nn.Linear(8, out_features)
        self.scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.act(self.first(x)))
        h = self.act(self.second(h)) * torch.sigmoid(h)
        return F.softplus(self.out(h * self.scale))


def asks(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """A module that uses the activation it is given."""
    return Asks(in_features, out_features, activation)


def swapped(in_features: int, out_features: int) -> nn.Module:
    """Activations of its own, of which the hidden ones are swapped; one works in place."""
    return nn.Sequential(
        nn.Linear(in_features, 8),
        nn.ReLU(inplace=True),
        nn.Linear(8, 8),
        nn.Tanh(),
        nn.Linear(8, out_features),
        nn.Hardtanh(),
    )


class First(nn.Module):
    """The activation sees the rows before any weights do."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.act, self.more = nn.SiLU(), nn.Sequential(nn.Linear(in_features, 8), nn.SiLU())
        self.base, self.out = nn.Linear(in_features, 8), nn.Linear(8, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.base(0.5 * self.act(x)) + self.more(x))


def first(in_features: int, out_features: int) -> nn.Module:
    """As in Kolmogorov-Arnold and pre-activation networks."""
    return First(in_features, out_features)


def keeps(in_features: int, out_features: int) -> nn.Module:
    """Activations of its own, a different one in each layer."""
    return nn.Sequential(
        nn.Linear(in_features, 8), nn.PReLU(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, out_features)
    )


def channels(in_features: int, out_features: int) -> nn.Module:
    """PReLU with a slope for each channel, of units and of images."""
    return nn.Sequential(
        nn.Linear(in_features, 8),
        nn.PReLU(8),
        nn.Unflatten(1, (2, 2, 2)),
        nn.Conv2d(2, 3, 1),
        nn.PReLU(3, init=1.5),
        nn.Flatten(),
        nn.Linear(12, out_features),
    )


class Odd(nn.Module):
    """Frozen, unused and tied parameters, a buffer that changes, activations in a list, noise of its own."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first = nn.Linear(in_features, 8, bias=False)
        self.tied = nn.Linear(8, 8)
        self.again = nn.Linear(8, 8)
        self.again.weight = self.tied.weight
        self.frozen = nn.Linear(8, 8).requires_grad_(False)
        self.unused = nn.Linear(3, 3)
        self.out = nn.Linear(8, out_features)
        self.register_buffer("seen", torch.zeros(8))
        self.acts = [activation(), activation()]
        self.first_act = self.acts[0]

    def forward(self, x: Tensor) -> Tensor:
        h = self.acts[0](self.first(x))
        h = self.acts[1](self.again(h) + self.tied(h) + self.frozen(h))
        if self.training:
            self.seen.mul_(0.9).add_(0.1 * h.detach().mean(0))
            h = h + 0.1 * torch.randn_like(h)
        return self.out(F.dropout(h, 0.2, self.training) + self.seen)


def odd(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """Everything at once."""
    return Odd(in_features, out_features, activation)


def test_a_model_that_asks_for_its_activation() -> None:
    """A module of one's own with a shared activation layer and batch norm."""
    assert_engines_agree(task_of(model=asks, space=SPACE), refilling(MIXED), slots=3, most_chaotic=1)


def test_a_model_whose_activations_are_swapped() -> None:
    """Hidden activations are swapped, also one that works in place; the output's stays."""
    assert_engines_agree(task_of(model=swapped, space=SPACE), refilling(MIXED), slots=3, most_chaotic=1)


def test_a_model_whose_activation_sees_the_rows_first() -> None:
    """No gradient is asked for before the activation, yet its layer has one to look at."""
    task = task_of(model=first, space=SPACE)
    assert check_configurations(task) == [""] * len(list(configurations(task.study.space)))
    assert_engines_agree(task, refilling(MIXED), slots=3, most_chaotic=1)


def test_a_model_that_keeps_its_activations() -> None:
    """Without a searched activation each layer keeps its own, with slopes that learn and penalties on top."""
    parameters = [{k: v for k, v in p.items() if k != "activation"} for p in MIXED]
    space = {k: v for k, v in SPACE.items() if k != "activation"}
    for model in (keeps, channels):
        task, single = task_of(model=model, space=space), model is keeps  # slopes of channels have no code
        assert_engines_agree(task, refilling(parameters), slots=3, translated=single)


def test_a_model_with_odd_habits() -> None:
    """Frozen, unused and tied weights, changing buffers and noise of its own: all as when it trains alone."""
    assert_engines_agree(task_of(model=odd, space=SPACE), refilling(MIXED), slots=3, most_chaotic=1)


CHANGES: dict[str, Callable[[Tensor, Tensor], object]] = {
    "running mean": lambda seen, mean: seen.mul_(0.9).add_(mean, alpha=0.1),
    "floor": lambda seen, mean: seen.mul_(0.8).copy_(seen.clamp(min=0.5)),
    "twice": lambda seen, mean: (seen.add_(mean), seen.mul_(0.5), seen.sub_(mean.abs()).div_(2)),
    "anew": lambda seen, mean: seen.copy_(mean).add_(1).mul_(0.5),
    "a view": lambda seen, mean: seen.view(2, 4).mul_(0.9).add_(mean.view(2, 4)),
    "a part": lambda seen, mean: (seen[:3].add_(mean[:3]), seen[2:].mul_(0.9)),
    "read between": lambda seen, mean: seen.mul_(0.9).add_(seen.sum() * mean).sub_(0.01),
    "detached": lambda seen, mean: seen.detach().mul_(0.9).detach().add_(mean),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_buffer_changed_several_times_a_step(change: str) -> None:
    """Every change counts, in its order, in each call of a module that is called twice."""

    class Remembers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", torch.ones(8))

        def forward(self, h: Tensor) -> Tensor:
            if self.training:
                with torch.no_grad():
                    CHANGES[change](self.get_buffer("seen"), h.mean(0))
            return h + self.get_buffer("seen").clone()

    def remembers(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
        again = Remembers()
        layers = [nn.Linear(in_features, 8), activation(), again, again, nn.Linear(8, out_features)]
        return nn.Sequential(*layers)

    assert_engines_agree(task_of(model=remembers, space=SPACE), trials_of(MIXED[:2]), slots=2)


class Encodes(nn.Module):
    """A transformer's encoder: attention with dropout, whose arrays lie in memory in another order."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first, self.act = nn.Linear(in_features, 8), activation()
        self.encoder = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.2, batch_first=True)
        self.noisy, self.out = nn.Linear(8, 8), nn.Linear(8, out_features)

    def forward(self, x: Tensor) -> Tensor:
        h = self.encoder(self.act(self.first(x)).view(-1, 2, 4)).flatten(1)
        if self.training:
            torch.rand(3)  # drawn in vain: what is drawn after it depends on it all the same
            swapped = h.view(-1, 2, 4).transpose(0, 1)
            h = h + 0.1 * torch.randn_like(swapped).transpose(0, 1).flatten(1)
        return self.out(self.noisy(h))


def encodes(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """A module that draws in many ways."""
    return Encodes(in_features, out_features, activation)


def attends(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """Attention without dropout."""
    model = Encodes(in_features, out_features, activation)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    model.encoder.self_attn.dropout = 0.0
    return model


class Direct(Encodes):
    """Calls the function itself, heads and causal mask as language models do."""

    def forward(self, x: Tensor) -> Tensor:
        q = self.act(self.first(x)).view(-1, 1, 4, 2)
        h = F.scaled_dot_product_attention(q, 0.5 * q, q, is_causal=True)
        return self.out(self.noisy(h.flatten(1)))


def asks_directly(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """Attention as a function."""
    return Direct(in_features, out_features, activation)


def copied(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """Blocks that torch copies, with the activation inside."""
    block = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True, activation=activation())
    encoder = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
    first = nn.Sequential(nn.Linear(in_features, 8), nn.Unflatten(1, (2, 4)))
    return nn.Sequential(first, encoder, nn.Flatten(), nn.Linear(8, out_features))


def shared(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """One activation module, and one layer, in several places."""
    act, layer = activation(), nn.Linear(8, 8)
    inner = nn.Sequential(layer, act)
    return nn.Sequential(nn.Linear(in_features, 8), act, layer, act, inner, nn.Linear(8, out_features))


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("model", [encodes, attends, asks_directly, copied])
def test_attention(model: Callable[..., nn.Module]) -> None:
    """Random numbers are drawn in the order in which the memory lies where a trial trains alone."""
    task, learned = task_of(model=model, space=SPACE), model is not copied  # slopes of blocks have no code
    assert_engines_agree(task, refilling(MIXED), slots=3, most_chaotic=1, translated=learned)


def test_a_model_that_uses_its_modules_in_several_places() -> None:
    """Slopes and weights that are shared by sharing the module."""
    assert_engines_agree(task_of(model=shared, space=SPACE), refilling(MIXED), slots=3, most_chaotic=1)


class Turned(nn.Module):
    """Views that change a tensor in place, of one that is read before and after."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first, self.act, self.out = nn.Linear(in_features, 8), activation(), nn.Linear(8, out_features)

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.first(x))
        outer = h[:, :, None] * torch.sigmoid(h)[:, None, :]
        before = outer.sum(2)
        outer.transpose_(1, 2).unsqueeze_(1)
        outer = outer.mul_(0.5).squeeze_(1).swapaxes_(1, 2)
        return self.out(before + outer.tanh()[:, 0] + torch.stack([h, h]).unsqueeze_(0).mean((0, 1)))


def turned(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """Its views change in place."""
    return Turned(in_features, out_features, activation)


def test_views_in_place() -> None:
    """A recording keeps a tensor as it was read, whatever view it becomes later."""
    assert_engines_agree(task_of(model=turned, space=SPACE), refilling(MIXED), slots=3, most_chaotic=1)


class Taught(nn.Module):
    """A frozen copy of its first part, which runs without gradients, and whose outputs it follows."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.pupil = nn.Sequential(nn.Linear(in_features, 8), activation(), nn.Linear(8, out_features))
        self.teacher = copy.deepcopy(self.pupil).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            aim = self.teacher(x)
        return self.pupil(x) - 0.1 * aim


def test_a_teacher_that_runs_without_gradients() -> None:
    """Its layers are measured too, and have gradients of 0, in both engines; a penalty cannot be."""
    plain = [{k: v for k, v in each.items() if "penalty" not in k} for each in MIXED]
    assert_engines_agree(task_of(model=Taught, space=SPACE), refilling(plain), slots=3, most_chaotic=1)
