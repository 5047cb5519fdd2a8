"""Stacks whose pass goes through torch.compile give what the reference engine gives."""

import shutil
import sys

import pytest
import torch
from equivalence import MIXED, SPACE, assert_engines_agree, numbered, task_of, trials_of

from sweeper.training.stacked import compiled
from sweeper.training.stacked.engine import warm_stack
from sweeper.training.stacked.refusal import NotCompiled

NORM = {"source": "mlp", "depth": 2, "width": 8, "norm": "batch"}
DROPOUT = {"source": "mlp", "depth": 2, "width": 8, "dropout": 0.3}
needs_a_compiler = pytest.mark.skipif(
    sys.platform != "linux" or not (shutil.which("g++") or shutil.which("clang++")),
    reason="torch.compile needs a C++ compiler",
)


@needs_a_compiler
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it imports its compiler
def test_compiled_stacks_agree_with_the_reference() -> None:
    """Mixed trials, refilled slots, running statistics: equal to 1e-9; the second stack compiles nothing."""
    task = task_of(model=NORM, space=SPACE, steps=20, evaluations=4)
    compiled._known.clear()
    assert_engines_agree(task, trials_of(MIXED), slots=4, most_chaotic=1, compiled=True)
    passes = dict(compiled._known)
    assert len(passes) == 1
    assert_engines_agree(task, trials_of(MIXED[::-1]), slots=4, most_chaotic=1, compiled=True)
    assert compiled._known == passes


def test_random_numbers_are_a_reason() -> None:
    """Dropout draws a mask for every trial by its own generator: not compiled, and training goes on."""
    task = task_of(model=DROPOUT, space=SPACE)
    trials = trials_of(MIXED)
    with pytest.raises(NotCompiled, match="draws random numbers"):
        warm_stack(task, trials[:4], compiled=True)
    assert_engines_agree(task, trials, slots=4, most_chaotic=1, compiled=True)


def test_without_a_compiler_the_reason_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever torch.compile raises becomes one line, and the weights are as they were."""

    def broken(*arguments: object, **options: object) -> object:
        def run(*tensors: torch.Tensor) -> None:
            tensors[0].zero_()
            raise RuntimeError("no C++ compiler was found\nsecond line")

        return run

    compiled._known.clear()
    monkeypatch.setattr(torch, "compile", broken)
    trials = numbered([{"optimizer": "adam", "activation": "tanh"}] * 2)
    with pytest.raises(NotCompiled, match=r"^RuntimeError: no C\+\+ compiler was found$"):
        warm_stack(task_of(space=SPACE), trials, compiled=True)
