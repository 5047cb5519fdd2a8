"""Models that train and whose layers cannot be measured: they train as ever, and the reason is told."""

import io
import re
from dataclasses import replace

import pandas as pd
import pytest
import torch
import unmeasured_models
from equivalence import by_reference, task_of
from preflight_cases import problems
from printed_curves import printed, recorded
from rich.console import Console
from torch import nn

from sweeper.answer.outcomes import unmeasured as not_measured
from sweeper.report.progress import Progress
from sweeper.training.cohort import Cohort
from sweeper.training.measurable import unmeasured
from sweeper.training.plan import Plan
from sweeper.training.setup import Task
from sweeper.training.work import train_cohort
from sweeper.trial import Outcome, Trial

REASONS = {  # empty: these can be measured
    "Energy": "a part of the computation is used for two gradients",
    "Forces": "in evaluation mode no gradient reaches first, which training does give one",
    "Reentrant": "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad(",
    "Transformed": "",
    "EachRow": "",
    "Frozen": "the first layer must stay frozen",
}
NO_PENALTY = ("Reentrant", "EachRow")
TRIAL = Trial(0, "explore", 3, {"optimizer": "sgd", "learning_rate": 0.1})
PENALIZED = replace(TRIAL, parameters={**TRIAL.parameters, "activation_penalty": 0.1})


def study_of(name: str) -> Task:
    """Six steps."""
    source = {"source": f"unmeasured_models:{name}"}
    space = {"activation_penalty": [0.0, 0.1]}
    return task_of(model=source, space=space, steps=6, evaluations=3, batch_size=8)


@pytest.mark.parametrize("name", REASONS)
def test_what_cannot_be_measured_is_trained(name: str) -> None:
    """The plan tells why there are no layers; curves and weights are those of a trial that is not looked at,
    and of the script.
    """
    task = study_of(name)
    reason = unmeasured(task)
    assert REASONS[name] in reason
    assert bool(reason) is bool(REASONS[name])
    looked, plain = (by_reference(task, replace(TRIAL, measured=measured)) for measured in (True, False))
    assert looked.result.outcome == Outcome.COMPLETED
    assert looked.result.curves == plain.result.curves
    assert [bool(looked.result.layers), bool(looked.result.layer_names)] == [not reason] * 2
    assert all(torch.equal(looked.state[key], value) for key, value in plain.state.items())
    assert printed(task, TRIAL) == recorded(plain.result)


def test_layers_that_cannot_be_measured_any_more_are_told() -> None:
    """What was measured before stays; reason and step are on record, in the terminal and on the page."""
    task = study_of("Later")
    assert unmeasured(task) == ""
    looked, plain = (by_reference(task, replace(TRIAL, measured=measured)) for measured in (True, False))
    result = looked.result
    assert result.outcome == Outcome.COMPLETED
    assert result.curves == plain.result.curves
    last = max(step for step, *_ in result.layers)
    told = re.fullmatch(r"layers are not measured from step (\d+) on: .*must stay frozen", result.reason)
    assert told is not None
    assert 0 < last < int(told[1]) <= 6
    assert result.layer_names
    text = io.StringIO()
    with Progress(2, 0, False, Console(file=text, width=200)) as progress:
        progress.add(result)
        progress.add(result)
    assert text.getvalue().count(f"trial 0: {result.reason}") == 1
    trials = pd.DataFrame({"trial": [0, 1], "outcome": ["completed"] * 2, "reason": [result.reason, ""]})
    assert not_measured(trials) == (
        f"The layers of 1 training were not measured to the end. Trial 0: {result.reason}."
    )
    assert not_measured(trials[1:]) == ""


@pytest.mark.parametrize("name", REASONS)
def test_penalties_that_cannot_be_computed_fail_alone(name: str) -> None:
    """Where no gradient of a penalty exists, its trials fail with one sentence; without others, the study."""
    (result,) = train_cohort(study_of(name), Cohort((PENALIZED,)))
    model: type[nn.Module] = getattr(unmeasured_models, name)
    mixed, alone = (problems(model, space={"activation_penalty": given}) for given in ([0.0, 0.1], 0.1))
    if name not in NO_PENALTY:
        assert result.outcome == Outcome.COMPLETED
        assert {*mixed, *alone} == {""}
        return
    assert result.outcome == Outcome.FAILED
    assert "the activation penalty cannot be computed: the model calls activation layers" in result.reason
    assert [bool(problem) for problem in mixed] == [False, False, True]
    assert all("the activation penalty cannot be computed" in problem for problem in alone)


def test_penalties_inside_of_a_transform_are_those_of_plain_autograd() -> None:
    """The slope by torch.func and by autograd.grad are one model; so are their penalized trainings."""
    one, other = (by_reference(study_of(name), PENALIZED) for name in ("Transformed", "Forces"))
    apart = [(one.state[key] - value).abs().max().item() for key, value in other.state.items()]
    assert max(apart) < 1e-12


def test_plans_tell_why() -> None:
    """In the line that the terminal and the page show."""
    line = Plan("reference", 1, 1, unmeasured="no").line()
    assert line == "one by one in 1 process; layers are not measured: no"
