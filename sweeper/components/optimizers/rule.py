"""What an update rule is: coefficients per slot and step, and a chain of in-place operations on rows.

A stack trains `n` trials with one rule. Its parameters are rows of a matrix (n, size); whatever differs
between trials (learning rate, momentum, the number of updates made) enters as columns (n, 1), so that one
chain of operations serves all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

Hyper = Mapping[str, np.ndarray]
"""Options of ``torch.optim`` by name, one float64 value per trial, shape (n,).

Several numbers that belong together come one by one: ``betas`` as `beta1`, `beta2` and so on.
"""

Coefficients = Callable[[Hyper, np.ndarray, np.ndarray], Sequence[np.ndarray]]
"""(options, learning rates (k, n), numbers of the update, from 1, (k, n)) -> arrays that broadcast to (k, n).

Computed in float64 and rounded once, to the precision of the training, as ``torch.optim`` does.
"""

History = Callable[[Mapping[str, Any], np.ndarray], Mapping[str, np.ndarray]]
"""(options of one trial, learning rates of all its updates (steps,)) -> arrays (steps,) by name."""

Update = Callable[..., None]
"""(parameters, gradients, state, coefficient columns (n, 1), scratch) -> None.

All matrices are (n, size). Parameters and state are updated in place; gradients and scratch are overwritten.
"""


@dataclass(frozen=True)
class Rule:
    """One way to update parameters; `state` matrices start as zeros, but for `copies`.

    State is numbers in the shape of the parameters. An optimizer that keeps others, such as Shampoo with its
    matrices of rows and of columns, has no rule.
    """

    name: str
    columns: int
    """Number of coefficients."""
    state: int
    """Number of matrices that it remembers from update to update."""
    coefficients: Coefficients
    update: Update
    _: KW_ONLY
    scratch: int = 0
    """Number of matrices it needs while it works."""
    coupled: bool = True
    """Weight decay is added to the gradient, g + λ·p, before `update`; else the rule deals with it itself."""
    history: History | None = None
    """What an update takes from the learning rates of earlier ones; `coefficients` finds it, as (k, n), among
    the options."""
    shaped: bool = False
    """Whether `update` is given, last, the shapes of the parameters, of which each has a run of columns."""
    copies: int = 0
    """So many of its state matrices, the first ones, start as copies of the parameters."""
    evaluated: int | None = None
    """The state matrix that holds the weights with which a trial is evaluated; ``None``: the parameters."""


def hyper(groups: Sequence[Mapping[str, Any]]) -> Hyper:
    """The numeric options of several ``torch.optim`` parameter groups, as arrays."""
    values: dict[str, list[float]] = {}
    for group in groups:
        for name, value in group.items():
            one = name.removesuffix("s")
            each = {f"{one}{i}": v for i, v in enumerate(value, 1)} if isinstance(value, tuple | list) else {}
            for key, number in (each or {name: value}).items():
                if isinstance(number, bool | int | float):
                    values.setdefault(key, []).append(float(number))
    return {name: np.array(column) for name, column in values.items() if len(column) == len(groups)}


def power(base: np.ndarray, step: np.ndarray) -> np.ndarray:
    """base^step for bases (n,) and whole steps (k, n), rounded as Python's own ``**`` does it.

    NumPy's vectorised power may differ from it in the last bit, and ``torch.optim`` uses Python's.
    """
    size = 1 << int(step.max()).bit_length()
    tables = np.stack([_powers(float(value), max(size, 256)) for value in base], axis=1)
    return np.take_along_axis(tables, step.astype(np.int64), axis=0)


@lru_cache(maxsize=256)
def _powers(base: float, size: int) -> np.ndarray:
    return np.array([base**exponent for exponent in range(size)])
