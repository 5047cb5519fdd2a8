"""The module that all trials of a stack share; their parameters come from outside."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from sweeper import private_torch
from sweeper.components.build import Built
from sweeper.components.outputs import parted, put_together
from sweeper.components.tree import Tree, arguments
from sweeper.training.capture import as_in_training
from sweeper.training.stacked.activation_dispatch import Activation, ActivationDispatch
from sweeper.training.stacked.better_rules import BetterRules
from sweeper.training.stacked.kernel import kernel_of
from sweeper.training.stacked.recording import Call, Recorder, storage_of
from sweeper.training.stacked.refusal import NotStackable

Tensors = Mapping[str, Tensor]


class Template:
    """A model whose hidden activation layers apply what each slot's trial has.

    Names are those of ``named_parameters`` and ``named_buffers``. An activation that learns has parameters
    that others lack: where one of the trials has it, make the template from that trial.
    """

    def __init__(self, built: Built) -> None:
        """Takes over the model of `built`, and changes it."""
        self.model = built.model.train()  # as training begins, also where the function left it in evaluation
        self.hidden = built.hidden
        self.layers = built.layers
        """In the order of the forward pass."""
        self.parameters = dict(self.model.named_parameters())
        self.buffers = dict(self.model.named_buffers())
        self.own_options = built.own_options
        self.dtype = next(iter(self.parameters.values())).dtype
        self._own: list[tuple[dict[str, Any], str, Any]] = [
            (held, name, tensor)
            for module in self.model.modules()
            for held in (private_torch.parameters_of(module), private_torch.buffers_of(module))
            for name, tensor in held.items()
        ]
        self.kernels = tuple(kernel_of(module, self.dtype) for module in self.hidden)
        """What its own hidden activations are, layer by layer."""
        self.dispatch: ActivationDispatch | None = None
        for site, module in enumerate(self.hidden):
            # On the instance, so that it holds however the model refers to the module.
            module.forward = partial(self._activate, module, site)  # type: ignore[method-assign]

    def _activate(self, module: nn.Module, site: int, z: Tensor) -> Tensor:
        if not private_torch.is_one_row(z):  # rows that all trials share, before any weight
            z = z + self._zero
        return Activation.apply(z, self.dispatch, site, *module.parameters())

    def outputs(self, values: Tensors, dispatch: ActivationDispatch, x: Tree, shared: bool = False) -> Any:
        """Outputs of all trials: (trials, rows, …), or a tuple or dict of such.

        Args:
            values: every parameter and buffer, with a leading trial axis; buffers may be changed.
            dispatch: who has which activation; it notes the hidden layers' calls.
            x: (trials, rows, …), or (rows, …) if all trials see the same rows; a tree of such tensors.
            shared: the latter.
        """
        self.dispatch = dispatch
        dispatch.calls.clear()
        with BetterRules() as self._rules:
            try:
                one = vmap(self._one, in_dims=(0, None if shared else 0), randomness="different")
                tensors = one(dict(values), x)
                return put_together(self._arrangement, tensors)
            finally:
                # functional_call leaves its tensors in modules that the model holds in two places.
                for held, name, tensor in self._own:
                    held[name] = tensor

    def _one(self, values: dict[str, Tensor], x: Tree) -> tuple[Tensor, ...]:
        some = next(value for value in values.values() if value.is_floating_point())
        self._zero = self._rules.like = torch.zeros_like(some.reshape(-1)[:1].sum())  # 0 of every trial
        output = functional_call(self.model, values, *arguments(self.model, x))
        self._arrangement, tensors = parted(output)
        return tensors

    def check(self, calls: Sequence[Call]) -> None:
        """Look whether `calls` reach parameters and buffers by their attributes, where every trial's own lie.

        Nothing else leads a stack to them: not a list or dict that the model keeps of its own parameters, nor
        ``ctx.module`` in the backward pass of a function, which runs when the forward pass is over.

        Raises:
            NotStackable: if one of them reads or writes a parameter or buffer of the template itself.
        """
        held = {**self.parameters, **self.buffers}
        names = {storage_of(tensor): name for name, tensor in held.items() if tensor.numel()}
        for call in calls:
            given = () if call.constant else (t for t in call.inputs if t.layout == torch.strided)
            reached = (names.get(storage_of(tensor)) for tensor in given)
            if name := next(filter(None, reached), None):
                raise NotStackable(f"the model reaches its {name} by another way than as its attribute")

    def check_evaluation(self, x: Tree) -> None:
        """`check` of an evaluation of some rows."""
        values = {n: t.detach().clone()[None] for n, t in (*self.parameters.items(), *self.buffers.items())}
        dispatch = ActivationDispatch([[kernel] for kernel in self.kernels])
        with torch.no_grad(), self.evaluating(), Recorder() as recorder:
            self.outputs(values, dispatch, x, shared=True)
        self.check(recorder.calls)

    def stacked(self, trained: Collection[str], trials: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Memory for `trials`: trained parameters as a matrix, other parameters and buffers by name.

        Filled with the template's own values, a little different for each trial: what is recorded on it
        is also tried on it.
        """
        flat = torch.cat([self.parameters[name].detach().reshape(-1) for name in trained])
        scale = torch.linspace(1, 1.5, trials, dtype=flat.dtype, device=flat.device)
        others = {**self.parameters, **self.buffers}
        fixed = {n: v.detach().repeat(trials, *[1] * v.ndim) for n, v in others.items() if n not in trained}
        p = matrix(trials, len(flat), flat)
        return torch.mul(scale[:, None], flat, out=p), fixed

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """While open, dropout is off and norms use what they have seen."""
        self.model.eval()
        try:
            yield
        finally:
            self.model.train()

    @contextmanager
    def measured(self, rows: int) -> Iterator[None]:
        """While open, the model is as layers are measured on `rows` rows; see `as_in_training`."""
        with as_in_training(self.model, rows):
            yield

    def accepts(self, built: Built) -> bool:
        """Whether parameters and buffers of another trial's model have the same names, shapes and order.

        It may lack all that activations learn here, but no part of it: one that learns has to find its own.
        """
        theirs = {name: p.shape for name, p in built.model.named_parameters()}
        missing = self.learned() - theirs.keys()
        if missing and missing != self.learned():
            return False
        mine = {name: p.shape for name, p in self.parameters.items() if name not in missing}
        same = list(mine.items()) == list(theirs.items()) and len(built.hidden) == len(self.hidden)
        buffers = {name: b.shape for name, b in built.model.named_buffers()}
        return same and buffers == {name: b.shape for name, b in self.buffers.items()}

    def learned_at(
        self, site: int, flat: Tensor, shapes: Mapping[str, torch.Size], fixed: Mapping[str, Tensor]
    ) -> list[Tensor]:
        """The parameters of a hidden activation of one trial: `flat`: what it trains, `fixed`: others."""
        now = {**fixed, **{name: value[0] for name, value in unstack(flat[None], shapes).items()}}
        names = {id(parameter): name for name, parameter in self.parameters.items()}
        return [now.get(names.get(id(p), ""), p.detach()) for p in self.hidden[site].parameters()]

    def learned(self) -> set[str]:
        """Names of the parameters of hidden activations."""
        learned = {id(parameter) for module in self.hidden for parameter in module.parameters()}
        return {name for name, parameter in self.parameters.items() if id(parameter) in learned}


def losses_of(loss: Any, outputs: Any, y: Tree, shared: bool = False) -> Any:
    """The loss of each trial: (trials,), or what `loss` gives in its stead with a trial axis.

    `shared`: all have the same targets.
    """
    arrangement, tensors = parted(outputs)

    def of_one(given: Any, target: Tree) -> Any:
        return loss(put_together(arrangement, given), target)

    with BetterRules():
        return vmap(of_one, in_dims=(0, None if shared else 0), randomness="different")(tensors, y)


def matrix(rows: int, columns: int, like: Tensor) -> Tensor:
    """Zeros (rows, columns), each row of which begins where a cache line does."""
    line = LINE // like.element_size()
    return like.new_zeros(rows, -(-columns // line) * line)[:, :columns]


LINE = 64
"""Bytes of a line of the processor's cache."""


def unstack(flat: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Views of a matrix (trials, size) as the tensors that its columns hold, each with the trial axis."""
    parts: Sequence[Tensor] = flat.split([shape.numel() for shape in shapes.values()], 1)
    return {
        name: part.view(len(flat), *shape) for part, (name, shape) in zip(parts, shapes.items(), strict=True)
    }
