"""The search as a whole, on objectives that are formulas: totals, generations, repeats, resumption."""

import json
import logging
import math
import warnings
from collections import Counter
from typing import Any

import numpy as np
import pytest
from made_up import MIXED, bowl, result, search_through, study

from sweeper.search.driver import Search, key
from sweeper.search.history import History
from sweeper.search.sampler import Proposer
from sweeper.search.trial_summary import summarize
from sweeper.study.study import Study
from sweeper.trial import Outcome, Trial

SAMPLERS = ["auto", "tpe", "random", "qmc", "grid", "cmaes"]
ALL = [*SAMPLERS, "gp"]
"""Gaussian processes take half a second a proposal."""
RATE = {"low": 1e-4, "high": 1.0, "log": True}
SMALL = {"optimizer": ["sgd", "adam"], "activation": ["relu", "tanh", "elu"], "learning_rate": [0.1, 0.01]}


MIXED_GRID = MIXED | {"model.depth": 2, "training.batch_size": 32, "betas": [[0.9, 0.999]]}
"""Whose coarsest grid has 72 configurations."""


def of_sampler(sampler: str, trials: int, **search: Any) -> Study:
    """A mixed study of so many trials; of a grid, which is trained whole, at least as many as it has."""
    if sampler == "grid":
        return study(MIXED_GRID, sampler=sampler, trials=150, **search)
    return study(MIXED, sampler=sampler, trials=trials, **search)


def some_end_early(trial: Trial) -> Outcome | None:
    """Every fifth trial is pruned, every eleventh fails."""
    if trial.number % 11 == 3:
        return Outcome.FAILED
    return Outcome.PRUNED if trial.number % 5 == 4 and math.isfinite(bowl(trial.parameters)) else None


@pytest.mark.parametrize("sampler", ALL)
def test_every_sampler_works_on_a_mixed_space(
    sampler: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The total is reached, no configuration comes twice, every value lies in its range, nobody is warned."""
    count = 30 if sampler != "gp" else 14
    asked = of_sampler(sampler, count, generation=8)
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings():
        warnings.simplefilter("error")
        trials = search_through(Search(asked), outcome=some_end_early)
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert len(trials) == count if sampler != "grid" else len(trials) >= 72
    assert len({key(trial.parameters) for trial in trials}) == len(trials)
    for trial in trials:
        low, high = (1e-3, 10.0) if trial.parameters["optimizer"] == "sgd" else (1e-4, 1.0)
        assert low <= trial.parameters["learning_rate"] <= high
        assert trial.parameters["model.width"] in range(4, 65, 4)
        assert trial.parameters["activation_penalty"] == 0 or trial.parameters["activation_penalty"] >= 1e-6
        assert ("betas" in trial.parameters) == (trial.parameters["optimizer"] == "adam")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert "arn" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(sampler: str) -> None:
    """Whatever was known when it stopped, the same trials follow, with the same pruning rules."""
    asked = of_sampler(sampler, 24, generation=6, pruner="median")
    whole = search_through(Search(asked), outcome=some_end_early)
    for cut in (0, 5, 6, 13, 17):
        known = [result(trial, bowl(trial.parameters), some_end_early(trial)) for trial in whole[:cut]]
        rest = search_through(Search(asked, known), outcome=some_end_early)
        assert rest == whole[cut:], cut


def test_results_may_come_in_any_order() -> None:
    """The order in which a generation finishes changes nothing of the next one."""
    asked = study(MIXED, trials=40, generation=10)
    straight = search_through(Search(asked))
    search, shuffled = Search(asked), []
    generator = np.random.default_rng(0)
    while trials := search.next_generation():
        for place in generator.permutation(len(trials)):
            search.learn(result(trials[place], bowl(trials[place].parameters)))
        shuffled += trials
    assert shuffled == straight


def test_a_generation_with_holes_is_filled() -> None:
    """Of a generation that was half done, whichever half, the other half is asked for."""
    asked = study(MIXED, trials=20, generation=10)
    whole = search_through(Search(asked))
    known = [result(trial, bowl(trial.parameters)) for trial in whole if trial.number in (0, 3, 9)]
    assert Search(asked, known).next_generation() == [whole[n] for n in (1, 2, 4, 5, 6, 7, 8)]


@pytest.mark.parametrize("sampler", ALL)
def test_a_fixed_space_ends_after_its_combinations(sampler: str) -> None:
    """Three combinations are three trials, however many were asked for."""
    space = {"optimizer": "sgd", "learning_rate": [0.1, 0.2, 0.3]}
    trials = search_through(Search(study(space, sampler=sampler, trials=100, generation=4)))
    assert [trial.parameters["learning_rate"] for trial in trials] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("sampler", ["auto", "tpe", "random", "qmc", "gp", "cmaes"])
def test_a_small_space_is_never_asked_twice(sampler: str) -> None:
    """11 of 12 configurations, most of them proposed by a model that knows few places: no repeats."""
    trials = search_through(Search(study(SMALL, sampler=sampler, trials=11, generation=3)))
    assert len({json.dumps(trial.parameters, sort_keys=True) for trial in trials}) == len(trials) == 11


def test_trials_is_a_total() -> None:
    """Raising it goes on behind what is there, lowering it asks for nothing more."""
    few = search_through(Search(study(MIXED, trials=25, generation=10)))
    known = [result(trial, bowl(trial.parameters)) for trial in few]
    more = search_through(Search(study(MIXED, trials=60, generation=10), known))
    assert [trial.number for trial in more] == list(range(25, 60))
    assert len({key(trial.parameters) for trial in [*few, *more]}) == 60
    assert Search(study(MIXED, trials=12, generation=10), known).next_generation() == []


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_raised_total_repeats_nothing_of_a_half_finished_generation(sampler: str) -> None:
    """The new plan may differ from the old one; what was trained under the old one is not trained again."""
    space = SMALL | {"learning_rate": RATE}
    few = search_through(Search(study(space, sampler=sampler, trials=15, generation=10)))[:13]
    known = [result(trial, bowl(trial.parameters)) for trial in few]
    more = search_through(Search(study(space, sampler=sampler, trials=40, generation=10), known))
    assert len({key(trial.parameters) for trial in [*few, *more]}) == len(few) + len(more) >= 36


def test_a_finer_grid_goes_on_behind_a_coarser_one() -> None:
    """Raising the total of a grid search trains further points, none of them twice, up to the total."""
    space = {"optimizer": ["sgd", "adam"], "learning_rate": RATE}
    few = search_through(Search(study(space, sampler="grid", trials=6, generation=4)))
    known = [result(trial, bowl(trial.parameters)) for trial in few]
    more = search_through(Search(study(space, sampler="grid", trials=20, generation=4), known))
    assert len({key(trial.parameters) for trial in [*few, *more]}) == len(few) + len(more) == 20


def test_nothing_but_zeros_ends_a_search_of_few_places() -> None:
    """Where half of the trials are at zero and the rest is fixed, zero comes once; the total is reached."""
    space = {
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "activation_penalty": {"low": 1e-6, "high": 1.0, "log": True, "zero": 0.5},
    }
    for sampler in ("random", "qmc", "auto"):
        trials = search_through(Search(study(space, sampler=sampler, trials=30, generation=10)))
        assert len(trials) == 30
        assert sum(trial.parameters["activation_penalty"] == 0 for trial in trials) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"learning_rate": 0.1}, {"learning_rate": 0.1 + 1e-12}, True),
        ({"learning_rate": 0.30000000000000004}, {"learning_rate": 0.3}, True),
        ({"momentum": 1}, {"momentum": 1.0}, True),
        ({"learning_rate": 0.1}, {"learning_rate": 0.1001}, False),
        ({"nesterov": True}, {"nesterov": 1}, False),
        ({"betas": (0.9, 0.99)}, {"betas": (0.9, 0.999)}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
    ],
    ids=str,
)
def test_configurations_are_compared_as_numbers(one: Any, other: Any, same: bool) -> None:
    """What trains the same counts as the same, to nine digits; order does not matter."""
    assert (key(one) == key(other)) is same


def test_rates_of_one_optimizer_are_compared_whatever_key_they_came_from() -> None:
    """A rate under `learning_rate.sgd` and the same rate under `learning_rate` are one configuration."""
    space = {"optimizer": ["sgd", "adam"], "learning_rate": [0.1, 0.2], "learning_rate.sgd": [0.1, 0.2, 0.3]}
    trials = search_through(Search(study(space, trials=100, generation=3)))
    assert len({key(trial.parameters) for trial in trials}) == len(trials) == 5


def test_nothing_is_exploited_before_anything_is_known() -> None:
    """The first generation explores, then the model is used. Random searches only explore."""
    for trials in (1, 5, 30, 60):
        phases = [t.phase for t in search_through(Search(study(MIXED, trials=trials)))]
        assert phases[:10] == ["explore"] * min(trials, 10)
        assert trials < 30 or "exploit" in phases[10:18]
    random = search_through(Search(study(MIXED, sampler="random", trials=30)))
    assert {trial.phase for trial in random} == {"explore"}


def test_every_scientific_value_keeps_its_part() -> None:
    """A third of the trials is shared out evenly over the values of each, however bad one is."""
    trials = search_through(Search(study(MIXED, trials=60)))
    for name, values in (("optimizer", 3), ("activation", 2)):
        counts = Counter(trial.parameters[name] for trial in trials)
        assert len(counts) == values
        assert min(counts.values()) >= 60 // 3 // values - 1


def test_defaults_and_tries_come_first() -> None:
    """What is to be tried, then each optimizer's default with the first activation, no penalty."""
    tried = {"optimizer": "sgd", "learning_rate": 0.5, "model.width": 8, "activation": "tanh"}
    for sampler in ("auto", "random"):
        first = Search(study(MIXED, sampler=sampler, **{"try": [tried]})).next_generation()[:4]
        assert first[0].parameters.items() >= tried.items()
        assert [t.parameters["optimizer"] for t in first[1:]] == ["sgd", "adam", "rmsprop"]
        assert [t.parameters["learning_rate"] for t in first[1:]] == [0.01, 0.001, 0.001]
        assert {t.parameters["activation"] for t in first[1:]} == {"relu"}
        assert {t.parameters["activation_penalty"] for t in first[1:]} == {0.0}
        assert {t.phase for t in first} == {"explore"}


def test_all_trials_share_the_seed_of_the_search() -> None:
    """Configurations are compared on one seed; fresh ones are for confirmation."""
    assert {t.seed for t in search_through(Search(study(MIXED, trials=12, seed=7)))} == {7}


def test_the_model_is_used() -> None:
    """What it proposes after ten trials is far better than they were, and soon close to the best there is."""
    trials = search_through(Search(study(MIXED, trials=60)))
    values = np.array([bowl(trial.parameters) for trial in trials])
    assert np.median(values[10:]) < 0.6 * np.median(values[:10])
    assert min(values[:30]) < 0.13


def test_evolution_narrows() -> None:
    """CMA-ES, which lives from generation to generation, gathers its rates around the best one."""
    space = {
        "optimizer": "adam",
        "learning_rate": RATE,
        "weight_decay": {"low": 1e-6, "high": 1.0, "log": True},
    }
    trials = search_through(Search(study(space, sampler="cmaes", trials=150, generation=10)))
    rates = np.log10([trial.parameters["learning_rate"] for trial in trials])
    assert np.abs(rates[-30:] + 2).mean() < 0.3 * np.abs(rates[10:40] + 2).mean()


def with_lag(search: Search, generator: np.random.Generator) -> list[Trial]:
    """As a pool would: every trial begins as soon as it may, and they end in any order.

    Sometimes nobody waits while a generation is proposed.
    """
    begun: dict[int, Trial] = {}
    running: list[Trial] = []
    while True:
        search.look_ahead()
        while trials := search.next_generation(wait=not running or bool(generator.integers(2))):
            search.begin(trials)
            running += trials
            begun |= {trial.number: trial for trial in trials}
        if not running:
            return [begun[number] for number in sorted(begun)]
        trial = running.pop(int(generator.integers(len(running))))
        search.learn(result(trial, bowl(trial.parameters), some_end_early(trial)))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("lag", [1, 2])
def test_with_a_lag_timing_changes_nothing(sampler: str, lag: int) -> None:
    """Trials, phases and pruning limits are the same whatever ends first, and after interruptions."""
    space = SMALL | {"learning_rate": RATE, "model.width": {"low": 4, "high": 64}}
    asked = study(space, sampler=sampler, trials=34, generation=6, lag=lag, pruner="median")
    whole = with_lag(Search(asked), np.random.default_rng(0))
    assert len({key(trial.parameters) for trial in whole}) == len(whole)
    for seed in (1, 2):
        assert with_lag(Search(asked), np.random.default_rng(seed)) == whole
    generator = np.random.default_rng(3)
    for share in (0.2, 0.7):
        kept = [trial for trial in whole if generator.random() < share]
        known = [result(trial, bowl(trial.parameters), some_end_early(trial)) for trial in kept]
        rest = with_lag(Search(asked, known), generator)
        assert rest == [trial for trial in whole if trial not in kept]


def test_a_lag_lets_the_next_generation_begin_early() -> None:
    """One more generation is under way; what comes after it waits for the first one's last result."""
    search = Search(study(MIXED, trials=40, generation=5, lag=1))
    first, second = search.next_generation(), []
    search.begin(first)
    search.begin(second := search.next_generation())
    assert [trial.number for trial in [*first, *second]] == list(range(10))
    assert search.next_generation() == []
    for trial in [*second, *first[:4]]:
        search.learn(result(trial, bowl(trial.parameters)))
        assert search.next_generation() == []
    assert search.under_way == 1
    search.learn(result(first[4], bowl(first[4].parameters)))
    assert [trial.number for trial in search.next_generation()] == [10, 11, 12, 13, 14]


@pytest.mark.parametrize("kind", ["additive", "tpe"])
def test_what_is_under_way_is_not_proposed_again(kind: str) -> None:
    """Where a model would look first, it looks elsewhere while that is being trained."""
    asked = study({"optimizer": "adam", "learning_rate": RATE}, trials=30, generation=10)
    history = History()
    for trial in Search(asked).next_generation()[:4]:
        history.add(summarize(result(trial, bowl(trial.parameters)), asked.objective))

    def proposed(pending: list[dict[str, Any]]) -> float:
        ((found, _),) = Proposer(kind, asked).propose(history, 1, 10, lambda _: False, pending)
        return math.log10(found["learning_rate"])

    first = proposed([])
    assert proposed([]) == first
    assert abs(proposed([{"optimizer": "adam", "learning_rate": 10**first}] * 3) - first) > 1e-3
