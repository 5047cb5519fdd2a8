"""How an objective is spoken of: its name, and whether its best values are the lowest or the highest."""

from dataclasses import dataclass

from sweeper.trial import cost, from_cost, is_maximized, objective_metric
from sweeper.wording import metric_words, number


@dataclass(frozen=True)
class Ranked:
    """The objective of a study, with its direction; see `sweeper.trial.objective_name`."""

    objective: str

    @property
    def metric(self) -> str:
        """In words: ``validation loss``."""
        return metric_words(self.objective)

    @property
    def best(self) -> str:
        """lowest | highest"""
        return "highest" if is_maximized(self.objective) else "lowest"

    @property
    def better(self) -> str:
        """lower | higher"""
        return "higher" if is_maximized(self.objective) else "lower"

    @property
    def worse(self) -> str:
        """higher | lower"""
        return "lower" if is_maximized(self.objective) else "higher"

    def cost(self, value: float) -> float:
        """What ranks a value, lower is better."""
        return cost(self.objective, value)

    def value(self, cost: float) -> float:
        """The objective, as people read it, at a cost."""
        return from_cost(self.objective, cost)

    def text(self, cost: float) -> str:
        """The same as a number in a sentence."""
        return number(self.value(cost))

    def ends(self, low: float, high: float) -> tuple[float, float]:
        """The interval of the objective, of which an interval of its cost is known."""
        one, other = self.value(low), self.value(high)
        return (other, one) if is_maximized(self.objective) else (one, other)


CENTRAL = ("loss", "accuracy", "r2")
"""Scores that the card shows beside that of the objective; tables show all."""


def is_central(name: str, objective: str) -> bool:
    """Whether a score is one of `CENTRAL`, or that of the objective."""
    return name in CENTRAL or objective_metric(objective) == f"validation_{name}"


LOSS = Ranked("validation_loss")
