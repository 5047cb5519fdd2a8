"""One configuration of a study, complete: everything a trial needs besides data and seed."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sweeper.components.activations import DEFAULT_ACTIVATION
from sweeper.components.models import EMBEDDED, MODELS
from sweeper.components.penalties import DEFAULT_KIND
from sweeper.data.keys import Keys
from sweeper.study.arguments import signature
from sweeper.study.data_keys import given_keys
from sweeper.study.frozen import thawed
from sweeper.study.sections import TrainingSection
from sweeper.study.study import Study
from sweeper.user_code.lookup import is_built_in, resolve


@dataclass(frozen=True)
class Settings:
    """What one trial trains with; the study's sections with the trial's parameters filled in."""

    optimizer: str
    learning_rate: float
    options: Mapping[str, Any]
    """Optimizer options that the study sets: momentum, nesterov, dampening, weight_decay, betas, eps."""
    activation: str | None
    """``None``: the model keeps the activations it was written with."""
    activation_penalty: float
    """Weight of the mean over elements of |a| or a², summed over activation layers."""
    penalty_kind: str
    schedule: str
    model: str | Callable[..., Any]
    """Built-in name, ``package.module:function`` or the function itself."""
    model_options: Mapping[str, Any]
    """Further arguments of the model function (depth, width …), without `init`."""
    init: str | None
    """Initializer name; ``None`` leaves the weights as the model function made them."""
    swap: tuple[str, ...] | None
    """Patterns of names of activation layers to swap; ``None``: the hidden ones."""
    keep: tuple[str, ...]
    """Patterns of those not to swap."""
    loss: str | Callable[..., Any]
    epochs: float | None
    steps: int | None
    """Exactly one of `epochs` and `steps` is set."""
    batch_size: int | str
    """Rows per step, or ``full``."""
    evaluations: int
    """Number of evaluation points after step 0, evenly spaced, the last at the last step."""
    timeout: float
    """Seconds."""
    param_groups: str | Callable[..., Any] | None
    """What gives parameters options of their own; ``None``: nothing but marks does."""
    dtype: str
    device: str
    label_smoothing: float = 0.0
    class_weight: str | tuple[float, ...] | None = None
    quantile: float = 0.5
    ignore_index: int = -100
    metrics: tuple[str | Callable[..., Any], ...] = ()
    """Scores to record beside those that always are."""

    def loss_key(self, seed: int) -> tuple[Any, ...]:
        """What makes the loss of replicate `seed` another function: trials that share it may train as one."""
        own = seed if self.class_weight == "balanced" else None  # the training rows of each seed are its own
        return self.loss, self.label_smoothing, self.class_weight, self.quantile, self.ignore_index, own

    def shape_key(self, seed: int) -> str:
        """What trials must have in common, replicate `seed` of this one included, to train in one stack."""
        model = sorted(self.model_options.items())
        shape = (model, self.batch_size, self.dtype, self.device, self.loss_key(seed), self.param_groups)
        return repr(shape)

    def total_steps(self, rows: int) -> int:
        """Optimizer steps of the whole training on `rows` training rows."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, round(self.epochs * self.steps_per_epoch(rows)))

    def steps_per_epoch(self, rows: int) -> int:
        """Full batches in one pass; an incomplete last batch is left out of the pass."""
        if self.batch_size == "full":
            return 1
        return max(1, rows // int(self.batch_size))


def settings(study: Study, parameters: Mapping[str, Any]) -> Settings:
    """The study's sections with the values of one trial's `parameters` filled in.

    `parameters` maps names without conditional suffixes (``learning_rate``, ``model.depth``) to values.
    """
    chosen = dict(parameters)
    model = {**study.model.options, **thawed(_stripped(chosen, "model."))}
    changed = _stripped(chosen, "training.")
    section = TrainingSection.model_validate(changed)
    training = {name: getattr(study.training, name) for name in type(study.training).model_fields}
    if "epochs" in changed or "steps" in changed:  # a searched length replaces the fixed one
        training |= {"epochs": None, "steps": None}
    training |= {name: getattr(section, name) for name in changed}
    training["schedule"] = chosen.get("schedule", training["schedule"])
    del training["compile"]  # how it is computed, and no part of what is
    model.pop("init", None)
    options = study.space.optimizer_options
    return Settings(
        optimizer=chosen["optimizer"],
        learning_rate=float(chosen["learning_rate"]),
        options={name: value for name, value in chosen.items() if name in options},
        activation=chosen.get("activation", default_activation(study)),
        activation_penalty=float(chosen.get("activation_penalty", 0.0)),
        penalty_kind=chosen.get("penalty_kind", DEFAULT_KIND),
        model=study.model.source,
        model_options=model,
        init=chosen.get("model.init") or default_init(study),
        swap=study.model.swap,
        keep=study.model.keep or (),
        **training,
    )


def default_init(study: Study) -> str | None:
    """The initializer that the study names, or that built-in models take by themselves."""
    return study.model.init or ("auto" if is_built_in(study.model.source) else None)


def default_activation(study: Study) -> str | None:
    """The activation of a trial whose parameters name none; ``None`` of a model that brings its own or has
    none."""
    source = study.model.source
    return DEFAULT_ACTIVATION if is_built_in(source) and _has_hidden(source) else None


@cache
def _has_hidden(model: str) -> bool:
    """Whether the built-in model has hidden activations; ``linear`` has none."""
    return "activation" in inspect.signature(MODELS[model]).parameters


def _stripped(parameters: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in parameters.items() if key.startswith(prefix)}


def keys_of(study: Study) -> Keys:
    """What the study says of columns, split and classes, and whether its model takes codes of categories.

    A model of the user's is looked up, and its module imported.
    """
    section = study.data
    return Keys(**given_keys(section), split=section.split, embeds=_embeds(study))


def _embeds(study: Study) -> bool:
    """Whether the model of the study, which cannot be searched, takes codes."""
    source = study.model.source
    if is_built_in(source):
        return source in EMBEDDED
    function = resolve(source, study.folder) if isinstance(source, str) else source
    return "code_sizes" in signature(function)
