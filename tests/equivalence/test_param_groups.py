"""Parameters with options of their own: in a stack as alone, as torch.optim has them, and in messages."""

import re
from typing import Any

import pytest
import torch
from equivalence import by_reference, by_stack, distance, numbered, task_of
from grouped_models import Marked, groups
from printed_curves import printed, recorded
from torch import nn

from sweeper.components.param_groups import PARAM_GROUPS, own_options
from sweeper.errors import ModelError, StudyError
from sweeper.study.settings import settings as settings_of
from sweeper.training.setup import Task, initial_model, make_optimizer

SHORT = {"steps": 12, "evaluations": 3}
NAMES = ["adamw", "momentum", "muon", "schedule_free_adamw", "rprop"]


def study_of(param_groups: Any = None) -> Task:
    """Some steps with a schedule."""
    space = {"optimizer": NAMES, "activation": ["tanh", "prelu"], "weight_decay": 0.1}
    return task_of(model=Marked, space=space, param_groups=param_groups, schedule="cosine", **SHORT)


@pytest.mark.parametrize("given", [None, groups, "decay_weights"])
def test_stacked_and_alone_are_equal(given: Any) -> None:
    """Every optimizer family, each trial with its own options, to 1e-9."""
    task = study_of(given)
    trials = numbered(
        [
            {
                "optimizer": name,
                "learning_rate": 0.01,
                "activation": ("tanh", "prelu")[k % 2],
                **({} if name == "rprop" else {"weight_decay": 0.1}),
            }
            for k, name in enumerate(NAMES)
        ]
    )
    stacked = by_stack(task, trials, 4)
    for trial in trials:
        alone = by_reference(task, trial)
        assert distance(alone, stacked[trial.number, trial.seed]) < 1e-9, trial.parameters
    assert printed(task, trials[0]) == recorded(by_reference(task, trials[0]).result)


def test_they_are_those_of_torch() -> None:
    """Groups with the base learning rate first; marks over groups; options it takes alone."""
    task = study_of(groups)
    settings = settings_of(
        task.study, {"optimizer": "adamw", "learning_rate": 0.01, "activation": "tanh", "weight_decay": 0.1}
    )
    built = initial_model(task, settings, 0)
    made = make_optimizer(settings, built)
    names = {id(p): name for name, p in built.model.named_parameters()}
    found = {names[id(p)]: group for group in made.param_groups for p in group["params"]}
    assert set(found) == set(names.values())
    assert (found["a.weight"]["lr"], found["a.weight"]["betas"]) == (pytest.approx(0.001), (0.5, 0.9))
    assert (found["b.weight"]["lr"], found["b.weight"]["weight_decay"]) == (0.01, 0.0)
    assert (found["out.bias"]["lr"], found["out.bias"]["weight_decay"]) == (0.02, 0.0)
    assert found["a.weight"]["weight_decay"] == 0.1
    assert "momentum" not in found["a.weight"]
    assert made.param_groups[0]["lr"] == 0.01


def test_norms_and_biases_are_not_decayed() -> None:
    """Nor learned activations: whatever has less than two dimensions."""
    found = own_options(Marked(4, 3), PARAM_GROUPS["decay_weights"])
    assert found["a.weight"] == found["b.weight"] == {}
    assert found["norm.weight"] == found["a.bias"] == {"weight_decay": 0.0}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda m: [{"params": m.a.parameters()}], "b.weight, b.bias, norm.weight, out.weight, out.bias"),
        (lambda m: [{"params": m.parameters()}, {"params": [m.a.bias]}], "a.bias is in two groups"),
        (
            lambda m: [{"params": [nn.Parameter(torch.ones(1))]}],
            "a parameter that is none of the model's",
        ),
        (
            lambda m: [{"params": m.parameters(), "weight_decy": 0}],
            "option 'weight_decy' of a group",
        ),
        (lambda m: [{"params": m.parameters(), "lr": 0.1}], "every group has an lr"),
        (lambda m: [m.parameters()], "group 0 must be a dict with params, not generator"),
        (lambda m: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_no_group_is_said(function: Any, message: str) -> None:
    """Each mistake in one message."""
    task = study_of(function)
    settings = settings_of(task.study, {"optimizer": "adamw", "learning_rate": 0.01, "activation": "tanh"})
    with pytest.raises(ModelError, match=r"^training\.param_groups: .*" + re.escape(message)):
        initial_model(task, settings, 0)


def test_a_name_that_is_not_there_is_said() -> None:
    """As of losses and models."""
    with pytest.raises(StudyError, match="did you mean 'decay_weights'"):
        study_of("decay_weight")
