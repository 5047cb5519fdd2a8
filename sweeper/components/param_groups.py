"""Options that parameters have of their own: groups, as ``torch.optim`` has them, and marks on parameters.

A group is what the optimizer is given for some parameters in place of the trial's options: weight_decay and
the like as they are, ``lr_scale`` times the trial's learning rate, ``lr`` in its place. The schedule goes for
all. A mark is the attribute `_optim` of a parameter, a dict of such options (Gu et al. 2022, S4).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from torch import Tensor, nn

from sweeper.components.optimizers import OPTIMIZER_OPTIONS

MARK = "_optim"
KNOWN = {"lr", "lr_scale", *OPTIMIZER_OPTIONS}
"""Options that a group may have; ``params`` and ``name`` too."""


def decay_weights(model: nn.Module) -> list[dict[str, Any]]:
    """No weight decay on biases, norms and all others with less than two dimensions."""
    free = [p for p in model.parameters() if p.requires_grad]
    plain = [p for p in free if p.ndim < 2]
    return [{"params": [p for p in free if p.ndim >= 2]}, {"params": plain, "weight_decay": 0.0}]


PARAM_GROUPS: dict[str, Callable[[nn.Module], Any]] = {"decay_weights": decay_weights}


def own_options(model: nn.Module, function: Callable[[nn.Module], Any] | None) -> dict[str, dict[str, Any]]:
    """Name of each parameter -> the options of its own, marks over those of its group.

    Raises:
        ValueError: saying what is wrong with the groups.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    options_of: dict[str, dict[str, Any]] = {}
    for number, group in enumerate(function(model) if function else ()):
        if not isinstance(group, dict) or "params" not in group:
            raise ValueError(f"group {number} must be a dict with params, not {type(group).__name__}")
        options = {key: value for key, value in group.items() if key not in ("params", "name")}
        given = group["params"]  # torch takes a single one, too
        for parameter in [given] if isinstance(given, Tensor) else given:
            if isinstance(parameter, tuple):  # torch takes pairs (name, parameter) too
                parameter = parameter[1]
            name = names.get(id(parameter))
            if name is None:
                raise ValueError(f"group {number} has a parameter that is none of the model's")
            if name in options_of:
                raise ValueError(f"{name} is in two groups")
            options_of[name] = options
    free = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    left = [name for name in free if name not in options_of]
    if function and left:
        raise ValueError(
            f"{', '.join(left[:8])} in no group; what is not to be trained gets requires_grad = False"
        )
    for name, parameter in model.named_parameters():
        options_of[name] = {**options_of.get(name, {}), **vars(parameter).get(MARK, {})}
    if free and all("lr" in options_of[name] for name in free):
        raise ValueError("every group has an lr: learning_rate would do nothing; give lr_scale, a factor")
    return options_of


def check_options(own: Mapping[str, Mapping[str, Any]]) -> None:
    """Of parameters, as `own_options` gives them.

    Raises:
        ValueError: naming an option that no optimizer has.
    """
    unknown = sorted({key for options in own.values() for key in options} - KNOWN)
    if unknown:
        raise ValueError(f"option {unknown[0]!r} of a group; allowed: {', '.join(sorted(KNOWN))}")


def grouped(
    model: nn.Module, own: Mapping[str, Mapping[str, Any]], taken: Collection[str], learning_rate: float
) -> Any:
    """What an optimizer is given: the parameters, or groups of those with the same options.

    `taken`: options that the optimizer has; others play no part. ``initial_lr`` of a group is its learning
    rate before the schedule.
    """
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        options = group_options(own.get(name, {}), taken, learning_rate)
        groups.setdefault(repr(options), {"params": [], **options})["params"].append(parameter)
    if len(groups) == 1 and not any(own.values()):
        return model.parameters()
    return sorted(groups.values(), key=lambda group: group["initial_lr"] != learning_rate)


def group_options(own: Mapping[str, Any], taken: Collection[str], learning_rate: float) -> dict[str, Any]:
    """The options of a group in terms of ``torch.optim``."""
    rate = float(own.get("lr", learning_rate)) * float(own.get("lr_scale", 1.0))
    options = {key: own[key] for key in sorted(own) if key in taken}
    return {**options, "lr": rate, "initial_lr": rate}
