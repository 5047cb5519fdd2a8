"""The TPE of a whole generation against Optuna's own, one proposal at a time."""

import numpy as np
import optuna
import pytest
from made_up import MIXED, bowl, known, study

from sweeper.search import explore
from sweeper.search.distributions import encode, groups
from sweeper.search.history import History
from sweeper.search.tpe import GenerationTPE, good_trials, propose_tpe
from sweeper.search.trial_summary import TrialSummary

FLAT = {
    "optimizer": ["sgd", "adam", "rmsprop"],
    "activation": ["relu", "tanh"],
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
}
"""A space without conditions: Optuna models all of it jointly too."""


def never(parameters: object) -> bool:
    """Nothing is taken."""
    return False


def history_of(space: dict[str, object], count: int, seed: int = 0) -> History:
    """Random trials of `bowl`."""
    history = History()
    for number, parameters in enumerate(explore.points(study(space).space, (), count, seed, "random")):
        history.add(known(number, parameters, bowl(parameters)))
    return history


@pytest.mark.parametrize("count", [12, 60, 150])
def test_one_proposal_is_the_one_that_optuna_makes(count: int) -> None:
    """Same trials, same seed: the first proposal equals that of a plain TPESampler in a plain study."""
    space = study(FLAT).space
    plain = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=11))
    history = history_of(FLAT, count)
    for trial in history.trials:
        params, distributions = encode(space, trial.parameters)
        value = bowl(trial.parameters)
        plain.add_trial(optuna.create_trial(params=params, distributions=distributions, value=value))
    asked = plain.ask(groups(space)[0].distributions)
    mine = propose_tpe(space, history, 1, 11, never)[0]
    assert {name: mine[name] for name in asked.params} == asked.params


def test_a_batch_is_as_many_single_draws_from_the_same_models() -> None:
    """Each proposal of a batch is the best of its own share of the candidates."""
    space, history = study(FLAT).space, history_of(FLAT, 40)
    good, others = history.split(good_trials(len(history)))

    def frozen(trials: list[TrialSummary]) -> list[optuna.trial.FrozenTrial]:
        coded = [encode(space, trial.parameters) for trial in trials]
        return [optuna.create_trial(params=p, distributions=d, value=0.0) for p, d in coded]

    kind, sampler = groups(space)[0].distributions, GenerationTPE(seed=3)
    drawn = sampler.draw(optuna.create_study(), kind, frozen(good), frozen(others), 4)
    again = GenerationTPE(seed=3)
    models = [
        again._build_parzen_estimator(optuna.create_study(), kind, frozen(t), True) for t in (good, others)
    ]
    each = again._n_ei_candidates
    candidates = models[0].sample(again._rng.rng, 4 * each)
    scores = models[0].log_pdf(candidates) - models[1].log_pdf(candidates)
    for place in range(4):
        best = each * place + int(np.argmax(scores[each * place : each * (place + 1)]))
        assert drawn[place]["learning_rate"] == candidates["learning_rate"][best]


def test_the_same_history_gives_the_same_proposals() -> None:
    """Nothing but trials and seed decides."""
    space, history = study(MIXED).space, history_of(MIXED, 150)
    first, second = (propose_tpe(space, history, 20, 4, never) for _ in range(2))
    assert first == second
    assert first != propose_tpe(space, history, 20, 5, never)


def test_proposals_of_one_generation_differ() -> None:
    """Twenty proposals from few models are twenty different configurations."""
    proposals = propose_tpe(study(MIXED).space, history_of(MIXED, 400), 20, 0, never)
    assert len({p["learning_rate"] for p in proposals}) == 20


def test_it_finds_what_is_good() -> None:
    """After 100 random trials of a mixed space, proposals beat them: a lower median, fewer divergences."""
    history = history_of(MIXED, 100)
    before = [bowl(trial.parameters) for trial in history.trials]
    after = [bowl(p) for p in propose_tpe(study(MIXED).space, history, 40, 0, never)]
    assert np.median(after) < 0.7 * np.median(before)
    assert np.mean(np.isinf(after)) < 0.5 * np.mean(np.isinf(before))


def test_it_gives_up_when_everything_is_taken() -> None:
    """A space that is used up yields nothing, and does not loop for ever."""
    assert propose_tpe(study(FLAT).space, history_of(FLAT, 20), 5, 0, lambda parameters: True) == []


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_trials_are_no_problem(count: int) -> None:
    """Without knowledge it draws from the whole space."""
    proposals = propose_tpe(study(MIXED).space, history_of(MIXED, count), 10, 0, never)
    assert len(proposals) == 10
