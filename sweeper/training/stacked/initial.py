"""The state in which a trial enters a slot: its initial weights, those of a trial that trains alone."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.components.activations import activation_of
from sweeper.components.build import Built
from sweeper.components.tree import Tree, applied, copied, stacked
from sweeper.study.settings import Settings
from sweeper.training.setup import Task, initial_model, leaving_no_trace
from sweeper.training.stacked.activation_dispatch import ActivationDispatch
from sweeper.training.stacked.kernel import AnyKernel, kernel_for
from sweeper.training.stacked.not_kept import arrays_beside
from sweeper.training.stacked.recording import tensors
from sweeper.training.stacked.refusal import IncompatibleModel, NotStackable
from sweeper.training.stacked.template import Template
from sweeper.user_code.observing import apart
from sweeper.user_code.prints import changes, prints_of_model
from sweeper.user_code.process_state import changes_from_now
from sweeper.wording import listing

READS = "its passes read what its making sets outside of the model"
APART = (
    "a stack applies activations apart from it, so nothing may depend on an activation's class, nor an "
    "activation on whether the model trains"
)


IN_PLACE = (
    "an activation writes into its input (inplace=True), which other parts of the model read: a stack "
    "applies activations to copies"
)


@dataclass(frozen=True)
class Initial:
    """One trial before its first step."""

    values: Mapping[str, Tensor]
    """Parameters and buffers by name, those of the template, without a trial axis."""
    own: frozenset[str]
    """Names that its own model has too."""
    kernels: Sequence[AnyKernel]
    """Its hidden activations, layer by layer."""
    seed: int
    random: Tensor
    """State of the CPU's random generator once the model is made."""


class Initials:
    """Makes initial states; trials that start from the same weights share the work."""

    def __init__(self, task: Task, template: Template, x: Tree, seed: int, keep: int = 32) -> None:
        """`x`: a few rows, on which each model is compared with the template, which has the seed `seed`."""
        self.task, self.template, self.x, self.seed, self.keep = task, template, x, seed, keep
        self._known: OrderedDict[tuple[str, str | None, str | None, int], Initial] = OrderedDict()
        self._attributes: dict[tuple[str, str | None, str | None], Mapping[str, Any]] = {}
        """What models made with the template's seed keep beside parameters and buffers."""

    def of(self, settings: Settings, seed: int) -> Initial:
        """The state of replicate `seed` under `settings`.

        Raises:
            IncompatibleModel: if the model is not the template's.
        """
        key = (repr(settings.model_options), settings.activation, settings.init, seed)
        if key not in self._known:
            self._known[key] = self._make(settings, seed)
            while len(self._known) > self.keep:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def _make(self, settings: Settings, seed: int) -> Initial:
        with leaving_no_trace(self.task, settings):
            changed = changes_from_now()
            built = initial_model(self.task, settings, seed)
            if names := changed():  # a trial that trains alone keeps it to its end
                raise NotStackable(f"making the model changes {listing(names)} for the whole process")
            random = torch.get_rng_state()
            if other := self.other_attribute(built, settings, seed):
                raise IncompatibleModel(f"with another seed its model has another {other}")
            theirs = self._outputs(built)
        self._check_alike(built, theirs)
        return self._of(built, random, settings, seed, theirs)

    def other_attribute(self, built: Built, settings: Settings, seed: int) -> str:
        """Path of what the model keeps otherwise than one that is made with the template's seed; or empty.

        A stack has one of each attribute, that of the template. What is another for every model, as a time
        or a counter is, does not count, nor do tensors that each pass makes anew.
        """
        key = repr(settings.model_options), settings.activation, settings.init
        mine = prints_of_model(built.model, {})
        if seed == self.seed:
            self._attributes.setdefault(key, mine)
            return ""
        if key not in self._attributes:
            self._attributes[key] = prints_of_model(initial_model(self.task, settings, self.seed).model, {})
        differ = list(changes(self._attributes[key], mine))
        if not differ:
            return ""
        other = initial_model(self.task, settings, seed).model
        unsteady = {*changes(mine, prints_of_model(other, {})), *self._made_anew(other)}
        return next((path for path in differ if path not in unsteady), "").lstrip(".")

    def _made_anew(self, model: nn.Module) -> set[str]:
        """Paths of tensors that a pass computes from the parameters, as weight normalization does."""
        before = arrays_beside(model, {})
        model.eval()
        with torch.no_grad():
            applied(model, copied(self.x))
        return {path for path, array in arrays_beside(model, {}).items() if array is not before.get(path)}

    def _outputs(self, built: Built) -> list[Tensor]:
        """Of a fresh model in evaluation mode, on a few rows. Its buffers stay as they are made."""
        built.model.eval()
        with apart(built.model, self.seed), torch.no_grad():
            before = torch.get_rng_state()
            # An output may be a buffer itself.
            found = [each.clone() for each in tensors([applied(built.model, copied(self.x))])]
            if not torch.equal(before, torch.get_rng_state()):
                raise NotStackable("the model draws random numbers when it is evaluated")
        return found

    def _check_alike(self, built: Built, before: Sequence[Tensor]) -> None:
        """What its making has left beside the model is put back by now, as it is while a stack trains.

        Raises:
            NotStackable: if it gives something else, or nothing, without that.
        """
        try:
            alike = self._outputs(built)
        except Exception as error:  # whatever the user's code raises without it
            raise NotStackable(READS) from error
        if not _all_same(alike, before):
            raise NotStackable(READS)

    def _of(
        self, built: Built, random: Tensor, settings: Settings, seed: int, theirs: Sequence[Tensor]
    ) -> Initial:
        kernels: Sequence[AnyKernel] = self.template.kernels
        if settings.activation is not None:
            kernel = kernel_for(activation_of(settings.activation), self.template.dtype)
            kernels = [kernel] * len(built.hidden)
        own = frozenset({*dict(built.model.named_parameters()), *dict(built.model.named_buffers())})
        initial = Initial(self._values(built), own, kernels, seed, random)
        if not self._is_alike(initial, theirs):
            in_place = any(getattr(module, "inplace", False) for module in built.hidden)
            raise IncompatibleModel(IN_PLACE if in_place else APART)
        return initial

    def _values(self, built: Built) -> dict[str, Tensor]:
        if not self.template.accepts(built):
            raise IncompatibleModel("its model has other parameters")
        if any(self.template.own_options.get(n) != own for n, own in built.own_options.items()):
            raise IncompatibleModel("its parameters have other options of their own")
        values = {**dict(built.model.named_parameters()), **dict(built.model.named_buffers())}
        mine = {**self.template.parameters, **self.template.buffers}
        # A trial without PReLU carries slopes that nothing reads.
        return {name: values.get(name, tensor).detach().clone() for name, tensor in mine.items()}

    def _is_alike(self, initial: Initial, others: Sequence[Tensor]) -> bool:
        """Models that a function makes for two activations may differ in more than these."""
        values = {name: value[None] for name, value in initial.values.items()}
        dispatch = ActivationDispatch([[kernel] for kernel in initial.kernels])
        with torch.no_grad(), self.template.evaluating():
            ours = tensors([self.template.outputs(values, dispatch, stacked(self.x, 1))])
        return _all_same([each[0] for each in ours], others)


def _all_same(mine: Sequence[Tensor], theirs: Sequence[Tensor]) -> bool:
    return len(mine) == len(theirs) and all(map(_same, mine, theirs))


def _same(mine: Tensor, theirs: Tensor) -> bool:
    """Up to rounding; what is not finite has to be so in both."""
    tolerance = 1e-3 if mine.dtype == torch.float32 else 1e-9
    if mine.shape != theirs.shape:
        return False
    finite = torch.isfinite(theirs)
    apart, size = (torch.where(finite, each, 0).abs() for each in (mine - theirs, theirs))
    alike = apart <= tolerance * size.max().clamp_min(1)
    return bool(alike.all()) and torch.equal(torch.isfinite(mine), finite)
