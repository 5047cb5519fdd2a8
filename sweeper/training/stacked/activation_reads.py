"""What hidden activations read beside what they are called with: a stack applies them apart from the model.

There a tensor that they read is what it was when the activation was recorded, the same for all trials.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.components.operations import tensors_in
from sweeper.private_torch import has_forward_hooks, version_of
from sweeper.training.stacked.recording import Recorder, storage_of
from sweeper.training.stacked.refusal import NotStackable


class ActivationReads:
    """The tensors that the hidden activations of a model read in its passes."""

    def __init__(self, model: nn.Module, hidden: Sequence[nn.Module]) -> None:
        """Raises `NotStackable` where `hidden` modules have hooks: layers are measured on what is behind."""
        if any(map(has_forward_hooks, hidden)):
            raise NotStackable("a hidden activation has hooks, which a stack runs apart from it")
        self.model, self.hidden = model, tuple(dict.fromkeys(hidden))
        self.read: set[int] = set()
        """Storages of what they read, but for what they are called with, make, or learn themselves."""
        self._changed: dict[int, str] = {}
        self._parameters = {at: name for name, p in model.named_parameters() for at in _storages([p])}

    @contextmanager
    def noted(self, recorder: Recorder) -> Iterator[None]:
        """A forward pass, whose operations the `recorder` keeps.

        Raises:
            NotStackable: if an activation read what the model computed elsewhere in this pass.
        """
        before = {name: version_of(b) for name, b in self.model.named_buffers()}
        own = {module: module.__dict__.get("forward") for module in self.hidden}
        for module in self.hidden:
            # On the instance, so that it holds however the model refers to the module.
            module.forward = partial(self._call, recorder, module, module.forward)  # type: ignore[method-assign]
        try:
            yield
        finally:
            for module, forward in own.items():
                del module.__dict__["forward"]
                if forward is not None:
                    module.forward = forward
        for name, buffer in self.model.named_buffers():
            if version_of(buffer) != before.get(name):
                self._changed |= dict.fromkeys(_storages([buffer]), name)

    def _call(self, recorder: Recorder, module: nn.Module, forward: Any, *args: Any, **kwargs: Any) -> Any:
        begun = len(recorder.calls)
        result = forward(*args, **kwargs)
        inside = recorder.calls[begun:]
        own = _storages((*tensors_in((args, kwargs)), *module.parameters()))
        own |= _storages(t for call in inside for t in call.results)
        read = _storages(t for call in inside for t in call.inputs) - own - {0}
        if not read:  # as of nearly all: what follows looks at the whole pass so far
            return result
        elsewhere = _storages(t for call in recorder.calls[:begun] for t in call.results)
        kept = _storages((*self.model.buffers(), *self.model.parameters()))
        if read & elsewhere - kept:
            raise NotStackable("a hidden activation reads what the model computes elsewhere")
        self.read |= read
        return result

    def refuse_what_changes(self) -> None:
        """Raise `NotStackable` if something that activations read changes in training."""
        for where, name in {**self._parameters, **self._changed}.items():
            if where in self.read:
                raise NotStackable(f"a hidden activation reads {name!r}, which changes in training")


def _storages(some: Iterable[Tensor]) -> set[int]:
    """Where they lie; what has no memory of its own, as sparse ones, is refused by others."""
    return {storage_of(t) for t in some if t.layout == torch.strided}
