"""What an option of an optimizer may be: a number, several numbers that belong together, or a switch.

Each says of any value whether it is one, and in words, to follow "must be", what is allowed.
"""

import math
from dataclasses import dataclass
from typing import Any

from sweeper.wording import given


@dataclass(frozen=True)
class Number:
    """A number between two limits."""

    low: float
    high: float = math.inf
    with_low: bool = True
    """Whether the lower limit itself is allowed."""
    with_high: bool = False

    def allows(self, value: Any) -> bool:
        """Whether it is one; true and false are no numbers, nor is what is not finite."""
        if not is_number(value):
            return False
        above = self.low < value or (self.with_low and value == self.low)
        return bool(above and (value < self.high or (self.with_high and value == self.high)))

    def __str__(self) -> str:
        lower = f"a number {'at least' if self.with_low else 'above'} {given(self.low)}"
        if self.high == math.inf:
            return lower
        return f"{lower} and {'at most' if self.with_high else 'below'} {given(self.high)}"


@dataclass(frozen=True)
class Numbers:
    """Numbers from `low` up to but not including `high` that belong together, as many as `example` has."""

    example: tuple[float, ...]
    low: float = 0
    high: float = 1

    def allows(self, value: Any) -> bool:
        """Whether it is a tuple of so many of them."""
        return (
            isinstance(value, tuple)
            and len(value) == len(self.example)
            and all(is_number(one) and self.low <= one < self.high for one in value)
        )

    def __str__(self) -> str:
        many = "a pair of numbers" if len(self.example) == 2 else f"{len(self.example)} numbers"
        upper = "" if self.high == math.inf else f" up to but not including {given(self.high)}"
        return f"{many} from {given(self.low)}{upper}, like {list(self.example)}"


@dataclass(frozen=True)
class Switch:
    """True or false."""

    def allows(self, value: Any) -> bool:
        """Whether it is either."""
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "true or false"


Allowed = Number | Numbers | Switch

ABOVE_ZERO = Number(0, with_low=False)
AT_LEAST_ZERO = Number(0)
BELOW_ONE = Number(0, 1)
BETAS = Numbers((0.9, 0.999))
SWITCH = Switch()


def is_number(value: Any) -> bool:
    """A finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf
