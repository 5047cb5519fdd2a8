"""The six networks that are timed, each as a study whose trials every peer trains."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import encoder
import numpy as np
import rows

from sweeper.data.load import load
from sweeper.search.explore import points
from sweeper.study.study import Study
from sweeper.training.setup import Task, task_of
from sweeper.trial import Trial

SPACE = {
    "optimizer": ["sgd", "momentum", "adam", "rmsprop"],
    "activation": ["tanh", "relu", "gelu", "sigmoid"],
    "learning_rate": {"low": 1e-4, "high": 3e-2, "log": True},
    "activation_penalty": {"low": 1e-6, "high": 1e-2, "log": True, "zero": 0.5},
}


@dataclass(frozen=True)
class Case:
    """One network, its data and how long it trains."""

    name: str
    model: dict[str, Any]
    data: Callable[[], tuple[np.ndarray, np.ndarray]]
    batch_size: int
    steps: int
    layers: tuple[tuple[int, int], ...]
    """(in × kernel area, out × positions) of every layer with weights: multiply-adds of one row."""
    loops: int
    """Trials that one timing of a one-by-one loop trains."""
    stacked: int
    """Trials that one timing of ours trains."""

    def study(self, device: str = "cpu", compiled: bool = False) -> Study:
        """The case as a study; no trial is pruned, so that all peers train the same steps."""
        return Study(
            name=f"bench-{self.name}",
            data=self.data,
            model=self.model,
            training={
                "steps": self.steps,
                "batch_size": self.batch_size,
                "device": device,
                "compile": compiled,
            },
            search={"space": SPACE, "pruner": "none", "trials": self.stacked},
        )

    def task(self, device: str = "cpu", compiled: bool = False) -> Task:
        """Study and data, ready to train."""
        return task_of(self.study(device, compiled), load(self.data, loss_task="classification"))

    def trials(self, count: int) -> list[Trial]:
        """The first `count` trials: the same ones for every peer."""
        study = self.study()
        dealt = points(study.space, ("optimizer", "activation"), count, 0, "sobol")
        return [Trial(number, "explore", 0, parameters) for number, parameters in enumerate(dealt)]

    @property
    def flops_a_step(self) -> float:
        """Arithmetic of one training step: forward, backward to weights and to all inputs but the first."""
        each = [2.0 * inputs * outputs * self.batch_size for inputs, outputs in self.layers]
        return 3 * sum(each) - each[0]


def _mlp(depth: int, width: int) -> dict[str, Any]:
    return {"source": "mlp", "depth": depth, "width": width}


CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case("tiny", _mlp(2, 16), rows.two, 32, 1000, ((2, 16), (16, 16), (16, 2)), 16, 512),
        Case("digits", _mlp(2, 64), rows.sixty_four, 32, 740, ((64, 64), (64, 64), (64, 10)), 16, 256),
        Case("deep", _mlp(10, 64), rows.sixty_four, 64, 400, ((64, 64),) * 10 + ((64, 10),), 16, 64),
        Case("wide", _mlp(2, 256), rows.wide_rows, 128, 200, ((784, 256), (256, 256), (256, 10)), 16, 32),
        Case(
            "cnn",
            {"source": "cnn", "channels": [8, 16]},
            rows.sixty_four,
            32,
            200,
            ((9, 8 * 64), (72, 16 * 16), (16 * 4, 10)),
            16,
            32,
        ),
        Case("encoder", {"source": encoder.Encoder}, encoder.tokens, 32, 200, encoder.layers(), 8, 64),
    )
}
