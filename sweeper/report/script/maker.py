"""The model function of a study, and what is known of the model that it makes."""

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sweeper.components.activations import DEFAULT_ACTIVATION, activation_of, initializer_of
from sweeper.components.build import Built, build, in_features, in_shape
from sweeper.components.call_sites import WritesBack
from sweeper.components.called import Called
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.inner_loss import InnerForward
from sweeper.components.losses import Loss
from sweeper.components.param_groups import MARK
from sweeper.components.tree import Tree, arguments, mapped
from sweeper.data.data import Data, is_real
from sweeper.report.script.functions import literal, named
from sweeper.study.losses import out_features
from sweeper.study.settings import Settings

if TYPE_CHECKING:
    from torch import nn


class Habits(NamedTuple):
    """What the script does for the model beside making it."""

    lazy: bool = False
    """Whether layers take their shapes from a first row."""
    is_complex: bool = False
    """Whether parameters or buffers are complex numbers."""
    marked: bool = False
    """Whether parameters have optimizer options of their own as marks."""


@dataclass(frozen=True)
class Hidden:
    """Hidden activation layers."""

    places: list[list[str]]
    """The dotted names of each."""
    swapped: list[list[str]]
    """Those that stand where the model has a layer."""
    written: list[list[str]]
    """Those of them that write into their input: the names of what does it."""
    called: list[tuple[Called, "nn.Module"]]
    """Those that are called where it calls a function."""


NOWHERE = Hidden([], [], [], [])
"""Hidden layers that nobody asked for."""


@dataclass(frozen=True)
class Maker:
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

    @property
    def habits(self) -> "Habits":
        """Of the model as it is made, without a look at a row."""
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
        return Habits(
            lazy=any(isinstance(parameter, UninitializedParameter) for parameter in parameters),
            is_complex=any(tensor.dtype.is_complex for tensor in held),
            marked=any(MARK in vars(parameter) for parameter in parameters),
        )

    @property
    def hidden(self) -> "Hidden":
        """The hidden activation layers of the model."""
        built = self.built
        places = [names for layer in built.hidden if (names := _names(built.model, layer))]
        called = {one.name for one in built.called}
        parts = [(one, built.model.get_submodule(one.name)) for one in built.called]
        layers = [names for names in places if names[0] not in called]
        around = [[name.rpartition(".")[0] for name in names] for names in layers]
        writes = [isinstance(built.model.get_submodule(names[0]), WritesBack) for names in around]
        swapped = [names for names, back in zip(layers, writes, strict=True) if not back]
        return Hidden(
            places, swapped, [names for names, back in zip(around, writes, strict=True) if back], parts
        )

    @property
    def copies_names(self) -> list[str]:
        """Where those are that the function got by copying."""
        built = self.built
        return [_names(built.model, layer)[0] for layer in built.copies]

    @property
    def fast_paths(self) -> list[str]:
        """Torch's layers that would apply in evaluation what they were made with."""
        return list(self.built.left_fast_paths)

    @property
    def stars(self) -> str:
        """How the model takes its inputs; see `ModelText.stars`."""
        if self.loss.inner:
            return "**"
        if isinstance(self.row, dict):
            return "**" if arguments(self.built.model, self.row)[1] else ""
        return "*" if isinstance(self.row, tuple) else ""

    @property
    def inner_stars(self) -> str:
        """How a model that computes its loss takes its inputs inside of that."""
        forward = self.built.model.forward
        return str(inspect.unwrap(forward, stop=lambda f: isinstance(f, InnerForward)).stars)  # type: ignore[attr-defined]

    @cached_property
    def built(self) -> Built:
        """The model as a trial builds it."""
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


def _factory(expression: str) -> str:
    """``nn.ReLU()`` -> ``nn.ReLU``; with arguments it takes a lambda."""
    plain = re.fullmatch(r"(nn\.\w+)\(\)", expression)
    return plain[1] if plain else f"lambda: {expression}"


def _names(model: "nn.Module", layer: "nn.Module") -> list[str]:
    return [name for name, module in model.named_modules(remove_duplicate=False) if module is layer]


@contextmanager
def _as_in_training(dtype: str) -> Iterator[Any]:
    """The default precision of a study, and a random generator that may be used up."""
    # loaded late: torch takes seconds
    import torch

    # loaded late: it loads torch
    from sweeper.components.precision import default_precision

    kind = getattr(torch, dtype)

    def row_of(array: np.ndarray) -> torch.Tensor:
        whole = torch.bool if array.dtype.kind == "b" else torch.int64
        return torch.tensor(array, dtype=kind if is_real(array) else whole)

    with default_precision(kind), torch.random.fork_rng(devices=[]):
        yield row_of
