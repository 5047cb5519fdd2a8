"""How an objective is spoken of: its name, and whether its best values are the lowest or the highest."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeper.answer.bounds import range_of, score_words, which_cut
from sweeper.components.metric_words import metric_words
from sweeper.trial import Values, cost, from_cost, is_maximized, objective_metric

Ends = tuple[float, float]


@dataclass(frozen=True)
class Ranked:
    """The objective of a study, with its direction; see `sweeper.trial.objective_name`."""

    objective: str
    least_loss: float = -math.inf
    """No loss lies below it, see `sweeper.answer.bounds.loss_floor`"""

    @property
    def metric(self) -> str:
        """In words: ``validation loss``."""
        return metric_words(self.objective)

    @property
    def highest(self) -> bool:
        """Whether the best values are the highest."""
        return is_maximized(self.objective)

    @property
    def axis(self) -> str:
        """Label of an axis of the best values of trainings."""
        return f"best {self.metric}" + "\n(higher is better)" * self.highest

    @property
    def best(self) -> str:
        """lowest | highest"""
        return "highest" if self.highest else "lowest"

    @property
    def better(self) -> str:
        """lower | higher"""
        return "higher" if self.highest else "lower"

    @property
    def worse(self) -> str:
        """higher | lower"""
        return "lower" if self.highest else "higher"

    @property
    def costs(self) -> tuple[float, float]:
        """The lowest and the highest cost that a value can have."""
        least, most = sorted(map(self.cost, range_of(self.objective, self.least_loss)))
        return least, most

    @property
    def near(self) -> str:
        """What a basin lies within a margin of: costs are compared, and that of a score is 1 minus it."""
        return "the best (in distance from 1)" if self.highest and self.cost(1.0) == 0 else "the best"

    def cost(self, value: float) -> float:
        """What ranks a value, lower is better."""
        return cost(self.objective, value)

    def value(self, cost: float) -> float:
        """The objective, as people read it, at a cost."""
        return from_cost(self.objective, cost)

    def text(self, cost: float) -> str:
        """The same as a number in a sentence."""
        return score_words(self.objective, self.value(cost))

    def behind(self, difference: Values) -> Values:
        """How much worse a value is, of its difference to another one; below 0 where it is better."""
        return -difference if self.highest else difference

    def ends(self, low: float, high: float) -> tuple[float, float]:
        """The interval of the objective, of which an interval of its cost is known."""
        one, other = self.value(low), self.value(high)
        return (other, one) if self.highest else (one, other)

    def read(
        self,
        frame: pd.DataFrame,
        *values: str,
        ends: Iterable[tuple[str, str]] = (),
        differences: Iterable[tuple[str, ...]] = (),
    ) -> pd.DataFrame:
        """A table that was computed in costs, as people read it; what is minimised stays as it is.

        Args:
            frame: the table.
            values: columns of costs, which become values of the objective.
            ends: pairs of columns, low and high, of intervals of costs.
            differences: columns of a difference of two costs, and where known of its low and high end.
        """
        differences = [tuple(names) for names in differences]
        if not self.highest:
            return self._within(frame, ends, differences)
        turned = {name: from_cost(self.objective, frame[name].astype(float)) for name in values}
        for low, high in ends:
            turned[low], turned[high] = (
                from_cost(self.objective, frame[name].astype(float)) for name in (high, low)
            )
        for middle, *around in differences:
            turned[middle] = -frame[middle].astype(float)
            turned |= {
                name: -frame[other].astype(float) for name, other in zip(around, around[::-1], strict=True)
            }
        return self._within(frame.assign(**turned), ends, differences)

    def _within(
        self, frame: pd.DataFrame, ends: Iterable[tuple[str, str]], differences: Iterable[tuple[str, ...]]
    ) -> pd.DataFrame:
        """Intervals cut where the objective, or a difference of two of its values, can go no further."""
        least, most = range_of(self.objective, self.least_loss)
        if math.isinf(least) and math.isinf(most):
            return frame
        cut = {name: frame[name].astype(float).clip(least, most) for pair in ends for name in pair}
        width = most - least
        for _, *around in differences:
            cut |= {name: frame[name].astype(float).clip(-width, width) for name in around}
        return frame.assign(**cut)

    def within(self, difference: Ends, value: Ends, beside: Ends) -> tuple[float, float, str]:
        """The interval of a `difference` of two costs, cut where one of them would lie beyond what it can be.

        `value` and `beside` are the intervals of the two: a loss that is never below 0 improves by at most
        what it may be itself. Third, which ends of the interval of the objective, as people read it, were
        cut. What is not known (NaN) cuts nothing.
        """
        (least, most), (low, high) = self.costs, difference
        kept = (
            low if math.isnan(low) else float(np.nanmax([low, least - beside[1], value[0] - most])),
            high if math.isnan(high) else float(np.nanmin([high, most - beside[0], value[1] - least])),
        )
        cut = which_cut(difference[::-1], kept[::-1]) if self.highest else which_cut(difference, kept)
        return *kept, cut

    def order(self, frame: pd.DataFrame, by: str, *then: str) -> pd.DataFrame:
        """Rows with the best objective, in column `by`, first; equal ones by `then`, ascending."""
        ways = [not self.highest, *(True for _ in then)]
        return frame.sort_values([by, *then], ascending=ways, kind="stable")


CENTRAL = ("loss", "accuracy", "r2")
"""Scores that the card shows beside that of the objective; tables show all."""


def is_central(name: str, objective: str) -> bool:
    """Whether a score is one of `CENTRAL`, or that of the objective."""
    return name in CENTRAL or objective_metric(objective) == f"validation_{name}"


LOSS = Ranked("validation_loss")
