"""Who is confirmed, on which seeds."""

import math
from dataclasses import replace

import pytest
from made_up import known, study

from sweeper.questions.confirmation import HOW
from sweeper.search.finalists import NEAR, finalists, keeps_its_place, leader, next_trials, racers
from sweeper.search.starts import starts
from sweeper.search.trial_summary import TrialSummary
from sweeper.trial import Outcome

SPACE = {"optimizer": ["sgd", "adam"], "activation": ["relu", "tanh", "elu"]}


def entry(
    number: int, optimizer: str, activation: str, value: float, outcome: Outcome | None = None
) -> TrialSummary:
    """A finished trial of the space, at a rate of its own."""
    rate = 2.1e-3 * 1.5**number
    return known(
        number, {"optimizer": optimizer, "activation": activation, "learning_rate": rate}, value, outcome
    )


TRIALS = [
    entry(0, "adam", "relu", 0.5),
    entry(1, "adam", "relu", 0.1),
    entry(2, "adam", "relu", 0.2),
    entry(3, "adam", "relu", 0.3),
    entry(4, "adam", "tanh", 0.6),
    entry(5, "sgd", "relu", 0.7),
    entry(6, "sgd", "elu", 0.9),
    entry(7, "adam", "relu", math.inf),
    entry(8, "adam", "relu", 0.05, Outcome.FAILED),
    entry(9, "adam", "relu", -1.0, Outcome.PRUNED),
]


def test_the_two_best_and_the_best_of_other_combinations() -> None:
    """Two of four places by objective; then the best adam with tanh, though 3 and 0 score lower; sgd."""
    asked = study(SPACE, confirm={"finalists": 4, "seeds": 2})
    assert [trial.number for trial in finalists(asked, TRIALS)] == [1, 2, 4, 5]


def test_a_place_that_no_combination_needs_goes_to_the_next_best() -> None:
    """When every combination that was tried is there, the order of the objectives decides."""
    asked = study(SPACE, confirm={"finalists": 6, "seeds": 2})
    assert [trial.number for trial in finalists(asked, TRIALS)] == [1, 2, 4, 5, 6, 3]


def test_only_scientific_values_make_a_combination() -> None:
    """Where the optimizer alone is compared, another activation is no reason."""
    asked = study(SPACE, confirm={"finalists": 4, "seeds": 2}, scientific=["optimizer"])
    assert [trial.number for trial in finalists(asked, TRIALS)] == [1, 2, 5, 3]


@pytest.mark.parametrize(
    ("other", "chosen"),
    [
        ({}, [0, 2, 3]),
        ({"learning_rate": 0.1001}, [0, 2, 3]),
        ({"activation_penalty": 1.05e-3}, [0, 2, 3]),
        ({"learning_rate": 0.13}, [0, 1, 2]),
        ({"activation_penalty": 0.0}, [0, 1, 2]),
        ({"activation_penalty": 1e-2}, [0, 1, 2]),
        ({"activation": "elu"}, [0, 1, 2]),
        ({"momentum": 0.5}, [0, 1, 2]),
    ],
)
def test_a_copy_takes_no_place_while_others_are_left(other: dict[str, object], chosen: list[int]) -> None:
    """Nearly the same numbers of all ranges do alike on fresh seeds; whatever else differs may not."""
    penalty = {"low": 1e-6, "high": 1e-1, "log": True, "zero": 0.25}
    rates = {"low": 1e-4, "high": 1.0, "log": True}
    space = {"optimizer": "sgd", "activation": ["relu", "elu"], "learning_rate": rates}
    asked = study(
        space | {"activation_penalty": penalty},
        confirm={"finalists": 3, "seeds": 2},
        scientific=["optimizer"],
    )
    best = {"optimizer": "sgd", "activation": "relu", "learning_rate": 0.1, "activation_penalty": 1e-3}
    trials = [known(0, best, 0.1), known(1, {**best, **other}, 0.2)]
    trials += [
        known(2, {**best, "learning_rate": 0.01}, 0.3),
        known(3, {**best, "learning_rate": 0.001}, 0.4),
    ]
    assert [trial.number for trial in finalists(asked, trials)] == chosen
    assert [trial.number for trial in finalists(asked, trials[:2])] == [0, 1]
    scores = {(number, 1): 0.3 for number in (0, 1, 2)}  # a run of before copies were left out stays finished
    assert [trial.number for trial in racers(asked, {t.number: t for t in trials}, scores)] == [0, 1, 2]


def test_the_page_says_how_near_a_copy_is() -> None:
    """In the words of the section on finalists."""
    assert "a fiftieth of its range" in " ".join(HOW)
    assert NEAR == 1 / 50


def test_only_completed_trials_are_confirmed() -> None:
    """Pruned, diverged and failed ones are out, whatever objective they carry."""
    asked = study(SPACE, confirm={"finalists": 5, "seeds": 2})
    assert finalists(asked, TRIALS[7:]) == []


def test_ties_go_to_the_earlier_trial() -> None:
    """The choice does not depend on the order in which results came."""
    asked = study(SPACE, confirm={"finalists": 1, "seeds": 1})
    tied = [entry(4, "sgd", "relu", 0.5), entry(2, "adam", "tanh", 0.5), entry(3, "sgd", "elu", 0.5)]
    assert [trial.number for trial in finalists(asked, tied)] == [2]


def test_of_equal_bests_those_that_stayed_good_go_on() -> None:
    """Accuracies tie often: one that was as good once is no better than one that was from early on."""
    asked = study(SPACE, confirm={"finalists": 1, "seeds": 1})
    once = replace(entry(2, "adam", "tanh", 0.0), curve={1: 0.5, 2: 0.0, 3: 0.4})
    steady = replace(entry(4, "sgd", "relu", 0.0), curve={1: 0.1, 2: 0.0, 3: 0.0})
    assert [trial.number for trial in finalists(asked, [once, steady])] == [4]


def test_the_best_default_has_a_place() -> None:
    """The last of two and more places goes to the best published default that completed."""
    space = {"optimizer": ["sgd", "adam"], "activation": ["relu", "tanh"]}
    sgd, adam = starts(study(space))
    trials = [
        known(number, {**adam, "learning_rate": 0.1 / 2**number}, 0.1 + number / 100) for number in range(6)
    ]
    trials += [known(6, sgd, 0.9), known(7, adam, 0.8), known(8, adam, 0.01, Outcome.PRUNED)]
    for places, numbers in ((1, [0]), (2, [0, 7]), (4, [0, 1, 6, 7])):
        asked = study(space, confirm={"finalists": places, "seeds": 2})
        assert [trial.number for trial in finalists(asked, trials)] == numbers


@pytest.mark.parametrize(
    ("now", "outcome", "keeps"),
    [
        (0.5, "completed", True),
        (0.5049, "completed", True),
        (0.4951, "completed", True),
        (0.506, "completed", False),
        (0.494, "completed", False),
        (0.5, "diverged", False),
    ],
)
def test_a_training_that_ends_otherwise_alone_takes_no_place(now: float, outcome: str, keeps: bool) -> None:
    """A hundredth of the score is rounding; more is another training, and its rank another one."""
    before = {k: entry(k, "adam", "relu", loss) for k, loss in ((0, 0.4), (1, 0.5), (2, 0.6))}
    again = replace(before[1], objective=now, outcome=Outcome(outcome))
    assert keeps_its_place(before, again) is keeps
    near = before | {k: entry(k, "adam", "relu", loss) for k, loss in ((3, 0.50001), (4, 0.49999))}
    assert keeps_its_place(near, again) is (keeps and now == 0.5)


def test_finalists_of_before_race_on_with_those_of_now() -> None:
    """A search that went on may pick others; whoever has fresh seeds stays, and the race treats all alike."""
    asked = study(SPACE, confirm={"finalists": 2, "seeds": 6})
    known = {trial.number: trial for trial in TRIALS}
    before = {(number, seed): 0.3 for number in (1, 5) for seed in range(1, 7)}
    assert [trial.number for trial in racers(asked, known, before)] == [1, 2, 5]
    assert [trial.number for trial in racers(asked, known, {})] == [1, 2]
    left = next_trials(asked, racers(asked, known, before), before)
    assert {trial.number for trial in left} == {2}
    assert len(left) == 6, "as many seeds as the others have"
    nobody = study(SPACE, confirm={"finalists": 0})
    assert racers(nobody, known, before) == []


@pytest.mark.parametrize(
    ("scores", "objective", "leads"),
    [
        ({1: [0.3, 0.2], 2: [0.2, 0.2], 5: [0.1, 0.9]}, "validation_loss", 2),
        ({1: [0.3, 0.2], 2: [0.2, 0.2], 5: [0.1, 0.9]}, "validation_auc (higher is better)", 5),
        ({1: [0.3, 0.2], 2: [0.3, 0.2], 5: [0.1]}, "validation_loss", 1),  # who fell behind is out; a tie
        ({1: [0.3, 0.2], 2: [0.2, math.nan], 5: [0.4, 0.4]}, "validation_loss", 1),  # diverged once
        ({1: [math.nan], 2: [math.nan], 5: [math.nan]}, "validation_loss", None),
        ({1: [0.3], 2: [0.2], 5: []}, "validation_loss", None),  # the first round is not complete
        ({1: [0.3], 2: [0.2], 5: [0.1], 7: [0.0]}, "validation_loss", 5),  # one of an earlier call
    ],
)
def test_who_leads_a_race_is_who_would_win_it_now(
    scores: dict[int, list[float]], objective: str, leads: int | None
) -> None:
    """By the mean over the seeds that all have who are left, without those that lost one."""
    chosen = [TRIALS[number] for number in (1, 2, 5)]
    found = {(number, seed): value for number, each in scores.items() for seed, value in enumerate(each, 1)}
    assert leader(chosen, found, objective) == leads


def test_a_single_finalist_leads_from_the_beginning() -> None:
    """Whatever it scores."""
    assert leader(TRIALS[5:6], {}, "validation_loss") == 5
    assert leader(TRIALS[5:6], {(5, 1): math.nan}, "validation_loss") == 5
    assert leader([], {}, "validation_loss") is None
