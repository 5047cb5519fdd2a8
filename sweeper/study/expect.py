"""``[expect]``: what a study is expected to find, by which source, and the check that decides.

A check is declared here by its name and its arguments; `sweeper.questions.checks` decides it on the records.
"""

from dataclasses import dataclass
from typing import Any

from sweeper.study.sections import OpenSection

Value = str | bool | int | float
"""One value of a parameter, as it stands in ``[search.space]``."""


@dataclass(frozen=True)
class Threshold:
    """Divergence on a quadratic begins at η·λmax = 2, or at what momentum makes of it."""

    curvature: float
    """λmax of the loss, without unit."""
    tolerance: float = 0.01
    """Largest relative distance from the limit."""


@dataclass(frozen=True)
class NearLimit:
    """The best learning rate lies at most a factor below the largest that trains."""

    factor: float = 2.0


@dataclass(frozen=True)
class Better:
    """`value` of `parameter` reaches a lower objective than `than`; unset: the best of the others."""

    parameter: str
    value: Value | None = None
    than: Value | None = None


@dataclass(frozen=True)
class NoWorse:
    """As `Better`, but `value` may be worse by a share `margin` of the objective of `than`."""

    parameter: str
    value: Value | None = None
    than: Value | None = None
    margin: float = 0.05


@dataclass(frozen=True)
class Lowers:
    """The best weight above 0 of `parameter` lowers `quantity` against weight 0."""

    parameter: str = "activation_penalty"
    quantity: str = "objective"
    """``objective``, or ``gap``: validation loss − training loss at the last evaluation point."""


@dataclass(frozen=True)
class DeadShare:
    """At `value` of `parameter` more units are dead at the end of training than at `than`."""

    parameter: str
    value: Value
    than: Value


@dataclass(frozen=True)
class Slope:
    """At initialisation log10 of the gradient norm changes, layer by layer from the output back to the input,
    by less than `below`, or by more than `above`; decades per layer; exactly one of the two is given."""

    parameter: str
    value: Value
    below: float | None = None
    above: float | None = None


Arguments = Threshold | NearLimit | Better | NoWorse | Lowers | DeadShare | Slope
CHECKS: dict[str, type[Any]] = {
    "threshold": Threshold,
    "near_limit": NearLimit,
    "better": Better,
    "no_worse": NoWorse,
    "lowers": Lowers,
    "dead_share": DeadShare,
    "slope": Slope,
}
QUANTITIES = ("objective", "gap")
"""What `Lowers` may speak about."""


class ExpectSection(OpenSection):
    """``[expect]``: further keys are arguments of the check."""

    finding: str | None = None
    """What is expected, in one sentence."""
    source: str | None = None
    """Paper or closed form that says so."""
    check: str | None = None

    @property
    def arguments(self) -> Arguments | None:
        """The arguments of the check; ``None`` without one."""
        if self.check is None:
            return None
        made: Arguments = CHECKS[self.check](**self.options)
        return made
