"""Names of the activation functions that a model calls, and modules put into their places."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sweeper.components.call_sites import (
    CalledModules,
    CallPath,
    FunctionLayer,
    Site,
    WritesBack,
    call_modules,
)
from sweeper.components.forward import undisturbed
from sweeper.components.hidden import Calls
from sweeper.components.operations import tensors_in
from sweeper.components.tree import Tree, applied, copied
from sweeper.private_torch import children_of

OTHER_NAMES = {"log_sigmoid": "logsigmoid", "special_expit": "sigmoid"}
"""What torch calls a function itself -> what it is called by users."""
NO_LAYERS = {"rrelu", "rrelu_", "prelu"}
"""Functions that draw random numbers, or learn."""


@dataclass(frozen=True)
class Called:
    """A module that is called where the model calls a function."""

    path: CallPath
    owner: str
    """Name of the module whose new part it is."""
    part: str
    """Its name there."""
    written: bool = False
    """Whether the function writes into its input, and others see it."""

    @property
    def name(self) -> str:
        """Its dotted name in the model."""
        return f"{self.owner}.{self.part}".strip(".")


def labels(sites: Sequence[Site]) -> dict[Site, str]:
    """``net.py:31 relu``, with as much more as tells calls of one line apart."""
    shown = {site: f"{site.files[0]} {plain_name(site.name)}" for site in sites}
    for more in (_owner, _from):
        times = Counter(shown.values())
        shown = {site: label + more(site) * (times[label] > 1) for site, label in shown.items()}
    seen = Counter[str]()
    for site, label in shown.items():
        seen[label] += 1
        shown[site] = f"{label} #{seen[label]}" if seen[label] > 1 else label
    return shown


def plain_name(function: str) -> str:
    """What users call a function, by its name in torch."""
    return OTHER_NAMES.get(function, function.lstrip("_"))


def _owner(site: Site) -> str:
    return f" in {site.owner or 'the model'}"


def _from(site: Site) -> str:
    return f" from {site.files[-1]}" if len(site.files) > 1 else ""


def names_of(site: Site, label: str) -> list[str]:
    """What patterns may fit: the label, the lines of the calls, and the module that calls."""
    lines = [text for file in site.files for text in (file, f"{file} {site.name}")]
    return [label, *lines, *([site.owner, f"{site.owner}.{site.name}"] if site.owner else [site.name])]


def put_in(
    model: nn.Module, rows: Tree, sites: Sequence[Site], modules: Sequence[nn.Module]
) -> tuple[tuple[Called, ...], CalledModules]:
    """Let `model` call modules, one each, where it calls functions; also what does it."""
    called, taken = [], set[str]()
    for site in sites:
        each = Called(site.path, site.owner, _part(model, site, taken))
        taken.add(each.name)
        called.append(each)
    mode = call_modules(
        model, [(p.path, p.owner, p.part, module) for p, module in zip(called, modules, strict=True)]
    )
    mode.written = _written(model, rows, mode, [site.path for site in sites if _is_in_place(site)])
    return tuple(replace(each, written=each.path in mode.written) for each in called), mode


def _is_in_place(site: Site) -> bool:
    return site.name.endswith("_") or bool(site.options.get("inplace", False))


def _written(
    model: nn.Module, rows: Tree, mode: CalledModules, paths: Sequence[CallPath]
) -> frozenset[CallPath]:
    """Those of the call sites, which write into their input, where that shows.

    Most models read the result alone, and to write costs time and the batching of trials.
    """
    if not paths:
        return frozenset()
    modules, needed = mode.modules, {*paths}
    mode.modules = {path: FunctionLayer(torch.add, 1) for path in modules}  # no input is its own output
    whole = _outputs(model, rows, mode, needed)
    if _alike(whole, _outputs(model, rows, mode, set())):
        needed = set()
    for path in list(needed):
        if _alike(whole, _outputs(model, rows, mode, needed - {path})):
            needed.remove(path)
    mode.modules = modules
    return frozenset(needed)


def written_back(model: nn.Module, rows: Tree, modules: Collection[nn.Module]) -> set[nn.Module]:
    """Those of the activation layers, which write into their input, where that shows; see `_written`."""
    writers = [module for module in modules if getattr(module, "inplace", False) is True]
    if not writers:
        return set()
    plain = {module: FunctionLayer(torch.add, 1) for module in writers}
    writing = {module: WritesBack(plain[module]) for module in writers}

    def outputs(needed: Collection[nn.Module]) -> list[Tensor]:
        chosen = {module: (writing if module in needed else plain)[module] for module in writers}
        put(model, chosen)
        try:
            with undisturbed(model, training=False):
                return list(tensors_in(applied(model, copied(rows))))
        finally:
            put(model, {new: module for module, new in chosen.items()})

    needed, whole = set(writers), outputs(writers)
    if _alike(whole, outputs(())):
        return set()
    for module in writers:
        if _alike(whole, outputs(needed - {module})):
            needed.remove(module)
    return needed


def put(model: nn.Module, new: Mapping[nn.Module, nn.Module]) -> None:
    """Put layers in the places of others, everywhere in `model`: old -> new."""
    for parent in list(model.modules()):
        for attribute, child in list(children_of(parent).items()):  # named_children shows shared modules once
            if child is not None and child in new:
                setattr(parent, attribute, new[child])


def _outputs(model: nn.Module, rows: Tree, mode: CalledModules, written: set[CallPath]) -> list[Tensor]:
    mode.written = frozenset(written)
    with undisturbed(model, training=False):
        return list(tensors_in(applied(model, copied(rows))))


def _alike(a: Sequence[Tensor], b: Sequence[Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(a, b, strict=True))


def _part(model: nn.Module, site: Site, taken: set[str]) -> str:
    owner = model.get_submodule(site.owner)
    line = site.files[0].rpartition(":")[2]
    stem = name = f"{plain_name(site.name).strip('_')}_{line}"
    number = 1
    while hasattr(owner, name) or f"{site.owner}.{name}".strip(".") in taken:
        number += 1
        name = f"{stem}_{number}"
    return name


def is_torch_layer(layer: nn.Module) -> bool:
    """Whether it keeps its activation beside a note of what it was made with."""
    return isinstance(layer, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer)


def own_layers(
    model: nn.Module, rows: Tree, calls: Calls
) -> tuple[tuple[nn.Module, ...], tuple[Called, ...]]:
    """The hidden activations of a model that keeps its own, as layers that can be looked at.

    What it calls as functions becomes modules that call these functions, where they are fixed; torch's own
    layers, which have a fast path, stay.
    """
    sites = [what for what in calls.hidden if isinstance(what, Site)]
    made = {s: _layer(s) for s in sites if not is_torch_layer(model.get_submodule(s.owner))}
    fixed = {
        site: layer
        for site, layer in made.items()
        if layer is not None and site not in {*calls.varying, *calls.mixed, *calls.gates, *calls.output}
    }
    called = put_in(model, rows, list(fixed), list(fixed.values()))[0] if fixed else ()
    layers = [fixed.get(what) if isinstance(what, Site) else what for what in calls.hidden]
    return tuple(layer for layer in layers if layer is not None), called


def _layer(site: Site) -> FunctionLayer | None:
    given = (*site.arguments, *site.options.values())
    if site.name in NO_LAYERS or any(isinstance(value, Tensor) for value in given):
        return None
    name = plain_name(site.name).strip("_")
    options = {key: value for key, value in site.options.items() if key != "inplace"}
    return FunctionLayer(getattr(F, name), *site.arguments, **options)
