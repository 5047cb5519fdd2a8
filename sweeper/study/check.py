"""What pydantic cannot know: that names exist, that keys fit the functions they go to."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.datasets import DATASETS
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.lookup import resolve
from sweeper.components.losses import LOSSES
from sweeper.components.models import MODELS
from sweeper.components.schedules import SCHEDULES
from sweeper.errors import Mistake, UserError, did_you_mean
from sweeper.study.parse_space import parse_space
from sweeper.study.sections import DataSection, ModelSection, SearchSection, TrainingSection
from sweeper.study.space import Range, Space

GIVEN = {"in_features", "out_features", "in_shape", "activation", "init"}
FILE_ENDINGS = (".csv", ".parquet", ".npz", ".pt")


def check(sections: Mapping[str, Any], folder: Path | None) -> list[Mistake]:
    """Every mistake that needs the components to be seen; sections that are ``None`` are skipped."""
    mistakes: list[Mistake] = []
    space = parse_space(sections["search"].space, mistakes) if sections["search"] else None
    if sections["data"]:
        _check_data(sections["data"], folder, mistakes)
    if sections["model"]:
        _check_model(sections["model"], space, folder, mistakes)
    if sections["training"]:
        _check_training(sections["training"], sections["model"], folder, mistakes)
    if sections["search"] and space:
        _check_search(sections["search"], space, mistakes)
    return mistakes


def _check_data(data: DataSection, folder: Path | None, mistakes: list[Mistake]) -> None:
    source = data.source
    function = DATASETS.get(source) if isinstance(source, str) else source
    if isinstance(source, str) and function is None:
        if source.lower().endswith(FILE_ENDINGS):
            allowed = [name for name in DataSection.model_fields]
            for key in data.options:
                mistakes.append(Mistake(f"data.{key}", f"unknown key; {did_you_mean(key, allowed)}"))
            return
        if ":" not in source:
            allowed = [*DATASETS, *(f"a {ending} file" for ending in FILE_ENDINGS), "package.module:function"]
            mistakes.append(Mistake("data.source", did_you_mean(source, allowed), source))
            return
        function = _resolved(source, "data.source", folder, mistakes)
    if function is not None:
        _check_arguments("data", data.options, function, set(DataSection.model_fields), mistakes)


def _check_model(model: ModelSection, space: Space | None, folder: Path | None, mistakes: list[Mistake]) -> None:
    source = model.source
    function = MODELS.get(source) if isinstance(source, str) else source
    if isinstance(source, str) and function is None:
        if ":" not in source:
            allowed = [*MODELS, "package.module:function"]
            mistakes.append(Mistake("model.source", did_you_mean(source, allowed), source))
        else:
            function = _resolved(source, "model.source", folder, mistakes)
    inits = {"model.init": [model.init] if model.init else []}
    if space and "model.init" in space.entries:
        inits["search.space.model.init"] = list(space.entries["model.init"].values or ())
    for key, names in inits.items():
        for name in names:
            if name not in (allowed := ["auto", *INITIALIZERS]):
                mistakes.append(Mistake(key, did_you_mean(str(name), allowed), name))
    if function is None:
        return
    _check_arguments("model", model.options, function, {"source", "init"}, mistakes)
    searched = [key.removeprefix("model.") for key in (space.entries if space else ()) if key.startswith("model.")]
    options = {name: ... for name in searched if name != "init"}
    _check_arguments("search.space.model", options, function, {"init"}, mistakes)
    _check_required(function, {*model.options, *searched}, mistakes)


def _check_arguments(
    section: str,
    options: Mapping[str, Any],
    function: Callable[..., Any],
    own: set[str],
    mistakes: list[Mistake],
) -> None:
    """Further keys of a section must be arguments of its function."""
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    taken = [name for name in parameters if name not in GIVEN]
    for key in options:
        if key not in taken:
            name = getattr(function, "__name__", str(function))
            hint = did_you_mean(key, sorted(own | set(taken)))
            mistakes.append(Mistake(f"{section}.{key}", f"no argument of {name}; {hint}"))


def _check_required(function: Callable[..., Any], given: set[str], mistakes: list[Mistake]) -> None:
    for name, parameter in inspect.signature(function).parameters.items():
        variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if parameter.default is parameter.empty and not variadic and name not in GIVEN | given:
            shown = getattr(function, "__name__", str(function))
            problem = f"missing; {shown} asks for it. Without a key it is given only {', '.join(sorted(GIVEN))}"
            mistakes.append(Mistake(f"model.{name}", problem))


def _check_training(
    training: TrainingSection, model: ModelSection | None, folder: Path | None, mistakes: list[Mistake]
) -> None:
    if training.schedule not in SCHEDULES:
        mistakes.append(
            Mistake("training.schedule", did_you_mean(training.schedule, list(SCHEDULES)), training.schedule)
        )
    loss = training.loss
    if isinstance(loss, str) and loss not in LOSSES:
        if ":" not in loss:
            allowed = [*LOSSES, "package.module:function"]
            mistakes.append(Mistake("training.loss", did_you_mean(loss, allowed), loss))
        else:
            _resolved(loss, "training.loss", folder, mistakes)


def _check_search(search: SearchSection, space: Space, mistakes: list[Mistake]) -> None:
    for name in search.scientific:
        if name not in space.parameters and name not in ("optimizer", "activation"):
            hint = did_you_mean(name, list(space.parameters))
            mistakes.append(Mistake("search.scientific", f"not in the search space; {hint}", name))
        elif isinstance(values := space.entries.get(name), Range) and values.values is None:
            problem = "a continuous range cannot be compared evenly; give it a list of values"
            mistakes.append(Mistake("search.scientific", problem, name))
    activation = space.entries.get("activation")
    for name in (activation.values or ()) if activation else ():
        component = ACTIVATIONS.get(name)
        if component and not component.elementwise and name not in search.insist:
            problem = f"not for hidden layers: {component.note}. To insist, set search.insist = [{name!r}]"
            mistakes.append(Mistake("search.space.activation", problem, name))
    for name in search.insist:
        if name not in ACTIVATIONS:
            mistakes.append(Mistake("search.insist", did_you_mean(name, list(ACTIVATIONS)), name))
    _check_nesterov(space, mistakes)


def _check_nesterov(space: Space, mistakes: list[Mistake]) -> None:
    """torch.optim.SGD refuses Nesterov without momentum or with dampening."""
    if "nesterov" not in space.entries or True not in (space.entries["nesterov"].values or ()):
        return
    dampening = space.entries.get("dampening")
    if dampening is not None and dampening.at(0.999999) != 0:
        mistakes.append(Mistake("search.space.nesterov", "Nesterov momentum needs dampening = 0"))
    momentum = space.entries.get("momentum")
    lowest = momentum.at(0.0) if momentum is not None else 0
    if "sgd" in space.accepted and space.entry("nesterov", "sgd") and not lowest > 0:
        problem = "Nesterov needs momentum above 0; set search.space.momentum, or use optimizer nesterov"
        mistakes.append(Mistake("search.space.nesterov", problem))


def _resolved(source: str, key: str, folder: Path | None, mistakes: list[Mistake]) -> Any:
    try:
        return resolve(source, folder)
    except UserError as error:
        mistakes.append(Mistake(key, str(error), source))
        return None
