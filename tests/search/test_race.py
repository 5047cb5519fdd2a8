"""The rounds of the confirmation: who is trained on which seed, and when it is over."""

import math

import numpy as np
from made_up import known, study

from sweeper.search.finalists import next_round, next_trials
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.study.sections import ConfirmSection


def raced(scores: np.ndarray, confirm: ConfirmSection) -> dict[int, int]:
    """Trial -> seeds that it was trained on, in a race with these (finalists, seeds) scores."""
    found: dict[tuple[int, int], float] = {}
    while missing := next_round(confirm, range(len(scores)), 6, found):
        found |= {(number, seed): float(scores[number, seed - 7]) for number, seed in missing}
    return {number: sum(key[0] == number for key in found) for number in range(len(scores))}


NOISE = np.random.default_rng(0).normal(size=(5, 40))


def test_near_ties_use_the_whole_budget() -> None:
    """Five alike get ten seeds each."""
    assert raced(NOISE, ConfirmSection()) == dict.fromkeys(range(5), 10)


def test_a_clear_winner_ends_the_race() -> None:
    """Rivals that are far behind drop out at the first looks: at least 30 % of the trainings are saved."""
    behind = np.array([0, 9, 9, 9, 9])[:, None]
    assert sum(raced(NOISE + behind, ConfirmSection()).values()) <= 35


def test_a_clear_winner_is_confirmed() -> None:
    """However far ahead or alike, no race ends on fewer seeds than confirm an answer, if they are paid."""
    for confirm in (ConfirmSection(), ConfirmSection(seeds=5), ConfirmSection(matters=0.5)):
        for behind in (0.0, 90.0):
            scores = 100 + 0.01 * NOISE + np.array([0, behind, behind, behind, behind])[:, None]
            assert min(raced(scores, confirm).values()) >= ENOUGH_SEEDS


def test_seeds_go_to_near_ties() -> None:
    """What three clear losers leave goes to the two that are left."""
    behind = np.array([0, 0, 50, 50, 50])[:, None]
    counts = raced(NOISE + behind, ConfirmSection())
    assert counts[2] == counts[3] == counts[4] == 6
    assert counts[0] == counts[1] == 16


def test_what_does_not_matter_is_not_decided() -> None:
    """All within 2 % of the loss for sure: no more seeds; with matters = 0 they would be spent."""
    alike = 100 + 0.01 * NOISE
    assert raced(alike, ConfirmSection()) == dict.fromkeys(range(5), 6)
    assert raced(alike, ConfirmSection(matters=0)) == dict.fromkeys(range(5), 10)


def test_there_is_no_share_of_a_cost_below_zero() -> None:
    """The zero of a score of one's own is arbitrary: 100 less, costs differ as before and race on."""
    assert raced(0.01 * NOISE - 100, ConfirmSection()) == dict.fromkeys(range(5), 10)


def test_those_that_drop_out_do_not_keep_a_race_open() -> None:
    """Where all that are left are within 2 % of the loss for sure, it ends as others are dropped."""
    behind = np.array([0, 0, 50, 50, 50])[:, None]
    assert raced(100 + 0.01 * NOISE + behind, ConfirmSection()) == dict.fromkeys(range(5), 6)


def test_the_budget_is_kept() -> None:
    """`budget` counts trainings; seeds that cannot be paid for all that are left are not begun."""
    assert sum(raced(NOISE, ConfirmSection(budget=33)).values()) == 30
    assert raced(NOISE, ConfirmSection(seeds=3)) == dict.fromkeys(range(5), 3)
    assert raced(NOISE, ConfirmSection(budget=0)) == dict.fromkeys(range(5), 0)
    assert raced(NOISE[:1], ConfirmSection()) == {0: 10}


def test_a_finalist_that_fails_drops_out() -> None:
    """Two lost seeds more than the leader's are enough."""
    failing = NOISE.copy()
    failing[3, :2] = math.nan
    assert raced(failing, ConfirmSection())[3] == 6


def test_the_next_round_follows_from_what_is_on_record() -> None:
    """Missing trainings of a round come first, seed by seed; nothing else is repeated."""
    asked = study({"optimizer": ["adam"]}, seed=7, confirm={"finalists": 2, "seeds": 6})
    chosen = [known(n, {"optimizer": "adam", "learning_rate": 0.1}, 0.1 * n) for n in (3, 1)]
    first = next_trials(asked, chosen, {})
    assert [(t.seed, t.number) for t in first] == [(s, n) for s in range(8, 14) for n in (3, 1)]
    assert {t.phase for t in first} == {"confirm"}
    assert all(t.test and not t.pruning.limits for t in first)
    scores = {(t.number, t.seed): float(NOISE[t.number, t.seed]) for t in first}
    del scores[3, 9]
    assert [(t.number, t.seed) for t in next_trials(asked, chosen, scores)] == [(3, 9)]
