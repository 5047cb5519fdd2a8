"""What pydantic cannot know: that names exist, that keys fit the functions they go to."""

import inspect
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sweeper.components.initializers import INITIALIZERS
from sweeper.components.inner_loss import STEP
from sweeper.components.instance import Anew, why_not_reset
from sweeper.components.losses import LOSSES
from sweeper.components.models import LIMITS as MODEL_LIMITS
from sweeper.components.models import MODELS
from sweeper.components.models import WORDS as MODEL_WORDS
from sweeper.components.param_groups import PARAM_GROUPS
from sweeper.components.schedules import SCHEDULES
from sweeper.data.files import ENDINGS, TABLES, find, find_folder, names_folder
from sweeper.data.images import LIMITS as IMAGE_LIMITS
from sweeper.data.images import image_folder
from sweeper.data.in_memory import InMemory
from sweeper.data.sources import DATASETS
from sweeper.data.sources import LIMITS as DATA_LIMITS
from sweeper.data.table_files import column_names
from sweeper.errors import MAX_MISTAKES, Mistake, UserError, did_you_mean
from sweeper.printable import RESERVED
from sweeper.study.arguments import (
    check_arguments,
    check_limits,
    check_required,
    check_types,
    signature,
)
from sweeper.study.check_losses import check_loss_options, check_metrics
from sweeper.study.check_search import check_expect, check_search
from sweeper.study.data_keys import check_keys, check_names, given_keys
from sweeper.study.explain import Sections
from sweeper.study.own_step import check_own_step
from sweeper.study.parse_space import parse_space, wrong_parameters
from sweeper.study.sections import DataSection, ModelSection, TrainingSection
from sweeper.study.space import Space, Values
from sweeper.user_code.calls import name_of
from sweeper.user_code.lookup import names_function, resolve

FUNCTION = "package.module:function"
MAX_NAME = 120
"""Characters of a study's name: folders are called by it, and by two of them."""


def check_name(name: Any) -> list[Mistake]:
    """A name that some file system does not take; runs of old that have one still open."""
    if not isinstance(name, str):
        return []
    if len(name) > MAX_NAME:
        return [Mistake("name", f"at most {MAX_NAME} characters, as folders are called by it", name)]
    if RESERVED.fullmatch(name):
        return [Mistake("name", "is a device on Windows; take another", name)]
    return []


def check(read: Sections, folder: Path | None) -> list[Mistake]:
    """Every mistake that needs the components to be seen; sections that cannot be read are skipped."""
    mistakes: list[Mistake] = []
    space = parse_space(read.search.space, mistakes) if read.search else None
    wrong = wrong_parameters(mistakes)
    if read.data:
        _check_data(read.data, folder, mistakes)
    if space:
        _check_activations(space, folder, mistakes)
    if read.model:
        _check_model(read.model, space, folder, mistakes)
    if read.training:
        _check_training(read.training, space, folder, mistakes)
        check_own_step(read.training, read.model, space, folder, mistakes)
    if read.search and space:
        check_search(read.search, space, read.training, wrong, mistakes)
    if read.expect and space:
        check_expect(read.expect, space, wrong, mistakes)
    return mistakes


def _check_data(data: DataSection, folder: Path | None, mistakes: list[Mistake]) -> None:
    source = data.source
    if isinstance(source, InMemory):
        _check_no_options(data, mistakes)
        check_keys(data, None, mistakes)
        return
    if isinstance(source, str) and source not in DATASETS and source.lower().endswith(ENDINGS):
        if check_keys(data, None, mistakes):
            _check_file(data, source, folder, mistakes)
        return
    if isinstance(source, str) and names_folder(source):
        _check_images(data, source, folder, mistakes)
        return
    named = [*DATASETS, *(f"a {ending} file" for ending in ENDINGS), FUNCTION]
    function = _function(source, "data.source", DATASETS, named, folder, mistakes)
    if function is None:
        return
    check_keys(data, function, mistakes)
    check_arguments("data", data.options, function, set(DataSection.model_fields), mistakes)
    check_required("data", function, {*data.options, *given_keys(data)}, mistakes)
    if source in DATASETS:
        check_types("data", function, data.options, mistakes)
        check_limits("data", DATA_LIMITS, {}, data.options, mistakes)


def _check_images(data: DataSection, source: str, folder: Path | None, mistakes: list[Mistake]) -> None:
    check_keys(data, None, mistakes)
    _check_no_options(data, mistakes, known=IMAGE_LIMITS)
    check_types("data", image_folder, data.options, mistakes)
    check_limits("data", IMAGE_LIMITS, {}, data.options, mistakes)
    try:
        find_folder(source, folder)
    except UserError as error:
        mistakes.append(Mistake("data.source", str(error), source))


def _check_no_options(data: DataSection, mistakes: list[Mistake], known: Collection[str] = ()) -> None:
    for key, value in data.options.items():
        if key in known:
            continue
        hint = did_you_mean(key, [*DataSection.model_fields, *known])
        mistakes.append(Mistake(f"data.{key}", f"unknown key; {hint}", value))


def _check_file(data: DataSection, source: str, folder: Path | None, mistakes: list[Mistake]) -> None:
    _check_no_options(data, mistakes)
    try:
        path = find(source, folder)
    except UserError as error:
        mistakes.append(Mistake("data.source", str(error), source))
        return
    if path.suffix.lower() in TABLES:
        names = column_names(path)
        if names:
            check_names(data, names, mistakes)


def _check_activations(space: Space, folder: Path | None, mistakes: list[Mistake]) -> None:
    """Classes of the user's own must be modules that are made without arguments."""
    for key in [key for key in space.entries if space.base(key) == "activation"]:
        for name in space.entries[key].values or ():
            if not names_function(name):
                continue
            activation = _function(name, f"search.space.{key}", {}, [], folder, mistakes)
            if activation is None:
                continue
            problem = _no_activation(activation)
            if problem:
                mistakes.append(Mistake(f"search.space.{key}", problem, name))


def _no_activation(activation: Any) -> str:
    """Why an object is no class of activation layers; empty if it is one."""
    if not isinstance(activation, type) or not issubclass(activation, nn.Module):
        return "must be a class of torch.nn.Module"
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    asked = [p for p in signature(activation).values() if p.kind not in variable]
    needed = [p.name for p in asked if p.default is p.empty]
    return f"must be made without arguments; it needs {', '.join(needed)}" if needed else ""


def _check_model(
    model: ModelSection, space: Space | None, folder: Path | None, mistakes: list[Mistake]
) -> None:
    source = model.source
    function = _function(source, "model.source", MODELS, [*MODELS, FUNCTION], folder, mistakes)
    if isinstance(function, nn.Module):
        if problem := why_not_reset(function):
            mistakes.append(Mistake("model.source", problem, type(function).__name__))
        function = Anew(function)
    searched = _searched(space) if space else {}
    inits = {"model.init": () if model.init is None else (model.init,)}
    if "init" in searched:
        inits["search.space.model.init"] = searched.pop("init").values or ("a range",)
    for key, names in inits.items():
        allowed = ["auto", *INITIALIZERS]
        for name in [name for name in names if name not in allowed][:MAX_MISTAKES]:
            mistakes.append(Mistake(key, did_you_mean(str(name), allowed), name))
    for name in ("swap", "keep"):
        if name in searched:
            del searched[name]
            mistakes.append(Mistake(f"search.space.model.{name}", f"cannot be searched; set model.{name}"))
    if function is None:
        return
    _check_swap(model, function, space, mistakes)
    check_arguments("model", model.options, function, set(ModelSection.model_fields), mistakes)
    check_arguments("search.space.model", searched, function, {"init"}, mistakes)
    check_required("model", function, {*model.options, *searched}, mistakes)
    if source in MODELS:
        for where, given in (("model", model.options), ("search.space.model", searched)):
            check_types(where, function, given, mistakes)
            check_limits(where, MODEL_LIMITS, MODEL_WORDS, given, mistakes)


def _check_swap(model: ModelSection, function: Any, space: Space | None, mistakes: list[Mistake]) -> None:
    """Patterns that would do nothing; whether they fit is seen once there is a model."""
    for name in ("swap", "keep"):
        patterns = getattr(model, name)
        if patterns is None:
            continue
        problem = ""
        if not patterns:
            problem = "must name activation layers, for example ['net.*']; leave it out for the hidden ones"
        elif "activation" in signature(function):
            problem = (
                f"{name_of(function)} asks for activation and decides where it goes, so nothing is swapped; "
                "leave it out"
            )
        elif space and "activation" not in space.parameters:
            problem = "nothing is swapped without search.space.activation; give that, or leave this out"
        if problem:
            mistakes.append(Mistake(f"model.{name}", problem, list(patterns)))


def _searched(space: Space) -> dict[str, Values]:
    """Searched arguments of the model function."""
    return {
        space.base(key).removeprefix("model."): values
        for key, values in space.entries.items()
        if key.startswith("model.") and key != "model.source"
    }


def _check_training(
    training: TrainingSection, space: Space | None, folder: Path | None, mistakes: list[Mistake]
) -> None:
    if training.schedule not in SCHEDULES:
        hint = did_you_mean(training.schedule, list(SCHEDULES))
        mistakes.append(Mistake("training.schedule", hint, training.schedule))
    losses = {"training.loss": (training.loss,)}
    if space:
        searched = [key for key in space.entries if space.base(key) == "training.loss"]
        losses |= {f"search.space.{key}": space.entries[key].values or () for key in searched}
    for key, names in losses.items():
        for loss in names[:MAX_MISTAKES]:
            if loss != STEP:
                _function(loss, key, LOSSES, [*LOSSES, STEP, FUNCTION], folder, mistakes)
    if training.param_groups is not None:
        named = [*PARAM_GROUPS, FUNCTION]
        _function(training.param_groups, "training.param_groups", PARAM_GROUPS, named, folder, mistakes)
    check_loss_options(training, space, mistakes)
    check_metrics(
        training.metrics,
        lambda source: _function(source, "training.metrics", {}, [], folder, mistakes),
        mistakes,
    )
    problem = _missing_device(training.device)
    if problem:
        mistakes.append(Mistake("training.device", problem, training.device))
    if training.device == "mps" and training.dtype == "float64":
        mistakes.append(Mistake("training.dtype", "mps has no float64; use float32", training.dtype))


def _missing_device(name: str) -> str:
    """Why this machine cannot train on the device; empty if it can."""
    device_type, _, number = name.partition(":")
    if device_type == "mps" and not torch.backends.mps.is_available():
        return "this machine has no Apple GPU that torch can use; use auto or cpu"
    if device_type != "cuda" or int(number or 0) < torch.cuda.device_count():
        return ""
    if number and torch.cuda.device_count():
        return f"this machine has {torch.cuda.device_count()} CUDA devices, counted from 0"
    return "torch finds no CUDA device on this machine; use auto or cpu, and ask: sweeper doctor"


def _function(
    source: str | Callable[..., Any],
    key: str,
    registry: Mapping[str, Any],
    allowed: list[str],
    folder: Path | None,
    mistakes: list[Mistake],
) -> Any:
    """What `source` names, or ``None`` if that is a mistake."""
    if not isinstance(source, str):
        return source
    if source in registry:
        return registry[source]
    if not names_function(source):
        entries = {name: registry.get(name) for name in allowed}  # which may have other names
        mistakes.append(Mistake(key, did_you_mean(source, entries), source))
        return None
    try:
        return resolve(source, folder)
    except UserError as error:
        mistakes.append(Mistake(key, str(error), source))
        return None
