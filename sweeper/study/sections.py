"""The sections of a study file, as frozen and typed objects; one class per ``[section]``."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Source = str | Callable[..., Any]
Positive = Annotated[float, Field(gt=0)]


def _three_shares(split: tuple[float, float, float]) -> tuple[float, float, float]:
    if abs(sum(split) - 1) > 1e-6 or min(split[0], split[1]) <= 0 or split[2] < 0:
        raise ValueError(
            "three shares for train, validation and test that sum to 1 (train and validation above 0), "
            "for example [0.6, 0.2, 0.2]"
        )
    return split


def _whole_number(value: Any) -> Any:
    """Let ``20.0`` pass for 20, but never a bool for a number."""
    if isinstance(value, bool):
        raise ValueError("a whole number, not true or false")
    return int(value) if isinstance(value, float) and value.is_integer() else value


Count = Annotated[int, BeforeValidator(_whole_number)]


class Section(BaseModel):
    """Frozen; unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)


class DataSection(Section):
    """``[data]``: where inputs and targets come from and how they are split."""

    model_config = ConfigDict(extra="allow")

    source: Source = "digits"
    target: str | None = None
    split: Annotated[tuple[float, float, float], AfterValidator(_three_shares)] = (0.6, 0.2, 0.2)
    standardize: bool = True
    standardize_target: bool = False

    @property
    def options(self) -> Mapping[str, Any]:
        """Further keys: arguments of the data function."""
        return dict(self.model_extra or {})


class ModelSection(Section):
    """``[model]``: the model function and its arguments."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    source: Source = "mlp"
    init: str | None = None
    """``None`` stands for ``auto`` with built-in models; a model of your own keeps its weights."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Further keys: arguments of the model function."""
        return dict(self.model_extra or {})


class TrainingSection(Section):
    """``[training]``: the loop."""

    loss: Source = "cross_entropy"
    epochs: Positive | None = None
    steps: Annotated[Count, Field(ge=1)] | None = None
    batch_size: Annotated[Count, Field(ge=1)] | Literal["full"] = 64
    schedule: str = "constant"
    evaluations: Annotated[Count, Field(ge=1)] = 20
    timeout: Positive = 600.0
    dtype: Literal["float32", "float64"] = "float32"
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"

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

    trials: Annotated[Count, Field(ge=1)] = 60
    minutes: Positive | None = None
    seed: Annotated[Count, Field(ge=0, lt=2**31)] = 0
    sampler: Literal["auto", "tpe", "random", "qmc", "gp", "grid", "cmaes"] = "auto"
    pruner: Literal["halving", "median", "wilcoxon", "none"] = "halving"
    scientific: tuple[str, ...] = ("optimizer", "activation")
    generation: Annotated[Count, Field(ge=1)] = 20
    objective: Literal["validation_loss", "validation_error", "train_loss"] = "validation_loss"
    insist: tuple[str, ...] = ()
    """Activations that hidden layers may have although the study would refuse them."""
    space: Mapping[str, Any] = Field(default_factory=dict)


class ConfirmSection(Section):
    """``[confirm]``: retraining of the finalists on fresh seeds."""

    finalists: Annotated[Count, Field(ge=0)] = 5
    seeds: Annotated[Count, Field(ge=0)] = 10
