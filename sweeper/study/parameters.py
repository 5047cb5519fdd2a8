"""The parameters of a trial: which there are, and which values each may have."""

from collections.abc import Container, Mapping
from typing import Any

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZER_OPTIONS, OPTIMIZERS, Allowed
from sweeper.components.optimizers.option import ABOVE_ZERO, AT_LEAST_ZERO
from sweeper.components.penalties import PENALTIES
from sweeper.components.schedules import SCHEDULES
from sweeper.study.sections import TrainingSection

NAMES: dict[str, Mapping[str, Any]] = {
    "optimizer": OPTIMIZERS,
    "activation": ACTIVATIONS,
    "penalty_kind": PENALTIES,
    "schedule": SCHEDULES,
}
"""Parameters whose values are names of components."""
SCHEDULE_KEYS = ("schedule", "training.schedule")
"""Keys of a space that search the schedule; it has one of them at most."""
ALLOWED: dict[str, Allowed] = {
    "learning_rate": ABOVE_ZERO,
    "activation_penalty": AT_LEAST_ZERO,
    **OPTIMIZER_OPTIONS,
}
"""All others: what their values may be."""
PENALTY = "activation_penalty"
"""Its weight, as a setting."""
PENALTY_RANGE = (1e-4, 1.0)
"""Weights of the activation penalty that are searched where nobody says which."""
PARAMETERS = [*NAMES, *ALLOWED]
THE_SAME_FOR_ALL = (
    "evaluations",
    "timeout",
    "device",
    "compile",
    "quantile",
    "ignore_index",
    "metrics",
    "param_groups",
)
"""Keys of [training] that say how trials are judged and where they run."""
SEARCHABLE_TRAINING = [name for name in TrainingSection.model_fields if name not in THE_SAME_FOR_ALL]
WHOLE_TRAINING = ("steps", "batch_size")


def searches_schedule(parameters: Container[str]) -> bool:
    """Whether trials with these parameters have schedules of their own."""
    return any(key in parameters for key in SCHEDULE_KEYS)
