"""The activation layers of a model of the user's own, replaced by others."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.nn import functional as F

from sweeper.components.call_sites import CalledModules, Site, WritesBack
from sweeper.components.called import Called, is_torch_layer, labels, names_of, put, put_in, written_back
from sweeper.components.hidden import KINDS, Activation, Calls, activation_modules, watch
from sweeper.components.operations import BOUNDED
from sweeper.components.swap_check import check_backward, check_modes
from sweeper.components.tree import Tree
from sweeper.errors import ModelError

OWN_FUNCTIONS: dict[Any, type[nn.Module]] = {F.relu: nn.ReLU, F.gelu: nn.GELU}
"""Functions that torch's transformer layers keep, and the modules that do the same."""
PLAIN = {1: nn.ReLU(), 2: nn.GELU()}
"""What `activation_relu_or_gelu` stands for."""
SWAPPED, KEPT = "swapped", "kept"
"""The role of an activation layer."""
IN_LARGEST = " (in the model with most layers)"
"""Ends a line of `in_words` where models differ, in depth say."""


@dataclass(frozen=True)
class Swapped:
    """What was done."""

    new: tuple[nn.Module, ...]
    """The new activation layers: hidden ones, then gates, then those of the output, each by first calls."""
    swapped: tuple[str, ...]
    """Names of all places where they are."""
    kept: tuple[str, ...]
    """Names of the activation layers that were left as they are."""
    noted: tuple[str, ...] = ()
    """Names of the layers that `leave_fast_paths` changed."""
    functions: tuple[tuple[str, str], ...] = ()
    """Activation functions that stay since compiled code calls them: their names and the callers'."""
    called: tuple[Called, ...] = ()
    """Those of the new layers that are called where the model calls a function."""

    def line(self) -> str:
        """In words."""
        return in_words(self.swapped, self.kept, self._called_functions())

    def roles(self) -> dict[str, str]:
        """Layer -> ``swapped`` or ``kept``, of all of them."""
        kept = dict.fromkeys((*self.kept, *self._called_functions()), KEPT)
        return {**dict.fromkeys(self.swapped, SWAPPED), **kept}

    def _called_functions(self) -> list[str]:
        return [f"{name} called in {where or 'the model'} (as a function)" for name, where in self.functions]


def in_words(swapped: Sequence[str], kept: Sequence[str], called: Sequence[str] = (), most: int = 12) -> str:
    """``swapped: net.1, net.3; kept: gate``; at most `most` names of each."""
    stay = ", ".join(part for part in (_listed(kept, most), _listed(called, most)) if part)
    return f"swapped: {_listed(swapped, most)}; kept: {stay or 'none'}"


def roles_in(line: str) -> dict[str, str]:
    """Layer -> ``swapped`` or ``kept``, of those that a line of `in_words` names.

    Plans of earlier versions hold that line alone. It may end in `IN_LARGEST`.
    """
    swapped, _, kept = line.removesuffix(IN_LARGEST).removeprefix("swapped: ").partition("; kept: ")
    roles = dict.fromkeys(_names_in(swapped), SWAPPED)
    return roles | {name: KEPT for name in _names_in(kept) if name != "none"}


def _names_in(listed: str) -> list[str]:
    return [name for name in re.sub(r" and \d+ more(?=, |$)", "", listed).split(", ") if name]


def _listed(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def swap(
    model: nn.Module,
    rows: Tree,
    factory: Callable[[], nn.Module],
    name: str,
    chosen: Sequence[str] | None = None,
    left: Sequence[str] = (),
) -> Swapped:
    """Replace the hidden activations of `model`, layers and calls of functions.

    A module that is called several times stays one; so does a call that is made several times in a module.

    Args:
        model: changed in place; its weights and buffers stay as they are.
        rows: a batch of two input rows or more.
        factory: makes a new activation layer.
        name: the model's, for messages.
        chosen: patterns of names (``net.*``, ``net.py:31*``) that say which activations are swapped, in place
            of the hidden ones.
        left: patterns of those that are not; they have the last word.

    Raises:
        ModelError: if there is nothing to swap, or not all of it can be; if a pattern fits no activation;
            if training and evaluation would not both apply what was put in.
    """
    _bring_out_functions(model)
    calls = watch(model, rows)
    places = _Places.of(model, calls)
    places.check_patterns((*(chosen or ()), *left), name)
    old = [what for what in places.in_order(calls) if places.is_swapped(what, calls, chosen, left)]
    unseen = [] if chosen is not None else places.unseen(calls, left)
    beside = [what for what in unseen if places.is_like_one_of(what, old)]
    if mixed := next((what for what in old if what in calls.mixed), None):
        raise ModelError(
            f"model {name!r} calls other functions in the same place as {places.shown[mixed][0]}, as "
            "sum(map(f, x)) does, so it cannot be swapped: write [f(h) for h in x]"
        )
    if chosen is None:
        _check_swappable(calls, old, places, name)
    if not old:
        raise ModelError(f"model {name!r}: model.swap and model.keep leave no activation layer to swap")
    new, called, mode = _put_in(model, rows, old, beside, factory)
    for what in unseen:
        if what not in beside:
            _refuse_calls(what, places.shown[what][0])
    swapped = [place for what in (*old, *beside) for place in places.shown[what]]
    kept = [place for what, names in places.shown.items() if what not in new for place in names]
    noted = leave_fast_paths(model, new.values())
    check_modes(model, rows, {new[what]: places.shown[what][0] for what in old}, name)
    if mode:
        check_backward(model, rows, mode, name)
        mode.seal([what.name for what in old if isinstance(what, Site)])
    made = tuple(new[what] for what in (*old, *beside))
    return Swapped(made, tuple(swapped), tuple(kept), noted, calls.compiled, called)


def _refuse_calls(module: nn.Module, name: str) -> None:
    """From now on a call of `module` raises `ModelError`: what it is for was not seen."""

    def forward(*args: Any, **kwargs: Any) -> Any:
        raise ModelError(
            f"activation layer {name} is called now and was not on the first row before training, which "
            "shows what each is for: name it in model.swap or in model.keep"
        )

    module.forward = forward  # type: ignore[method-assign]


def _put_in(
    model: nn.Module,
    rows: Tree,
    old: Sequence[Activation],
    beside: Sequence[nn.Module],
    factory: Callable[[], nn.Module],
) -> tuple[dict[Activation, nn.Module], tuple[Called, ...], CalledModules | None]:
    """Put a new layer in each place, also of those `beside` the old ones that were not called. Returns them,
    those in the places of functions, and what calls these."""
    modules = [what for what in old if isinstance(what, nn.Module)]
    written = written_back(model, rows, modules) | {m for m in beside if getattr(m, "inplace", False) is True}
    modules += beside
    new: dict[Activation, nn.Module] = {module: factory() for module in modules}
    put(model, {m: WritesBack(new[m]) if m in written else new[m] for m in modules})
    sites = [what for what in old if isinstance(what, Site)]
    new |= {site: factory() for site in sites}
    return new, *(put_in(model, rows, sites, [new[site] for site in sites]) if sites else ((), None))


def _bring_out_functions(model: nn.Module) -> None:
    """Torch's transformer layers may keep their activation as a function: as a module it can be swapped."""
    for layer in model.modules():
        if is_torch_layer(layer) and not isinstance(layer.activation, nn.Module):
            made = OWN_FUNCTIONS.get(layer.activation)
            if made is not None:
                layer.activation = made()


def leave_fast_paths(model: nn.Module, swapped: Collection[nn.Module] = ()) -> tuple[str, ...]:
    """In evaluation, torch's transformer layers use the one they were built with; a note can forbid that.

    Those with one of `swapped` apply it in both modes. Returns the names of the layers whose note changed.
    """
    noted = []
    for name, layer in model.named_modules():
        note = getattr(layer, "activation_relu_or_gelu", 0)
        plain = PLAIN.get(note) if isinstance(note, int) else None
        if plain is None or not isinstance(own := layer.activation, nn.Module):
            continue
        if repr(own) != repr(plain) or any(own is one for one in swapped):
            layer.activation_relu_or_gelu = 0
            noted.append(name)
    return tuple(noted)


@dataclass(frozen=True)
class _Places:
    """Where every activation of a model is."""

    shown: Mapping[Activation, list[str]]
    """Names as messages show them: of modules, and ``net.py:31 relu``."""
    names: Mapping[Activation, list[str]]
    """What patterns may fit."""

    @classmethod
    def of(cls, model: nn.Module, calls: Calls) -> "_Places":
        shown: dict[Activation, list[str]] = {}
        modules = activation_modules(model)
        for name, module in model.named_modules(remove_duplicate=False):
            if module in modules and name:
                shown.setdefault(module, []).append(name)
        names = {what: list(labelled) for what, labelled in shown.items()}
        for site, label in labels(calls.sites).items():
            shown[site], names[site] = [label], names_of(site, label)
        return cls(shown, names)

    def in_order(self, calls: Calls) -> list[Activation]:
        """All activations: hidden ones, then gates, then those of the output, each by first calls."""
        return list(dict.fromkeys((*calls.hidden, *calls.gates, *calls.output, *self.shown)))

    def is_swapped(
        self, what: Activation, calls: Calls, chosen: Sequence[str] | None, left: Sequence[str]
    ) -> bool:
        names = self.names[what]
        return not _fits(names, left) and (what in calls.hidden if chosen is None else _fits(names, chosen))

    def unseen(self, calls: Calls, left: Sequence[str]) -> list[nn.Module]:
        """Modules that were not called, and that nobody asked to leave."""
        seen = {*calls.hidden, *calls.gates, *calls.output}
        modules = [what for what in self.shown if isinstance(what, nn.Module)]
        return [what for what in modules if what not in seen and not _fits(self.names[what], left)]

    def is_like_one_of(self, module: nn.Module, swapped: Sequence[Activation]) -> bool:
        """Whether a module that was not called is for what the `swapped` ones are.

        It is not bounded, as gates are, or one of them is of its class and has its name but for numbers
        (``experts.3.1``).
        """
        if not isinstance(module, BOUNDED) and type(module) in KINDS:
            return True
        alike = {(type(what), _numberless(name)) for what in swapped for name in self.names[what]}
        return any((type(module), _numberless(name)) in alike for name in self.names[module])

    def check_patterns(self, patterns: Sequence[str], name: str) -> None:
        known = [place for places in self.shown.values() for place in places]
        for pattern in patterns:
            if not any(_fits(names, [pattern]) for names in self.names.values()):
                there = f"there are {', '.join(known)}" if known else "it has none"
                raise ModelError(
                    f"model.swap and model.keep: {pattern!r} fits no activation layer of model {name!r}; "
                    f"{there}"
                )


def _numberless(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _fits(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _check_swappable(calls: Calls, old: Sequence[Activation], places: _Places, name: str) -> None:
    ways = (
        "let the function ask for `activation` (a factory of modules), use modules such as nn.ReLU(), or "
        "leave activation out of the space"
    )
    if not calls.hidden:
        raise ModelError(f"model {name!r} has no activation layers to swap{_others(calls, places)}: {ways}")
    if calls.rectifiers:
        raise ModelError(
            f"compiled code of model {name!r} calls {', '.join(calls.rectifiers)}, which cannot be swapped, "
            f"beside its activation layers: {ways}"
        )
    for others, what in ((calls.output, "its output"), (calls.gates, "a gate")):
        for one in old:
            if one not in others:
                continue
            shown = places.shown[one][0]
            if isinstance(one, Site):
                raise ModelError(
                    f"model {name!r} makes one call, {shown}, for hidden layers and for {what}, so it cannot "
                    f"be swapped: give {what} a line of its own"
                )
            raise ModelError(
                f"model {name!r} uses one {type(one).__name__} module for hidden layers and for {what}, so "
                f"it cannot be swapped: give {what} a module of its own"
            )


def _others(calls: Calls, places: _Places) -> str:
    """What it has beside hidden activations."""
    compiled = [called for called, _ in calls.compiled]
    others = [place for what in (*calls.gates, *calls.output) for place in places.shown.get(what, [])]
    perhaps = [place for site in calls.perhaps for place in places.shown[site]]
    parts = [f"its compiled code calls {', '.join(compiled)}"] if compiled else []
    parts += [f"{', '.join(others)}: gates, or of the output"] if others else []
    parts += [f"{', '.join(perhaps)}: not always activations"] if perhaps else []
    insist = "; name in model.swap what is to be swapped all the same" if others or perhaps else ""
    return f" ({'; '.join(parts)}{insist})" if parts else ""
