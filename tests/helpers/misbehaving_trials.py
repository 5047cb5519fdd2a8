"""Trials of the model that goes wrong as it is told to, and the task that they belong to."""

from pathlib import Path

from misbehaving import data

from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training.setup import Task
from sweeper.trial import Trial


def task_of(limit: float) -> Task:
    """Six steps of a tiny model; `limit`: seconds that a trial may take."""
    study = Study(
        name="misbehaving",
        folder=Path(__file__).parent,
        model={"source": "misbehaving:model"},
        data=data,
        training={"steps": 6, "batch_size": 8, "evaluations": 2, "timeout": limit, "device": "cpu"},
        search={
            "space": {
                "optimizer": "sgd",
                "activation": "relu",
                "learning_rate": 0.1,
                "model.way": ["fine", "exit"],
            }
        },
    )
    return Task(study, load(data, loss_task="classification"))


def trial(number: int, way: str = "fine", activation: str = "relu") -> Trial:
    """A trial that goes this way."""
    parameters = {"optimizer": "sgd", "activation": activation, "learning_rate": 0.1, "model.way": way}
    return Trial(number, "explore", 0, parameters)
