"""The sections of a study file, as frozen and typed objects; one class per ``[section]``.

Types are strict: text is no number, true is no number, and 20.5 is no count.
"""

from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sweeper.data.in_memory import InMemory, is_data
from sweeper.study.frozen import FrozenDict, frozen, thawed

Seconds = Annotated[float, Field(gt=0, le=1e9)]
"""Of time; also minutes. More than clocks of operating systems can wait for is a mistake."""
TRAINED = ("data", "model", "training")
"""Sections that say what is trained, beside the parameters of a trial."""
SHARES = (
    "must be three shares for train, validation and test that sum to 1 (train and validation above 0), "
    "for example [0.6, 0.2, 0.2]"
)


def _source(value: Any) -> Any:
    """A name, a path or a function."""
    value = str(value) if isinstance(value, Path) else value
    if not (callable(value) or (isinstance(value, str) and value.strip())):
        raise ValueError("must be a name, a file, package.module:function, or in Python a function")
    return value


def _data_source(value: Any) -> Any:
    """A name, a path, a function, or data that a caller has in hand."""
    return InMemory(value) if is_data(value) else value if isinstance(value, InMemory) else _source(value)


def _whole_number(value: Any) -> Any:
    """Let ``20.0`` and numpy's integers pass for 20."""
    whole = isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
    return int(value) if whole and not isinstance(value, bool) else value


def _batch_size(value: Any) -> Any:
    value = _whole_number(value)
    if value != "full" and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError("must be a whole number of at least 1, or 'full'")
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _compile(value: Any) -> Any:
    if not isinstance(value, bool) and value != "auto":
        raise ValueError('must be true or false, or "auto"')
    return value


def _class_weight(value: Any) -> Any:
    value = value.tolist() if isinstance(value, np.ndarray) else value
    numbers = isinstance(value, list | tuple) and len(value) >= 2
    numbers = numbers and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
    if value not in (None, "balanced") and not (numbers and all(0 <= each <= 1e9 for each in value)):
        raise ValueError('must be "balanced", or a list of a number from 0 to 1e9 for each class')
    return _tuple(value)


def _target(value: Any) -> Any:
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError("must be the name of a column, or a list of names")
    return value if isinstance(value, str) else names


def _three(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError(SHARES)
    return tuple(value)


def _whole(split: tuple[float, float, float]) -> tuple[float, float, float]:
    if abs(sum(split) - 1) > 1e-6 or min(split[:2]) <= 0 or split[2] < 0:
        raise ValueError(SHARES)
    return split


Source = Annotated[str | Callable[..., Any], BeforeValidator(_source)]
DataSource = Annotated[str | Callable[..., Any] | InMemory, BeforeValidator(_data_source)]
Count = Annotated[int, BeforeValidator(_whole_number)]
BatchSize = Annotated[int | Literal["full"], BeforeValidator(_batch_size)]
Shares = Annotated[tuple[float, float, float], BeforeValidator(_three), AfterValidator(_whole)]
Names = Annotated[tuple[str, ...], BeforeValidator(_tuple)]
Sources = Annotated[tuple[Source, ...], BeforeValidator(_tuple)]
ClassWeight = Annotated[Literal["balanced"] | tuple[float, ...] | None, BeforeValidator(_class_weight)]
Compile = Annotated[bool | Literal["auto"], BeforeValidator(_compile)]
Table = Annotated[dict[str, Any], AfterValidator(frozen)]
Target = Annotated[str | tuple[str, ...], BeforeValidator(_target)]
Loose = Annotated[Any, AfterValidator(frozen)]
"""What `sweeper.study.data_keys` checks: a data function may have an argument of that name, of any type."""
Tables = Annotated[tuple[dict[str, Any], ...], BeforeValidator(_tuple), AfterValidator(frozen)]


FIRST_GENERATION = 10
SMALLEST_GENERATION, LARGEST_GENERATION = 8, 256
GROWTH = 5
"""A generation is a fifth of the trials before it."""


class Section(BaseModel):
    """Frozen; unknown keys are mistakes."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False
    )


class OpenSection(Section):
    """A section whose further keys are arguments of its function."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    @model_validator(mode="after")
    def _freeze_options(self) -> "OpenSection":
        object.__setattr__(self, "__pydantic_extra__", frozen(self.model_extra or {}))
        return self

    @property
    def options(self) -> dict[str, Any]:
        """Further keys: arguments of the function; a fresh copy."""
        copy: dict[str, Any] = thawed(self.model_extra or {})
        return copy


class DataSection(OpenSection):
    """``[data]``: where inputs and targets come from and how they are split."""

    source: DataSource = "digits"
    target: Target | None = None
    """The column of a table to predict, or several."""
    columns: Loose = None
    """What columns of a table are: {column: kind}."""
    drop: Loose = None
    stratify: Loose = None
    group: Loose = None
    time: Loose = None
    classes: Loose = None
    split: Shares = (0.6, 0.2, 0.2)
    standardize: bool = True
    standardize_target: bool = False


class ModelSection(OpenSection):
    """``[model]``: the model function and its arguments."""

    source: Source = "mlp"
    init: str | None = None
    """``None`` stands for ``auto`` with built-in models; a model of your own keeps its weights."""
    swap: Names | None = None
    """Patterns of the names of the activation layers that are swapped; ``None``: the hidden ones."""
    keep: Names | None = None
    """Patterns of those that are not."""


class TrainingSection(Section):
    """``[training]``: the loop."""

    loss: Source = "cross_entropy"
    epochs: Annotated[float, Field(gt=0, le=1e9)] | None = None
    steps: Annotated[Count, Field(ge=1, le=10**12)] | None = None
    batch_size: BatchSize = 64
    schedule: str = "constant"
    evaluations: Annotated[Count, Field(ge=1, le=100_000)] = 20
    timeout: Seconds = 600.0
    dtype: Literal["float32", "float64"] = "float32"
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_weight: ClassWeight = None
    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.5
    ignore_index: Annotated[Count, Field(ge=-(2**62), lt=2**62)] = -100
    metrics: Sources = ()
    """Scores that are recorded beside those that always are: names, or functions of the user."""
    compile: Compile = "auto"
    param_groups: Source | None = None
    """Groups of parameters with options of their own; ``None``: all have those of the trial."""

    @model_validator(mode="before")
    @classmethod
    def _default_length(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("epochs") is None and data.get("steps") is None:
            return {**data, "epochs": 20.0}
        return data

    @model_validator(mode="after")
    def _one_length(self) -> "TrainingSection":
        if self.epochs is not None and self.steps is not None:
            raise ValueError("give epochs or steps, not both")
        return self


class SearchSection(Section):
    """``[search]``: how many trials, and how they are proposed, pruned and ranked."""

    trials: Annotated[Count, Field(ge=1, le=1_000_000)] = 60
    minutes: Seconds | None = None
    seed: Annotated[Count, Field(ge=0, lt=2**31)] = 0
    sampler: Literal["auto", "tpe", "random", "qmc", "gp", "grid", "cmaes"] = "auto"
    pruner: Literal["halving", "median", "wilcoxon", "none"] = "halving"
    scientific: Names = ("optimizer", "activation")
    generation: Annotated[Count, Field(ge=1, le=1_000_000)] | None = None
    lag: Annotated[Count, Field(ge=0, le=1000)] = 0
    """Generations that may still be trained when the next one is proposed."""
    objective: str = "validation_loss"
    maximize: bool | None = None
    """``None``: as the objective's name implies."""
    allow_activations: Names = ()
    """Activations that hidden layers may have, although they are refused otherwise."""
    space: Table = FrozenDict()
    tries: Tables = Field(default=(), alias="try")
    """Configurations to train first; what one leaves out is as in the default of its optimizer."""

    @model_validator(mode="before")
    @classmethod
    def _former_key(cls, raw: Any) -> Any:
        """Until 0.1 the key was ``insist``; runs and studies of that time still open."""
        if not isinstance(raw, Mapping) or "insist" not in raw or "allow_activations" in raw:
            return raw
        return {"allow_activations" if key == "insist" else key: value for key, value in raw.items()}

    @property
    def first_generation(self) -> int:
        """Trials that are dealt before the search learns."""
        return self.generation or FIRST_GENERATION

    def generation_at(self, start: int) -> int:
        """Trials of the generation that begins with number `start`.

        Larger ones train faster, as they fill stacks; smaller ones let the search learn more often. One more
        result teaches less where much is known, so generations grow; up to `LARGEST_GENERATION` where each
        waits for the one before.
        """
        if self.generation or start == 0:
            return self.first_generation
        largest = start if self.lag else LARGEST_GENERATION
        return min(max(start // GROWTH, SMALLEST_GENERATION), largest)


class ConfirmSection(Section):
    """``[confirm]``: retraining of the finalists on fresh seeds."""

    finalists: Annotated[Count, Field(ge=0, le=10_000)] = 5
    seeds: Annotated[Count, Field(ge=0, le=10_000)] = 10
    budget: Annotated[Count, Field(ge=0, le=1_000_000)] | None = None
    matters: Annotated[float, Field(ge=0, lt=1)] = 0.02

    def trainings(self, finalists: int) -> int:
        """Most trainings of a race of so many: `budget`, or `seeds` for each."""
        return finalists * self.seeds if self.budget is None else self.budget
