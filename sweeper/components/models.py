"""Built-in models. A model function takes what it asks for by name and returns an ``nn.Module``:

`in_features` (width of the last input axis; channels for images), `in_shape` (shape of one row),
`out_features`, `activation` (a factory of modules), `init` (a function that initialises a module),
and any key of the study's [model] section. Functions depend on torch alone, so that the stand-alone
script of a run can carry their source.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Factory = Callable[[], nn.Module]
Init = Callable[[nn.Module], None]


def linear(in_features: int, out_features: int, init: Init, bias: bool = True) -> nn.Module:
    """One linear layer on flat inputs: linear or logistic regression."""
    model = nn.Linear(in_features, out_features, bias=bias)
    init(model)
    return model


def output_layers(name: str) -> list[nn.Module]:
    """What follows the last linear layer: nothing, or what keeps outputs positive or within bounds."""
    layers: dict[str, list[nn.Module]] = {
        "linear": [],
        "softplus": [nn.Softplus()],
        "sigmoid": [nn.Sigmoid()],
        "tanh": [nn.Tanh()],
    }
    if name not in layers:
        raise ValueError(f"model.output = {name!r}; allowed: {', '.join(layers)}")
    return layers[name]


def mlp(
    in_shape: Sequence[int],
    out_features: int,
    activation: Factory,
    init: Init,
    depth: int = 3,
    width: int = 64,
    dropout: float = 0.0,
    norm: str = "none",
    output: str = "linear",
) -> nn.Module:
    """`depth` hidden layers of `width` units: linear, norm (none | batch | layer), activation, dropout.

    `output` is linear | softplus | sigmoid | tanh, after the last linear layer.
    """
    norms = {"none": nn.Identity, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
    if norm not in norms:
        raise ValueError(f"model.norm = {norm!r}; allowed: none, batch, layer")
    if not 0 <= depth <= 10_000 or width < 1:
        raise ValueError(f"model.depth = {depth}, model.width = {width}; depth is 0 … 10000, width 1 or more")
    layers: list[nn.Module] = [nn.Flatten()] if len(in_shape) > 1 else []
    features = math.prod(in_shape)
    for _ in range(depth):
        layers.append(nn.Linear(features, width))
        if norm != "none":
            layers.append(norms[norm](width))
        layers.append(activation())
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
        features = width
    layers += [nn.Linear(features, out_features), *output_layers(output)]
    model = nn.Sequential(*layers)
    init(model)
    return model


def cnn(
    in_shape: Sequence[int],
    out_features: int,
    activation: Factory,
    init: Init,
    channels: Sequence[int] = (16, 32),
    image: Sequence[int] | None = None,
    dropout: float = 0.0,
    output: str = "linear",
) -> nn.Module:
    """3×3 convolutions with an activation each, halved by max pooling, then a linear layer.

    Flat rows are seen as one square channel, or as `image` = (channels, height, width). `output` as in `mlp`.
    """
    side = math.isqrt(math.prod(in_shape))
    plain = {2: (1, *in_shape), 3: tuple(in_shape)}.get(len(in_shape), (1, side, side))
    shape = tuple(image or plain)
    if math.prod(shape) != math.prod(in_shape) or (len(in_shape) == 3 and shape != plain):
        raise ValueError(
            f"rows of shape {tuple(in_shape)} are no image of shape {shape}; set model.image = [channels, "
            "height, width]"
        )
    if any(wide < 1 for wide in channels):
        raise ValueError(f"model.channels = {list(channels)}; every number must be at least 1")
    layers: list[nn.Module] = [] if len(in_shape) == 3 else [nn.Unflatten(1, shape)]
    layers = [nn.Flatten(), *layers] if len(in_shape) == 2 else layers
    features, height, width = shape
    for wide in channels:
        layers += [nn.Conv2d(features, wide, 3, padding=1), activation()]
        features = wide
        if min(height, width) > 1:
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
    if dropout > 0:
        layers.append(nn.Dropout(dropout))
    layers += [nn.Flatten(), nn.Linear(features * height * width, out_features), *output_layers(output)]
    model = nn.Sequential(*layers)
    init(model)
    return model


class Recurrent(nn.Module):
    """A GRU over the rows of a sequence, an activation on every time step, a linear layer on the last."""

    def __init__(self, shape: Sequence[int], width: int, out_features: int, activation: nn.Module) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.gru = nn.GRU(self.shape[1], width, batch_first=True)
        self.activation = activation
        self.output = nn.Linear(width, out_features)

    def forward(self, x: Tensor) -> Tensor:
        """(n, time, features) or (n, time·features) -> (n, out_features)"""
        states, _ = self.gru(x.reshape(len(x), *self.shape))
        return self.output(self.activation(states)[:, -1])


def rnn(
    in_shape: Sequence[int],
    out_features: int,
    activation: Factory,
    init: Init,
    width: int = 32,
    time_steps: int | None = None,
) -> nn.Module:
    """A GRU of `width` units. Flat rows are cut into `time_steps` pieces; by default they make a square."""
    if width < 1 or (time_steps is not None and time_steps < 1):
        raise ValueError(f"model.width = {width}, model.time_steps = {time_steps}; both must be at least 1")
    shape = tuple(in_shape)
    if len(shape) == 2 and time_steps not in (None, shape[0]):
        raise ValueError(
            f"model.time_steps = {time_steps}, but rows have {shape[0]} time steps; leave it out"
        )
    if len(shape) != 2:
        size = math.prod(shape)
        times = time_steps or math.isqrt(size)
        if size % times or (time_steps is None and times * times != size):
            raise ValueError(
                f"rows of {size} features cannot be cut into {times} equal steps; set model.time_steps"
            )
        shape = (times, size // times)
    model = Recurrent(shape, width, out_features, activation())
    init(model)
    return model


class Residual(nn.Module):
    """x + W₂·φ(W₁·norm(x)): one block of a residual net (He et al. 2016, arXiv 1603.05027, pre-norm)."""

    def __init__(self, width: int, activation: nn.Module, norm: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.inner = nn.Linear(width, width)
        self.activation = activation
        self.outer = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width) -> (n, width)"""
        return x + self.outer(self.activation(self.inner(self.norm(x))))


def residual_mlp(
    in_shape: Sequence[int],
    out_features: int,
    activation: Factory,
    init: Init,
    depth: int = 6,
    width: int = 64,
    norm: bool = True,
    output: str = "linear",
) -> nn.Module:
    """A linear layer, `depth` residual blocks of `width` units with one activation each, a linear layer.

    `output` as in `mlp`.
    """
    if not 0 <= depth <= 10_000 or width < 1:
        raise ValueError(f"model.depth = {depth}, model.width = {width}; depth is 0 … 10000, width 1 or more")
    first: list[nn.Module] = [nn.Flatten()] if len(in_shape) > 1 else []
    blocks = [Residual(width, activation(), norm) for _ in range(depth)]
    last = [nn.Linear(width, out_features), *output_layers(output)]
    model = nn.Sequential(*first, nn.Linear(math.prod(in_shape), width), *blocks, *last)
    init(model)
    with torch.no_grad():  # every block starts small, so that depth does not multiply the variance
        for block in blocks:
            block.outer.weight.mul_(depth**-0.5)
    return model


class Embedded(nn.Module):
    """`model` behind learnt vectors, one for each code of a category; codes are the last columns of a row.

    The vector of a category of k codes has min(50, (k + 1) // 2) numbers; that of code 0, which stands for
    values that no training row has, is 0.
    """

    def __init__(self, features: int, code_sizes: Sequence[int], make: Callable[[int], nn.Module]) -> None:
        """`make` gets the width of a row with its vectors."""
        super().__init__()
        widths = [min(50, (size + 1) // 2) for size in code_sizes]
        pairs = zip(code_sizes, widths, strict=True)
        self.vectors = nn.ModuleList(nn.Embedding(size, width, padding_idx=0) for size, width in pairs)
        self.numbers = features - len(code_sizes)
        self.model = make(self.numbers + sum(widths))

    def forward(self, x: Tensor) -> Tensor:
        """(n, features) -> (n, …)"""
        codes = x[:, self.numbers :].long()
        vectors = [vector(codes[:, k]) for k, vector in enumerate(self.vectors)]
        return self.model(torch.cat([x[:, : self.numbers], *vectors], dim=1))


EMBEDDED = ("linear", "mlp", "residual_mlp")
"""Models that take codes of categories, as `Embedded`: those for which a row is no image and no sequence."""

LIMITS: dict[str, tuple[float, float]] = {
    "depth": (0, 10_000),
    "width": (1, math.inf),
    "channels": (1, math.inf),
    "image": (1, math.inf),
    "time_steps": (1, math.inf),
    "dropout": (0, 1),
}
"""Arguments that are numbers, or lists of them: lowest and highest."""
WORDS: dict[str, tuple[str, ...]] = {
    "norm": ("none", "batch", "layer"),
    "output": ("linear", "softplus", "sigmoid", "tanh"),
}
"""Arguments that are words."""

MODELS: dict[str, Callable[..., nn.Module]] = {
    "linear": linear,
    "mlp": mlp,
    "cnn": cnn,
    "rnn": rnn,
    "residual_mlp": residual_mlp,
}

RESIDUAL = {"mlp": "residual_mlp"}
"""A model of plain layers -> the one with residual blocks in their place."""
