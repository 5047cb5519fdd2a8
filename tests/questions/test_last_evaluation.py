"""Finalists are ranked by their best evaluations; who leads at the last one is told."""

from dataclasses import replace

import numpy as np
import pytest
from check_runs import SEEDS, source

from sweeper.answer.learning import Learning
from sweeper.questions.confirmation import finalists
from sweeper.questions.last_evaluation import leads_at_the_end
from sweeper.questions.run_data import RunData


def raced(rise: float, spread: float, seeds: range = SEEDS) -> RunData:
    """Winner 0 with 0.3 at its best on every seed and 0.3 + `rise` at the end, and 1 with 0.4 at both."""
    rng = np.random.default_rng(0)
    trials, curves = list[tuple[object, ...]](), list[tuple[object, ...]]()
    for trial, best in ((0, 0.3), (1, 0.4)):
        trials.append((trial, "explore", 0, "completed", best, "sgd", 0.1 + trial, "relu"))
        for seed in seeds:
            own = best + 0.01 * rng.standard_normal()
            end = 0.3 + rise + spread * rng.standard_normal() if trial == 0 else own
            trials.append((trial, "confirm", seed, "completed", own, "sgd", 0.1 + trial, "relu"))
            points = ((0, 2.0), (50, own), (100, end))
            curves += [(trial, seed, step, "validation_loss", value) for step, value in points]
    return source(trials, curves)


@pytest.mark.parametrize(
    ("rise", "spread", "said"),
    [
        (0.2, 0.02, "the winner is first by its best evaluation alone, so stop its training there."),
        (0.18, 0.2, "which luck may explain."),
        (0.102, 0.02, ""),
        (0.0, 0.02, ""),
    ],
)
def test_another_leader_at_the_last_evaluation_is_told(rise: float, spread: float, said: str) -> None:
    """With its interval where that shows it, else as what luck may explain; not where the winner leads."""
    run = raced(rise, spread)
    frame = finalists(run)
    told = list(leads_at_the_end(run, frame))
    assert len(told) == bool(said)
    assert all(text.startswith("At the last evaluation the winner has") for text in told)
    assert all(text.endswith(said) for text in told)
    last = frame.pivot(index="seed", columns="trial", values="last").mean()
    for text in told:
        assert f"the winner has {last[0]:.3g} on average, #1 " in text
        assert f" has {last[1]:.3g}" in text
    assert all("95 % interval" in text for text in told) is (rise != 0.18)


def test_nothing_is_told_where_nothing_was_learned_or_next_to_nothing_differs() -> None:
    """Then the order at the last evaluation advises nothing."""
    run = raced(0.2, 0.02)
    assert list(leads_at_the_end(run, finalists(run)))
    assert run.answer is not None
    learning = Learning(2.0, 0.0, -1.0, 1.0, 6, False, at_best=0.0, points=2, furthest=0.0)
    unlearned = replace(run, answer=replace(run.answer, learning=learning))
    assert list(leads_at_the_end(unlearned, finalists(run))) == []
    near = raced(0.104, 0.0)
    assert list(leads_at_the_end(near, finalists(near))) == []


def test_few_seeds_show_no_leader() -> None:
    """Four pairs are no verdict here either."""
    run = raced(0.2, 0.02, seeds=range(1, 5))
    assert list(leads_at_the_end(run, finalists(run))) == []
