"""What a check says beside the numbers of two finalists, and where they decide nothing."""

from dataclasses import replace

import numpy as np
import pytest
from check_runs import paired, verdict
from run_data import with_records

from sweeper.answer.comparison import Verdict, with_verdicts
from sweeper.answer.confirmed import confirmed
from sweeper.answer.rows import parameters_of
from sweeper.questions.checks.asides import aside
from sweeper.questions.checks.better import difference
from sweeper.questions.checks.verdict import FOUND, NOT_FOUND, judge
from sweeper.questions.run_data import RunData


def weighted(run: RunData) -> RunData:
    """The run with a penalty on all trials of relu and none on those of tanh."""
    trials = run.trials.assign(activation_penalty=np.where(run.trials["activation"] == "relu", 0.1, 0.0))
    return with_records(run, trials=trials)


ASKED = {
    "better": {"parameter": "activation", "value": "relu", "than": "tanh"},
    "no_worse": {"parameter": "activation", "value": "relu", "than": "tanh"},
    "lowers": {"parameter": "activation_penalty"},
}


@pytest.mark.parametrize("check", list(ASKED))
@pytest.mark.parametrize("effect", [0.033, -0.015, 0.1])
def test_a_pair_that_the_race_ties_decides_nothing(check: str, effect: float) -> None:
    """Where one of the two won the race and the other is called tied, the interval of the pair alone, which
    leaves 0 out, is no verdict; where the race calls it, it is. No worse it may be, tied or not."""
    run = weighted(paired(effect, second=1.0))
    ranking = with_verdicts(confirmed(run.trials)).set_index("trial")
    tied = bool((ranking["verdict"].drop(2) == Verdict.TIED).any())
    pair = difference(run, "activation", "relu", "tanh", "objective")
    assert pair is not None
    assert judge(pair.low, pair.high, 0.0, below=True) != NOT_FOUND  # the interval of the pair leaves 0 out
    assert tied is (abs(effect) < 0.1)
    found = verdict(run, check, **ASKED[check])
    assert found.verdict == (NOT_FOUND if tied and check != "no_worse" else FOUND)
    winner, rival = (0, 1) if effect > 0 else (1, 0)
    clause = f"; but among all finalists #{rival} is tied with the winner, #{winner}."
    assert found.sentence.endswith(clause) is (found.verdict == NOT_FOUND)


@pytest.mark.parametrize(
    "lost", [{"outcome": "diverged", "objective": np.nan}, {"objective": 2.5}], ids=["seeds", "rival"]
)
def test_lowers_is_held_to_what_better_is(lost: dict) -> None:
    """A weight that lost more seeds lowers nothing; nor is it better than weight 0 where another finalist
    with weight 0 is not shown to be worse."""
    run = weighted(paired(0.1, second=0.1))
    trials = run.trials.copy()
    if "outcome" in lost:
        rows = (trials["trial"] == 0) & (trials["seed"] == 3)
        trials = trials.assign(**{name: trials[name].mask(rows, value) for name, value in lost.items()})
    else:
        own = trials["trial"] == 2
        trials = trials.assign(
            activation=trials["activation"].mask(own, "tanh"),
            activation_penalty=trials["activation_penalty"].mask(own, 0.0),
            objective=trials["objective"].mask(own & (trials["phase"] == "confirm"), trials["seed"] + 1.85),
        )
    judged = with_records(run, trials=trials)
    for check in ("better", "lowers"):
        found = verdict(judged, check, **ASKED[check])
        assert (found.verdict, found.high < 0) == (NOT_FOUND, True)
        assert "; but " in found.sentence


@pytest.mark.parametrize("untuned", [True, False])
def test_a_pair_names_all_that_it_differs_in(untuned: bool) -> None:
    """Learning rates and other settings with both values, compared ones first; not the setting that is
    asked about, what only one of them has, or the kind of a penalty of weight 0. A default is named."""
    run = paired(0.1)
    first = run.trials["trial"] == 0
    trials = run.trials.assign(
        learning_rate=np.where(first, 0.0145, 0.001),
        momentum=np.where(first, 0.9, np.nan),
        optimizer=np.where(first, "momentum", "sgd"),
        activation_penalty=np.where(first, 0.0, 0.5),
        penalty_kind=np.where(first, "l1", "l2"),
    )
    known = parameters_of(trials[trials["trial"] == 1].iloc[0])
    asked = replace(with_records(run, trials=trials), defaults=[known] if untuned else [])
    found = verdict(asked, "better", parameter="activation", value="relu", than="tanh")
    assert (
        "; they differ in optimizer [momentum against sgd], learning rate [0.0145 against 0.001] and "
        "activation penalty [0 against 0.5] too"
    ) in found.sentence
    assert ("; #1 is a published default, not tuned, so its value may do better" in found.sentence) is untuned
    assert found.verdict == FOUND


def test_two_that_are_tied_with_the_winner_decide_nothing() -> None:
    """Neither is the winner and their interval leaves 0 out: the page says that both values are not settled,
    so the expectation is not, either. That the seeds picked the answer is said where it has a value."""
    run = paired(0.033, second=-0.034)
    assert run.answer is not None
    calls = with_verdicts(confirmed(run.trials)).set_index("trial")["verdict"]
    assert (run.answer.trial, calls[0], calls[1]) == (2, Verdict.TIED, Verdict.TIED)
    pair = difference(run, "activation", "relu", "tanh", "objective")
    assert pair is not None
    assert judge(pair.low, pair.high, 0.0, below=True) != NOT_FOUND
    found = verdict(run, "better", parameter="activation", value="relu", than="tanh")
    assert found.verdict == NOT_FOUND
    assert "; the answer, #2, was picked by these seeds, which would flatter its value" in found.sentence
    assert found.sentence.endswith("; but among all finalists both are tied with the winner.")


def test_a_value_that_is_a_list_is_known_again() -> None:
    """Records write betas as text; the answer has them as numbers."""
    run = paired(0.033, second=-0.034)
    assert run.answer is not None
    parameters = {**run.answer.parameters, "betas": (0.9, 0.999)}
    run = replace(run, answer=replace(run.answer, parameters=parameters))
    search = run.trials[run.trials["phase"] == "explore"].set_index("trial", drop=False)
    rows = search.assign(betas="[0.8, 0.9]")
    assert "would flatter" not in aside(run, rows.loc[0], rows.loc[1], "betas")
    rows.loc[0, "betas"] = "[0.9, 0.999]"
    assert "would flatter" in aside(run, rows.loc[0], rows.loc[1], "betas")
