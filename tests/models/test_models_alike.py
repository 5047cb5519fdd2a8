"""Models of many kinds: in a stack as alone, or refused with the reason; the script prints the same curve."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import model_zoo
import pytest
import torch
from equivalence import Trained, by_reference, by_stack, distance, numbered, task_of
from model_zoo import ALONE, EITHER, STACKED, Net
from printed_curves import printed, recorded

from sweeper.training.reasons import reason_of
from sweeper.training.setup import Task
from sweeper.trial import Outcome

pytestmark = pytest.mark.usefixtures("one_thread")
ALL = [*STACKED, *ALONE, *EITHER]
SPACE = {"activation_penalty": {"low": 0.01, "high": 1.0}}


def study_of(of: type[Net], **training: Any) -> Task:
    """Six steps of a small training."""
    short = {"steps": 6, "evaluations": 3, "batch_size": 8, **training}
    return task_of(model={"source": f"model_zoo:{of.__name__}"}, space=SPACE, **short)


TRIALS = [
    replace(trial, seed=seed, measured=False)
    for seed, trial in enumerate(
        numbered(
            [
                {"optimizer": "adam", "learning_rate": 0.01},
                {"optimizer": "momentum", "learning_rate": 0.01, "activation_penalty": 0.1},
            ]
        )
    )
]


@pytest.fixture(autouse=True)
def _zoo_as_before() -> Iterator[None]:
    """What models of the zoo keep outside of themselves is put back, whatever a test found."""
    kept, seen = dict(model_zoo.STATE), list(model_zoo.SEEN)
    with torch.random.fork_rng():
        yield
    model_zoo.STATE.update(kept)
    model_zoo.SEEN[:] = seen


@pytest.mark.filterwarnings("ignore:There is a performance drop", "ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("of", ALL, ids=lambda of: of.__name__)
def test_stacked_alone_and_script_are_equal(of: type[Net]) -> None:
    """Curves, parameters and buffers to 1e-9, with and without penalty; the script to the last bit.

    What cannot be stacked is refused with its reason, and trains alone.
    """
    task = study_of(of)
    alone = [by_reference(task, trial) for trial in TRIALS]
    assert [one.result.outcome for one in alone] == [Outcome.COMPLETED] * 2
    reason, found = "", dict[tuple[int, int], Trained]()
    try:
        found = by_stack(task, TRIALS, 2)
    except Exception as error:  # what train_cohort takes as the sign to train one by one
        reason = reason_of(error)
    if of not in EITHER:
        assert ALONE.get(of, "") in reason
        assert bool(reason) is (of in ALONE)
    for trial, one in zip(TRIALS, alone, strict=True) if not reason else ():
        assert distance(one, found[trial.number, trial.seed]) < 1e-9
    assert printed(task, TRIALS[0]) == recorded(alone[0].result)


@pytest.mark.parametrize("of", [*ALONE, Net], ids=lambda of: of.__name__)
def test_what_is_measured_changes_no_curve(of: type[Net]) -> None:
    """Looks at layers, and scores on test rows, leave the training as it is."""
    task, trial = study_of(of), TRIALS[1]
    plain, seen = (by_reference(task, t).result for t in (trial, replace(trial, measured=True, test=True)))
    assert seen.layers
    assert seen.test
    assert plain.curves == seen.curves


@pytest.mark.parametrize("of", [model_zoo.Variational, model_zoo.MonteCarlo])
def test_evaluations_draw_from_generators_of_their_own(of: type[Net]) -> None:
    """A training that is evaluated more often has the same validation losses where both are evaluated."""
    seldom, often = (
        {(s, m): v for s, m, v in by_reference(study_of(of, evaluations=n), TRIALS[0]).result.curves}
        for n in (2, 6)
    )
    shared = {key for key in seldom if key[1] == "validation_loss"}
    assert {key: seldom[key] for key in shared} == {key: often[key] for key in shared}
