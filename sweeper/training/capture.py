"""Forward hooks that keep what activation layers put out, and one measurement of every layer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sweeper.components.build import Built
from sweeper.components.layers import ModelLayer
from sweeper.components.operations import is_batched, unwrapped
from sweeper.components.tree import Tree, applied, rows_in
from sweeper.errors import ModelError
from sweeper.measures import MEASURES, Layer
from sweeper.private_torch import buffers_of
from sweeper.theory.scalar import derivative, slope_grid
from sweeper.user_code.calls import message_of, user_code

Loss = Callable[[Tensor, Tensor], Tensor]


class ActivationCall(NamedTuple):
    """One call of an activation layer."""

    module: nn.Module
    input: Tensor
    output: Tensor
    differentiable: bool = True
    """Whether autograd follows its output, once the forward pass is over."""


@contextmanager
def outputs_of(modules: Sequence[nn.Module]) -> Iterator[list[ActivationCall]]:
    """While open, the calls of `modules` in their order; clear the list between forwards."""
    calls: list[ActivationCall] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        followed = torch.is_grad_enabled() and not is_batched(output)
        calls.append(ActivationCall(module, inputs[0], output, followed))

    with _noting(modules, note):
        yield calls


def penalty_of(penalty: Callable[[Tensor], Tensor], calls: Sequence[ActivationCall], zero: Tensor) -> Tensor:
    """The sum of `penalty` over the outputs of one forward pass in training mode, before it is weighted.

    Raises:
        ModelError: if no gradient of it could reach the weights: it would be added and change nothing.
    """
    if not all(call.differentiable for call in calls):
        raise ModelError(
            "the activation penalty cannot be computed: the model calls activation layers without gradients "
            "(a reentrant checkpoint, or torch.no_grad) or inside of torch.func.vmap; leave the penalty out, "
            "or use checkpoint(..., use_reentrant=False)"
        )
    return sum((penalty(call.output) for call in calls), zero)


@contextmanager
def _differentiable_outputs_of(modules: Sequence[nn.Module]) -> Iterator[list[ActivationCall]]:
    """`outputs_of`, of which every output has a gradient, also where nothing trained comes before it."""
    calls: list[ActivationCall] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        plain = unwrapped(output)
        if plain is not output:
            calls.append(ActivationCall(module, unwrapped(inputs[0]), plain))
            return output
        if not output.requires_grad:
            output = output.detach().requires_grad_().clone()  # a leaf must not be written into
        calls.append(ActivationCall(module, inputs[0], output))
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


def weights_of(built: Built) -> list[Tensor]:
    """The weights of each layer, flat, as they are now; see `Built.layers`."""
    parameters = dict(built.model.named_parameters())
    return [flat([parameters[name] for name in layer.weights]) for layer in built.layers]


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors as one vector, detached and copied; empty where there are none."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors] or [torch.empty(0)])


def layers_if_possible(
    built: Built, loss: Loss, x: Tree, y: Tree, before: Sequence[Tensor] | None
) -> tuple[list[Layer], str]:
    """`layers_of`, and an empty string; or no layers, and why they cannot be measured.

    A training needs less than a measurement: what a model raises here ends no training.
    """
    try:
        with user_code():
            return layers_of(built, loss, x, y, before), ""
    except Exception as error:  # autograd may refuse a second pass, or a gradient of what is in between
        return [], str(error) if isinstance(error, ModelError) else message_of(error)


def layers_of(built: Built, loss: Loss, x: Tree, y: Tree, before: Sequence[Tensor] | None) -> list[Layer]:
    """Every layer of a model on the evaluation batch (x, y), as training sees it, see `as_in_training`.

    Parameters, buffers and mode are left as they are. Layers as in `Built.layers`; `before` holds the flat
    weights of each before the last update, or ``None`` before the first.
    """
    model, layers = built.model, built.layers
    parameters = dict(model.named_parameters())
    weights = [[parameters[name] for name in layer.weights] for layer in layers]
    frozen = [p for own in weights for p in own if not p.requires_grad]
    recorded = _differentiable_outputs_of(built.hidden)
    # cuDNN's recurrent layers refuse backward in eval mode; the plain kernels do not.
    with (
        _trained(frozen),
        recorded as noted,
        as_in_training(model, rows_in(x)),
        torch.backends.cudnn.flags(enabled=False),
        torch.enable_grad(),
    ):
        value = loss(applied(model, x), y)
        calls = [*noted]  # a checkpoint makes its calls again in the backward pass
        wanted = [call.output for call in calls] + [p for own in weights for p in own]
        tracked = [tensor for tensor in wanted if tensor.requires_grad]  # none is that runs without gradients
        found = iter(torch.autograd.grad(value, tracked, allow_unused=True))
        reached = tuple(next(found) if tensor.requires_grad else None for tensor in wanted)
    _check_reached(layers, weights, reached, calls)
    gradients = [torch.zeros_like(w) if g is None else g for w, g in zip(wanted, reached, strict=True)]
    of_weights = iter(gradients[len(calls) :])
    measured = []
    for index, layer in enumerate(layers):
        part: dict[str, Tensor] = {}
        if layer.call is not None and layer.call < len(calls):
            part = _activation_part(calls[layer.call], gradients[layer.call])
        if layer.weights:
            part |= {"weight": flat(weights[index])}
            part["weight_gradient"] = flat([next(of_weights) for _ in layer.weights])
            if before is not None:
                part["weight_before"] = before[index]
        measured.append(Layer(**part))
    return measured


def _check_reached(
    layers: Sequence[ModelLayer],
    weights: Sequence[Sequence[Tensor]],
    reached: Sequence[Tensor | None],
    calls: Sequence[ActivationCall],
) -> None:
    """A layer that training reaches must be reached here too, or its gradient would be recorded as 0.

    `reached`: gradients of the outputs of `calls`, then of the weights.
    """
    of_weights = iter(reached[len(calls) :])
    for layer, own in zip(layers, weights, strict=True):
        cut = [next(of_weights) is None and w.grad is not None and bool(w.grad.any()) for w in own]
        called = layer.call is not None and layer.call < len(calls)
        if any(cut) and called and reached[layer.call or 0] is None:
            raise ModelError(not_reached(layer.name))


def not_reached(layer: str) -> str:
    """Why layers cannot be measured of which this is the first that is cut off."""
    return f"in evaluation mode no gradient reaches {layer}, which training does give one"


@contextmanager
def _trained(frozen: Sequence[Tensor]) -> Iterator[None]:
    """While open, `frozen` parameters require gradients: nothing updates them, yet they have one."""
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)


@contextmanager
def as_in_training(model: nn.Module, rows: int) -> Iterator[None]:
    """While open, normalisation by batches is that of training and dropout is off.

    In evaluation mode a fresh batch norm is the identity: gradients would be those of another network.
    Modes and buffers are what they were afterwards. A batch of one row has no statistics: `rows` must be two
    or more for that.
    """
    training = model.training
    norms = training_norms(model) if rows > 1 else []
    buffers = [(b, b.clone()) for norm in norms for b in norm.buffers(recurse=False)]
    model.eval()
    for norm in norms:
        norm.training = True
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
        model.train(training)


def training_norms(model: nn.Module) -> list[nn.Module]:
    """The modules that normalise by the statistics of the batch when `model` is in training mode."""
    training = model.training
    model.train()
    norms = [m for m in model.modules() if m.training and "running_mean" in buffers_of(m)]
    model.train(training)
    return norms


def _activation_part(call: ActivationCall, gradient: Tensor) -> dict[str, Tensor]:
    module, z, a, _ = call
    learns = any(True for _ in module.parameters())
    grid = slope_grid(z, channels=learns)
    part = {"activation": a.detach(), "activation_gradient": gradient.detach()}
    if not isinstance(module, nn.Softmax):  # φ′ exists for elementwise functions alone
        part["derivative"] = derivative(module, z)
        part["steepest"] = derivative(module, grid).abs().max()
    return part


def measured(layers: Sequence[Layer]) -> tuple[list[int], list[str], list[float]]:
    """Every measure that exists: numbers of layers, measures and their values."""
    values = [
        (k, name, measure(layer)) for k, layer in enumerate(layers) for name, measure in MEASURES.items()
    ]
    exist = [(k, name, value.item()) for k, name, value in values if value is not None]
    return [k for k, _, _ in exist], [name for _, name, _ in exist], [value for _, _, value in exist]
