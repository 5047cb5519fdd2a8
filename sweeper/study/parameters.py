"""The parameters of a trial: which there are, and which values each may have."""

from collections.abc import Mapping
from typing import Any

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.penalties import PENALTIES
from sweeper.components.schedules import SCHEDULES
from sweeper.study.sections import TrainingSection

INFINITY = float("inf")
NAMES: dict[str, Mapping[str, Any]] = {
    "optimizer": OPTIMIZERS,
    "activation": ACTIVATIONS,
    "penalty_kind": PENALTIES,
    "schedule": SCHEDULES,
}
"""Parameters whose values are names of components."""
LIMITS: dict[str, tuple[float, float, bool, bool]] = {
    "learning_rate": (0, INFINITY, False, False),
    "activation_penalty": (0, INFINITY, True, False),
    "weight_decay": (0, INFINITY, True, False),
    "momentum": (0, 1, True, False),
    "dampening": (0, 1, True, True),
    "eps": (0, INFINITY, False, False),
}
"""Numbers: lowest, highest, whether the lowest itself is allowed, whether the highest is."""
PENALTY_RANGE = (1e-4, 1.0)
"""Weights of the activation penalty that are searched where nobody says which."""
SWITCHES = ("nesterov",)
"""Those that are true or false."""
PAIRS = ("betas",)
"""Those that are two numbers from 0 up to but not including 1."""
PARAMETERS = [*NAMES, *LIMITS, *SWITCHES, *PAIRS]
THE_SAME_FOR_ALL = (
    *("evaluations", "timeout", "device", "compile"),
    *("quantile", "ignore_index", "metrics", "param_groups"),
)
"""Keys of [training] that say how trials are judged and where they run."""
SEARCHABLE_TRAINING = [name for name in TrainingSection.model_fields if name not in THE_SAME_FOR_ALL]
WHOLE_TRAINING = ("steps", "batch_size")


def is_number(value: Any) -> bool:
    """A finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < INFINITY
