"""Forward hooks that keep what activation layers put out, and one look at every layer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sweeper.components.activation_facts import derivative
from sweeper.measures import MEASURES, Layer

Loss = Callable[[Tensor, Tensor], Tensor]


@contextmanager
def outputs_of(modules: Sequence[nn.Module]) -> Iterator[list[tuple[nn.Module, Tensor, Tensor]]]:
    """While open, a list of (module, input, output) in the order of the calls; clear it between forwards."""
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append((module, inputs[0], output))

    with _noting(modules, note):
        yield calls


@contextmanager
def _differentiable_outputs_of(
    modules: Sequence[nn.Module],
) -> Iterator[list[tuple[nn.Module, Tensor, Tensor]]]:
    """`outputs_of`, of which every output has a gradient, also where nothing trained comes before it."""
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if not output.requires_grad:
            output = output.detach().requires_grad_().clone()  # a leaf must not be written into
        calls.append((module, inputs[0], output))
        return output

    with _noting(modules, note):
        yield calls


@contextmanager
def _noting(modules: Sequence[nn.Module], note: Callable[..., Tensor | None]) -> Iterator[None]:
    hooks = [m.register_forward_hook(note) for m in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def weight_layers(model: nn.Module) -> list[list[nn.Parameter]]:
    """The weight matrices of each layer, input side first; biases, norms and slopes left out."""
    own = [[p for p in module.parameters(recurse=False) if p.ndim >= 2] for module in model.modules()]
    return [weights for weights in own if weights]


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors as one vector, detached and copied."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def look(
    model: nn.Module,
    hidden: Sequence[nn.Module],
    loss: Loss,
    x: Tensor,
    y: Tensor,
    before: Sequence[Tensor] | None,
) -> list[Layer]:
    """Every layer of `model` on the evaluation batch (x, y), dropout off, parameters and buffers untouched.

    `before` holds the flat weights of each layer before the last update, or ``None`` before the first.
    """
    weights = weight_layers(model)
    frozen = [p for layer in weights for p in layer if not p.requires_grad]
    training = model.training
    model.eval()
    for parameter in frozen:  # nothing updates them, yet there is a gradient to look at
        parameter.requires_grad_(True)
    # cuDNN's recurrent layers refuse backward in eval mode; the plain kernels do not.
    recorded = _differentiable_outputs_of(hidden)
    with recorded as calls, torch.backends.cudnn.flags(enabled=False), torch.enable_grad():
        value = loss(model(x), y)
    wanted = [output for _, _, output in calls] + [p for layer in weights for p in layer]
    gradients = iter(torch.autograd.grad(value, wanted, allow_unused=True, materialize_grads=True))
    for parameter in frozen:
        parameter.requires_grad_(False)
    model.train(training)
    activations = [_activation_part(module, z, a, next(gradients)) for module, z, a in calls]
    layers = []
    for index in range(max(len(activations), len(weights))):
        part: Mapping[str, Tensor] = activations[index] if index < len(activations) else {}
        if index < len(weights):
            part = {**part, "weight": flat(weights[index])}
            part["weight_gradient"] = flat([next(gradients) for _ in weights[index]])
            if before is not None:
                part["weight_before"] = before[index]
        layers.append(Layer(**part))
    return layers


def _activation_part(module: nn.Module, z: Tensor, a: Tensor, gradient: Tensor) -> dict[str, Tensor]:
    grid = torch.linspace(-20, 20, 4001, dtype=z.dtype, device=z.device)
    if isinstance(module, nn.PReLU):
        grid = grid[:, None].expand(-1, module.num_parameters)  # one slope a channel, or one for all
    part = {"activation": a.detach(), "activation_gradient": gradient.detach()}
    if not isinstance(module, nn.Softmax):  # φ′ exists for elementwise functions alone
        part["derivative"] = derivative(module, z)
        part["steepest"] = derivative(module, grid).abs().max()
    return part


def measured(layers: Sequence[Layer], step: int) -> list[tuple[int, int, str, float]]:
    """Rows (step, layer, measure, value) of every measure that exists and is finite."""
    rows = []
    for index, layer in enumerate(layers):
        for name, measure in MEASURES.items():
            value = measure(layer)
            if value is not None and torch.isfinite(value):
                rows.append((step, index, name, value.item()))
    return rows
