"""Trials divided into cohorts: each once, equal work for all, those that share operations side by side."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.training.cohort import LARGE_SHARE, TRIAL_COST, balance_load, deal_out, sort_key
from sweeper.trial import Trial

MATRICES = {
    **{"sgd": 0, "momentum": 1, "nesterov": 1, "adamax": 2, "rmsprop": 2, "adagrad": 2},
    **{"adam": 3, "adamw": 3, "nadam": 3, "radam": 3, "lion": 3, "adadelta": 4},
}
"""Matrices as large as the parameters that an optimizer remembers or works in, by its update rule."""
KINDS = st.tuples(st.sampled_from(sorted(MATRICES)), st.sampled_from(["relu", "tanh", "gelu", "prelu"]))
MIXES = st.dictionaries(KINDS, st.integers(1, 30), min_size=1, max_size=12)
"""(optimizer, activation) -> how many trials"""
relaxed = settings(deadline=None, max_examples=200)


def trials_of(mix: dict[tuple[str, str], int], seed: int = 0) -> list[Trial]:
    """So many trials of each kind, in a random order."""
    kinds = [each for each, count in mix.items() for _ in range(count)]
    random.Random(seed).shuffle(kinds)
    return [
        Trial(number, "explore", 0, {"optimizer": optimizer, "activation": activation})
        for number, (optimizer, activation) in enumerate(kinds)
    ]


def cost(portion: Sequence[Trial]) -> int:
    """Passes over the parameters, about."""
    return sum(TRIAL_COST + MATRICES[trial.parameters["optimizer"]] for trial in portion)


@relaxed
@given(mix=MIXES, parts=st.integers(1, 8), seed=st.integers(0, 99))
def test_every_trial_is_portions_once(mix: dict[tuple[str, str], int], parts: int, seed: int) -> None:
    """No trial is lost or doubled; there are no empty portions, and not more than were asked for."""
    trials = trials_of(mix, seed)
    portions = balance_load(trials, parts)
    assert sorted(trial.number for portion in portions for trial in portion) == list(range(len(trials)))
    assert all(portions)
    assert len(portions) <= parts


@relaxed
@given(mix=MIXES, parts=st.integers(1, 8), seed=st.integers(0, 99))
def test_portions_take_about_equally_long(mix: dict[tuple[str, str], int], parts: int, seed: int) -> None:
    """The costliest and the cheapest portion differ by less than the largest kind that is kept together."""
    trials = trials_of(mix, seed)
    loads = [cost(portion) for portion in balance_load(trials, parts)]
    loads += [0] * (parts - len(loads))
    undivided = LARGE_SHARE * len(trials) / parts + 1
    assert max(loads) - min(loads) <= undivided * max(cost([trial]) for trial in trials)


@relaxed
@given(mix=MIXES, parts=st.integers(1, 8), seed=st.integers(0, 99))
def test_kinds_stay_together_unless_they_are_large(
    mix: dict[tuple[str, str], int], parts: int, seed: int
) -> None:
    """A kind of at most a quarter of a portion lies in one portion, its trials side by side."""
    trials = trials_of(mix, seed)
    portions = balance_load(trials, parts)
    for each, count in mix.items():
        if count > LARGE_SHARE * len(trials) / parts:
            continue
        (holder,) = [portion for portion in portions if any(sort_key(trial) == each for trial in portion)]
        places = [place for place, trial in enumerate(holder) if sort_key(trial) == each]
        assert places == list(range(places[0], places[0] + count))


def test_a_large_kind_is_shared_by_all() -> None:
    """Of a kind that makes up most of the trials every process gets as many, give or take one."""
    portions = balance_load(trials_of({("adam", "relu"): 42, ("sgd", "tanh"): 4}), 4)
    shares = [sum(sort_key(trial) == ("adam", "relu") for trial in portion) for portion in portions]
    assert sorted(shares) == [10, 10, 11, 11]


def test_no_process_gets_a_costly_activation_with_every_optimizer() -> None:
    """Two optimizers and four activations on two processes: each process has each activation once."""
    activations = ["elu", "gelu", "relu", "tanh"]
    mix = {(optimizer, name): 2 for optimizer in ("adam", "adamw") for name in activations}
    for portion in balance_load(trials_of(mix), 2):
        assert Counter(sort_key(trial)[1] for trial in portion) == dict.fromkeys(activations, 2)


@relaxed
@given(mix=MIXES, parts=st.integers(1, 8), seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_balancing_is_repeatable(mix: dict[tuple[str, str], int], parts: int, seeds: tuple[int, int]) -> None:
    """The same trials give the same portions; their order decides which of those alike goes where."""
    first, again, shuffled = (trials_of(mix, seed) for seed in (seeds[0], *seeds))
    assert balance_load(first, parts) == balance_load(again, parts)
    kinds = [[sort_key(trial) for trial in portion] for portion in balance_load(first, parts)]
    assert kinds == [[sort_key(trial) for trial in portion] for portion in balance_load(shuffled, parts)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_fewer_trials_than_parts(count: int) -> None:
    """Everybody who gets something gets one trial, of one kind or of several."""
    for kinds in (["relu"], ["relu", "tanh", "gelu"]):
        trials = [
            Trial(number, "explore", 0, {"optimizer": "sgd", "activation": kinds[number % len(kinds)]})
            for number in range(count)
        ]
        assert sorted(len(portion) for portion in balance_load(trials, 5)) == [1] * count


def test_trials_without_an_activation() -> None:
    """Where the model keeps its own activations, the optimizer alone makes the kind."""
    trials = [Trial(number, "explore", 0, {"optimizer": "sgd"}) for number in range(4)]
    assert {sort_key(trial) for trial in trials} == {("sgd", "None")}
    assert [len(portion) for portion in balance_load(trials, 2)] == [2, 2]


@relaxed
@given(mix=MIXES, parts=st.integers(1, 8), seed=st.integers(0, 99))
def test_dealt_out_every_portion_gets_as_many_of_each_kind(
    mix: dict[tuple[str, str], int], parts: int, seed: int
) -> None:
    """Each trial comes once, portions are equally large, and so is what they have of a kind, but for one."""
    trials = [replace(t, parameters={**t.parameters, "learning_rate": 0.1}) for t in trials_of(mix, seed)]
    portions = deal_out(trials, parts)
    assert sorted(trial.number for portion in portions for trial in portion) == list(range(len(trials)))
    assert len(portions) == min(parts, len(trials))
    for counts in ([Counter(map(sort_key, p))[each] for p in portions] for each in mix):
        assert max(counts) - min(counts) <= 1
    sizes = [len(portion) for portion in portions]
    assert max(sizes) - min(sizes) <= 1


def test_dealt_out_no_portion_gets_the_highest_learning_rates() -> None:
    """Of trials of one kind whose rates rise, neighbours go to different portions."""
    parameters = [{"optimizer": "rmsprop", "activation": "gelu", "learning_rate": 2.0**k} for k in range(8)]
    first, second = deal_out([Trial(k, "explore", 0, each) for k, each in enumerate(parameters)], 2)
    assert [[trial.number for trial in part] for part in (first, second)] == [[0, 2, 4, 6], [1, 3, 5, 7]]
