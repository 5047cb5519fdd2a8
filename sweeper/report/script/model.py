"""The model part of the script: the model function called as `sweeper.components.build` calls it."""

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.components import activations, initializers, models, outputs, precision
from sweeper.components.activations import DEFAULT_ACTIVATION, OWN, USERS_NAME, activation_of, initializer_of
from sweeper.components.build import Built, build, in_features, in_shape
from sweeper.components.called import Called
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.inner_loss import InnerForward
from sweeper.components.losses import Loss
from sweeper.components.models import MODELS
from sweeper.components.param_groups import MARK
from sweeper.components.tree import Tree, arguments, mapped
from sweeper.data.data import Data, is_real
from sweeper.errors import UserError
from sweeper.report.script.calls import call_code, call_lines, first_look
from sweeper.report.script.functions import Imported, asked, imported, literal, named, quoted
from sweeper.report.script.inner import inner_text
from sweeper.report.script.several import EACH
from sweeper.report.script.source import definitions, each_once
from sweeper.study.losses import out_features
from sweeper.study.settings import Settings
from sweeper.study.study import Study
from sweeper.user_code.calls import source_of
from sweeper.user_code.lookup import names_function

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ModelText:
    """What the template says about the model."""

    what: str
    """In words, for the docstring."""
    code: tuple[str, ...]
    """Functions, in order."""
    lines: tuple[str, ...]
    """Body that leaves `model`, and with a penalty the list `hidden` of its activation layers."""
    imported: Imported | None
    activation: Imported | None
    """The activation's class, where it is the user's."""
    penalised: bool
    """Whether there are activation layers to penalise, and a weight to do it with."""
    is_complex: bool
    """Whether parameters or buffers are complex numbers."""
    stars: str
    """How inputs are passed: ``*`` by position, ``**`` by name, else as they are."""
    calls: bool = False
    """Whether there are `calls`: modules that are called where the model calls activation functions."""
    marked: bool = False
    """Whether parameters have optimizer options of their own as marks."""


def model_text(study: Study, settings: Settings, data: Data, loss: Loss) -> ModelText:
    """How the script makes the model of `settings`.

    Raises:
        UserError: if a function cannot be imported by others, or an argument cannot be written down.
    """
    user = None
    function: Any = MODELS.get(settings.model) if isinstance(settings.model, str) else None
    name = getattr(function, "__name__", "")
    if function is None:
        _require_maker(settings.model)
        user = imported(settings.model, "model.source", "make_model", study.folder)
        function, name = user.function, "make_model"
        _require_maker(function)
    own = None
    if names_function(settings.activation):
        own = imported(settings.activation, "search.space.activation", USERS_NAME, study.folder)
    embedded = data.code_sizes if user is None and settings.model in models.EMBEDDED else ()
    maker = _Maker(function, asked(function), settings, data, loss)
    inner = inner_text(loss)
    penalised = settings.activation_penalty > 0
    remembered = penalised and "activation" in maker.takes
    lines = _remembering(maker.expression) if remembered else []
    made = f"{name}({', '.join(maker.arguments(remembered, bool(embedded)))})"
    if embedded:  # learnt vectors in place of codes
        made = f"Embedded({maker.row.shape[1]}, {embedded!r}, lambda width: {made})"
    lines.append(f"model = {made}")
    lines += [inner.line.format(stars=maker.inner_stars())] if inner else []
    lines += _fast_paths(maker.fast_paths()) if maker.activation and user else []
    lazy, is_complex, marked = maker.habits() if user else (False, False, False)
    lines += first_look(data, inner is not None) if lazy else []
    if remembered and (copies := maker.copies_names()):
        lines += [f"hidden += [model.get_submodule(name) for name in {quoted(copies)}]  # copies of those"]
    calls = False
    if "activation" not in maker.takes and (penalised or settings.activation):
        hidden = maker.hidden()
        penalised = penalised and bool(hidden.places)
        lines += _swap(hidden.swapped, maker.expression) if settings.activation and hidden.swapped else []
        calls = bool(hidden.called)
        lines += call_lines(hidden.called, maker.expression if settings.activation else None)
        names = quoted([found[0] for found in hidden.places])
        lines += [f"hidden = [model.get_submodule(name) for name in {names}]"] if penalised else []
    initialised = "init" not in maker.takes and maker.init != "torch_default"
    lines += [f"{maker.init}(model)"] if initialised else []
    code = [definitions(initializers, maker.init)] if initialised or "init" in maker.takes else []
    code += [] if user else [definitions(models, name)]
    code += each_once([*inner.code, definitions(outputs, "copied")]) if inner else []
    code += [EACH] if inner and not isinstance(data.inputs, tuple | dict) else []
    code += [definitions(models, "Embedded")] if embedded else []
    used = maker.expression.partition("(")[0] if maker.activation else ""
    code += [definitions(activations, used)] if used in OWN else []
    code += [definitions(precision, "to_precision")] if is_complex else []
    code += call_code(own_functions=settings.activation is None) if calls else []
    what, stars = _what(settings), maker.stars()
    return ModelText(what, tuple(code), tuple(lines), user, own, penalised, is_complex, stars, calls, marked)


def _require_maker(source: Any) -> None:
    if not isinstance(source, type) and hasattr(source, "named_parameters"):
        raise UserError(
            "model.source is a module that was made already, which no script can make again; name its class, "
            "or a function that makes it, in a module of its own"
        )


@dataclass(frozen=True)
class _Maker:
    """The model function, and what `build` calls it with."""

    function: Any
    takes: set[str]
    settings: Settings
    data: Data
    loss: Loss

    @property
    def row(self) -> Tree:
        """The first row as a batch of one."""
        return self.data.example

    @property
    def activation(self) -> str | None:
        """``None``: the model's own."""
        return self.settings.activation or (DEFAULT_ACTIVATION if "activation" in self.takes else None)

    @property
    def expression(self) -> str:
        """Code of a new activation layer."""
        return activation_of(self.activation or DEFAULT_ACTIVATION).expression

    @property
    def init(self) -> str:
        """Name of the initializer's function."""
        return INITIALIZERS[initializer_of(self.settings.init, self.activation)].__name__

    @property
    def given(self) -> dict[str, Any]:
        """What the data decide, as far as the function asks for it."""
        values = {
            "in_features": in_features(self.row),
            "in_shape": in_shape(self.row),
            "out_features": out_features(self.data, self.loss),
            "code_sizes": self.data.code_sizes,
        }
        return {key: value for key, value in values.items() if key in self.takes}

    def arguments(self, remembered: bool, embedded: bool = False) -> list[str]:
        """The arguments as code; of what stands behind learnt vectors, the shape is `width`."""
        written = {key: repr(value) for key, value in self.given.items()}
        if embedded:
            shape = {"in_features": "width", "in_shape": "(width,)"}
            written |= {key: text for key, text in shape.items() if key in written}
        factory = "activation" if remembered else _factory(self.expression)
        roles = {"activation": factory, "init": self.init}
        written |= {key: text for key, text in roles.items() if key in self.takes}
        options = self.settings.model_options
        written |= {key: literal(value, f"model.{key}") for key, value in options.items()}
        return named(written)

    def habits(self) -> tuple[bool, bool, bool]:
        """Whether layers take their shapes from a first row; whether there are complex numbers; marks."""
        # loaded late: torch takes seconds
        from torch.nn.parameter import UninitializedParameter

        roles = {
            "activation": activation_of(self.activation or DEFAULT_ACTIVATION).make,
            "init": INITIALIZERS["torch"],
        }
        asked_for = {key: value for key, value in roles.items() if key in self.takes}
        with _as_in_training(self.settings.dtype):
            model = self.function(**{**self.given, **asked_for, **self.settings.model_options})
        parameters, held = list(model.parameters()), [*model.parameters(), *model.buffers()]
        lazy = any(isinstance(parameter, UninitializedParameter) for parameter in parameters)
        marked = any(MARK in vars(parameter) for parameter in parameters)
        return lazy, any(tensor.dtype.is_complex for tensor in held), marked

    def hidden(self) -> "_Hidden":
        """The hidden activation layers of the model."""
        built = self._built()
        places = [names for layer in built.hidden if (names := _names(built.model, layer))]
        called = {one.name for one in built.called}
        parts = [(one, built.model.get_submodule(one.name)) for one in built.called]
        return _Hidden(places, [names for names in places if names[0] not in called], parts)

    def copies_names(self) -> list[str]:
        """Where those are that the function got by copying."""
        built = self._built()
        return [_names(built.model, layer)[0] for layer in built.copies]

    def fast_paths(self) -> list[str]:
        """Torch's layers that would apply in evaluation what they were made with."""
        return list(self._built().left_fast_paths)

    def stars(self) -> str:
        """How the model takes its inputs; see `ModelText.stars`."""
        if self.loss.inner:
            return "**"
        if isinstance(self.row, dict):
            return "**" if arguments(self._built().model, self.row)[1] else ""
        return "*" if isinstance(self.row, tuple) else ""

    def inner_stars(self) -> str:
        """How a model that computes its loss takes its inputs inside of that."""
        forward = self._built().model.forward
        return str(inspect.unwrap(forward, stop=lambda f: isinstance(f, InnerForward)).stars)  # type: ignore[attr-defined]

    def _built(self) -> Built:
        with _as_in_training(self.settings.dtype) as row_of:
            return build(
                self.function,
                row=mapped(row_of, self.row),
                out_features=out_features(self.data, self.loss),
                activation=self.settings.activation,
                init=None,
                options=self.settings.model_options,
                chosen=self.settings.swap,
                left=self.settings.keep,
                code_sizes=self.data.code_sizes,
                inner=self.loss.inner,
                target=row_of(self.data.targets[:1]),
            )


@dataclass(frozen=True)
class _Hidden:
    """Hidden activation layers."""

    places: list[list[str]]
    """The dotted names of each."""
    swapped: list[list[str]]
    """Those that stand where the model has a layer."""
    called: list[tuple[Called, "nn.Module"]]
    """Those that are called where it calls a function."""


def _factory(expression: str) -> str:
    """``nn.ReLU()`` -> ``nn.ReLU``; with arguments it takes a lambda."""
    plain = re.fullmatch(r"(nn\.\w+)\(\)", expression)
    return plain[1] if plain else f"lambda: {expression}"


def _remembering(expression: str) -> list[str]:
    return [
        "hidden = []  # activation layers; the penalty looks at what they put out",
        "",
        "def activation():",
        f"    hidden.append({expression})",
        "    return hidden[-1]",
        "",
    ]


def _fast_paths(layers: list[str]) -> list[str]:
    if not layers:
        return []
    return [
        f"for name in {quoted(layers)}:  # in evaluation, too, these apply `activation`, not what they noted",
        "    model.get_submodule(name).activation_relu_or_gelu = 0",
    ]


def _swap(places: list[list[str]], expression: str) -> list[str]:
    """Lines that put new activation layers in; a layer that the model uses at several places stays one."""
    if all(len(names) == 1 for names in places):
        return [
            f"for name in {quoted([names[0] for names in places])}:  # the hidden activation layers",
            '    parent, _, attribute = name.rpartition(".")',
            f"    setattr(model.get_submodule(parent), attribute, {expression})",
        ]
    return [
        f"for names in [{', '.join(map(quoted, places))}]:  # where the hidden activation layers are",
        f"    layer = {expression}",
        "    for name in names:",
        '        parent, _, attribute = name.rpartition(".")',
        "        setattr(model.get_submodule(parent), attribute, layer)",
    ]


def _names(model: "nn.Module", layer: "nn.Module") -> list[str]:
    return [name for name, module in model.named_modules(remove_duplicate=False) if module is layer]


@contextmanager
def _as_in_training(dtype: str) -> Iterator[Any]:
    """The default precision of a study, and a random generator that may be used up."""
    # loaded late: torch takes seconds
    import torch

    kind, default = getattr(torch, dtype), torch.get_default_dtype()

    def row_of(array: np.ndarray) -> torch.Tensor:
        whole = torch.bool if array.dtype.kind == "b" else torch.int64
        return torch.tensor(array, dtype=kind if is_real(array) else whole)

    torch.set_default_dtype(kind)
    try:
        with torch.random.fork_rng(devices=[]):
            yield row_of
    finally:
        torch.set_default_dtype(default)


def _what(settings: Settings) -> str:
    source = settings.model
    name = source if isinstance(source, str) else source_of(source)
    options = ", ".join(f"{key} {value}" for key, value in settings.model_options.items())
    parts = [name + (f" ({options})" if options else "")]
    if settings.activation:
        parts.append(f"activation {settings.activation}")
    return ", ".join(parts)
