"""Why the winner won: true whatever was lost, by whom, and how far the run has got."""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report_inputs import made_input, sentences_of
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.confirmed import confirmed
from sweeper.answer.placing import Finalist, better_means, finalists_of, placing
from sweeper.answer.ranked import LOSS
from sweeper.answer.rows import label, labels
from sweeper.report.card import BADGES, card


def finalist(number: int, mean: float, completed: int, diverged: int = 0, failed: int = 0) -> Finalist:
    """Trial `number` in a few numbers."""
    return Finalist(f"trial #{number}", mean, completed, diverged, failed)


WON = finalist(1, 0.5, 10)
CASES = [
    (
        "nothing lost",
        [WON, finalist(2, 0.6, 10)],
        "Of 2 finalists retrained on 10 fresh seeds, these settings have the lowest mean validation loss",
        [],
    ),
    (
        "equal means",
        [WON, finalist(2, 0.5, 10), finalist(3, 0.7, 10)],
        "Of 3 finalists retrained on 10 fresh seeds, these settings have the lowest mean validation loss (as "
        "has trial #2)",
        [],
    ),
    (
        "alone",
        [WON],
        "These settings have been retrained on 10 fresh seeds as the only finalist",
        [],
    ),
    (
        "a rival of lower mean lost a seed",
        [WON, finalist(3, 0.6, 10), finalist(7, 0.1, 9, diverged=1)],
        "Of the 2 (of 3) finalists that completed all 10 fresh seeds, these settings have the lowest mean "
        "validation loss",
        ["trial #7 has a lower mean (0.1) over 9 of 10 seeds, but diverged on 1"],
    ),
    (
        "every rival lost a seed",
        [WON, finalist(7, 0.1, 8, diverged=1, failed=1), finalist(8, 0.9, 9, failed=1)],
        "Of 3 finalists, these settings alone completed all 10 fresh seeds",
        ["trial #7 has a lower mean (0.1) over 8 of 10 seeds, but diverged on 1 and failed on 1"],
    ),
    (
        "the others completed none",
        [WON, finalist(2, math.nan, 0, failed=10)],
        "Of 2 finalists, these settings alone completed all 10 fresh seeds",
        [],
    ),
    (
        "all lost seeds, some as few as the winner",
        [finalist(1, 0.5, 9, diverged=1), finalist(2, 0.6, 9, failed=1), finalist(3, 0.2, 7, failed=3)],
        "None of 3 finalists completed every fresh seed; of the 2 that lost the fewest seeds (1 of 10), "
        "these settings have the lowest mean validation loss",
        ["trial #3 has a lower mean (0.2) over 7 of 10 seeds, but failed on 3"],
    ),
    (
        "all lost seeds, the winner the fewest",
        [finalist(1, 0.5, 9, diverged=1), finalist(2, 0.6, 8, failed=2)],
        "Neither finalist completed every fresh seed; these settings lost the fewest seeds (1 of 10)",
        [],
    ),
    (
        "stopped in the middle",
        [finalist(1, 0.5, 3), finalist(2, 0.6, 2)],
        "Of 2 finalists retrained on fresh seeds, these settings have the lowest mean validation loss over "
        "the fresh seeds that all of them have",
        [],
    ),
    (
        "one more seed of the other, an easy one",
        [finalist(1, 0.5, 6), replace(finalist(2, 0.48, 7), behind=0.02)],
        "Of 2 finalists retrained on fresh seeds, these settings have the lowest mean validation loss over "
        "the fresh seeds that all of them have",
        [
            "trial #2 has a lower mean (0.48) over its 7 seeds, and is 0.02 worse than the winner on those "
            "of both"
        ],
    ),
    (
        "one seed",
        [finalist(1, 0.5, 1), finalist(2, math.nan, 0, diverged=1)],
        "Of 2 finalists, these settings alone completed the only fresh seed",
        [],
    ),
]


@pytest.mark.parametrize(
    ("finalists", "said", "lower"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_the_winner_is_called_what_it_is(finalists: list[Finalist], said: str, lower: list[str]) -> None:
    """The lowest mean is claimed among those that lost as few seeds, and lower means of others are told."""
    assert placing(finalists, LOSS, "these settings", "have") == said
    assert better_means(finalists, LOSS) == lower


@pytest.mark.parametrize("seed", range(20))
def test_no_sentence_claims_a_mean_that_is_not_lowest(seed: int) -> None:
    """Of whatever was lost: a claim over all finalists holds over all; every lower mean is accounted for."""
    rng = np.random.default_rng(seed)
    rows = [
        (trial, "confirm", s, outcome, float(rng.integers(1, 4)) if outcome == "completed" else np.nan)
        for trial in range(4)
        for s in range(3)
        for outcome in [str(rng.choice(["completed", "diverged", "failed"], p=[0.7, 0.2, 0.1]))]
    ]
    trials = pd.DataFrame(rows, columns=["trial", "phase", "seed", "outcome", "objective"])
    ranking = confirmed(trials)
    if ranking.empty:
        return
    finalists = finalists_of(trials, ranking)
    means = trials.groupby("trial")["objective"].mean()
    said = placing(finalists, LOSS, "these settings", "have")
    lowest = finalists[0].mean == means.min()
    assert ("Of 4 finalists retrained on 3 fresh seeds, these settings have the lowest" in said) <= lowest
    below = {f"trial #{trial}" for trial, mean in means.items() if mean < finalists[0].mean}
    named = {re.sub(" has.*", "", clause) for clause in better_means(finalists, LOSS)}
    assert named == below


def with_lost_seeds(places: dict[int, int], seeds: int = 5) -> SyntheticRecords:
    """Four finalists on fresh seeds; the one at each place has lost so many of them, the last ones.

    The finalist at place 3 has the lowest scores by far.
    """
    made = synthetic_records(60, finalists=4, seeds=seeds)
    trials = made.trials.copy()
    confirm = trials["phase"] == "confirm"
    order = trials.loc[confirm, "trial"].drop_duplicates().tolist()
    for place, trial in enumerate(order):
        own = confirm & (trials["trial"] == trial)
        spread = 0.01 * np.sin(7 * place + 3 * trials.loc[own, "seed"])
        trials.loc[own, "objective"] = (0.1 if place == 3 else 0.2 + 0.1 * place) + spread
        lost = own & (trials["seed"] > seeds - places.get(place, 0))
        trials.loc[own, "outcome"] = "completed"
        trials.loc[lost, ["outcome", "objective"]] = ["diverged", np.nan]
    return SyntheticRecords(trials, made.curves, made.layers)


def test_who_dropped_out_of_the_race_is_no_rival_over_all_seeds() -> None:
    """Those that lasted are compared over their seeds; a lower mean over fewer, easier seeds is explained."""
    rng = np.random.default_rng(0)
    easy = np.array([0.0] * 4 + [5.0] * 6)
    scores = {k: easy + 0.01 * rng.normal(size=10) for k in (1, 2)}
    scores[3] = easy[:4] + 1 + 0.01 * rng.normal(size=4)
    rows = [
        (trial, "confirm", seed, "completed", value)
        for trial, values in scores.items()
        for seed, value in enumerate(values, 1)
    ]
    trials = pd.DataFrame(rows, columns=["trial", "phase", "seed", "outcome", "objective"])
    found = finalists_of(trials, confirmed(trials))
    said = placing(found, LOSS, "these settings", "have")
    assert said == (
        "Of the 2 (of 3) finalists that lasted 10 fresh seeds, these settings have the lowest mean "
        "validation loss; trial #3 dropped out of the race after 4 fresh seeds"
    )
    (clause,) = better_means(found, LOSS)
    assert re.fullmatch(
        r"trial #3 has a lower mean \(1\.?\d*\) over its 4 seeds, on which it is [\d.]+ worse than the "
        r"winner",
        clause,
    )
    alone = trials[trials["trial"] != 2]
    assert placing(finalists_of(alone, confirmed(alone)), LOSS, "these settings", "have") == (
        "Of 2 finalists, these settings alone lasted the race, over 10 fresh seeds; the other dropped out of "
        "the race after 4 fresh seeds"
    )


def test_who_lost_seeds_and_dropped_out_is_told_of_once() -> None:
    """Finalists are counted alike everywhere; what the one that left has lost is said with its mean."""
    left = Finalist("trial #39", 0.1, 6, 2, 0, dropped=True, behind=0.05)
    found = [WON, finalist(2, 0.6, 10), finalist(3, 0.7, 10), finalist(38, 0.3, 9, diverged=1), left]
    assert placing(found, LOSS, "these settings", "have") == (
        "Of the 3 (of 5) finalists that completed all 10 fresh seeds, these settings have the lowest mean "
        "validation loss; trial #39 dropped out of the race after 8 fresh seeds"
    )
    assert better_means(found, LOSS) == [
        "trial #38 has a lower mean (0.3) over 9 of 10 seeds, but diverged on 1",
        "trial #39 has a lower mean (0.1) over 6 of its 8 seeds, on which it is 0.05 worse than the winner, "
        "and diverged on 2",
    ]
    many = [*found, *(replace(left, name=f"trial #{k}", mean=0.9) for k in (5, 6, 7))]
    assert "; 4 others dropped out of the race" in placing(many, LOSS, "these settings", "have")
    assert better_means(many, LOSS)[1].endswith("and diverged on 2 and dropped out of the race")


def test_card_and_sections_name_the_rival_of_lower_mean() -> None:
    """A finalist that diverged on one seed and is lower on the rest stands in card and section."""
    report = made_input(with_lost_seeds({3: 1}))
    assert report.answer is not None
    lead = card(report.study, report.answer, report.records.trials).lead
    assert lead.startswith("Of the 3 (of 4) finalists that completed all 5 fresh seeds, these settings have")
    assert re.search(r"; trial #\d+ has a lower mean \(0\.1\d*\) over 4 of 5 seeds, but diverged on 1", lead)
    said = sentences_of(report, "confirmation")
    assert re.search(
        r"has a lower mean \(0\.1\d*\) over 4 of 5 seeds, but diverged on 1\.", said["confirmation"]
    )
    assert "regret" not in said["confirmation"], "of no regret nothing is said"


def test_no_status_claims_a_mean() -> None:
    """Whoever is first may have a worse mean than one that lost seeds or left the race."""
    assert [text for text in BADGES.values() if "mean" in text or "best" in text.lower()] == []


def lower_where_shared() -> SyntheticRecords:
    """The first of two finalists has the lower mean, the other one is lower on every shared seed."""
    made = with_lost_seeds({2: 6, 3: 6}, seeds=6)
    trials = made.trials.copy()
    confirm = trials["phase"] == "confirm"
    one, other = trials.loc[confirm, "trial"].drop_duplicates().tolist()[:2]
    values = {one: [np.nan, 1.01, 1.13, 1.22, 1.37, 1.4], other: [9.0, 0.91, 1.03, 1.12, 1.27, np.nan]}
    for trial, scores in values.items():
        own = confirm & (trials["trial"] == trial)
        trials.loc[own, "objective"] = scores
        trials.loc[own, "outcome"] = ["diverged" if np.isnan(score) else "completed" for score in scores]
    return SyntheticRecords(trials, made.curves, made.layers)


def test_a_rival_that_is_lower_on_the_shared_seeds_is_not_called_worse() -> None:
    """Where winner and rival lost different seeds, the pairs may favour the rival; both sections say so, and
    the status claims neither a tie nor the best mean."""
    report = made_input(lower_where_shared())
    told = card(report.study, report.answer, report.records.trials)
    assert (told.standing, report.answer.tied) == ("ahead", ())
    said = sentences_of(report, "confirmation")
    assert "did better on the seeds that both completed" in said["confirmation"]
    assert "did worse" not in said["confirmation"]


def test_a_label_names_what_the_model_is_made_of() -> None:
    """Its depth where that was searched, and the schedule; at most three of these, and none that it lacks, in
    one order, as a study that is read back has others."""
    row = {"trial": 4, "optimizer": "adam", "activation": "relu", "learning_rate": 0.01}
    own = {"model.depth": 6.0, "model.width": float("nan"), "schedule": "cosine", "model.norm": "batch"}
    own |= {"model.skip": 1}
    for order in (own, dict(reversed(own.items()))):
        assert label({**row, **order}) == "#4 adam, relu, lr 0.01, cosine, depth 6, norm batch"
    assert label(row) == "#4 adam, relu, lr 0.01"


def test_labels_of_several_trials_tell_them_apart() -> None:
    """By further digits, and by whatever a label would leave out; one that is alone stays short."""
    row = {"optimizer": "adam", "activation": "relu", "learning_rate": 0.001, "model.depth": 1}
    row |= {"schedule": "constant", "model.norm": "batch", "training.batch_size": 16}
    rows = [{**row, "trial": 0, "model.width": 16}, {**row, "trial": 1, "model.width": 64}]
    rows += [{**row, "trial": 2, "model.width": 16, "learning_rate": 0.1}]
    assert labels(pd.DataFrame(rows)).tolist() == [
        "#0 adam, relu, lr 0.001, constant, depth 1, norm batch, width 16",
        "#1 adam, relu, lr 0.001, constant, depth 1, norm batch, width 64",
        "#2 adam, relu, lr 0.1, constant, depth 1, norm batch",
    ]


@pytest.mark.parametrize(
    ("tried", "said_of"),
    [
        ((6,), "trial #2 dropped out of the race after 6"),
        ((6, 6), "trial #2 and trial #3 dropped out of the race after 6"),
        ((13, 6), "trial #3 dropped out of the race after 6 and trial #2 after 13"),
        ((6, 9, 9, 13), "4 others dropped out of the race after 6 to 13"),
    ],
)
def test_when_finalists_dropped_out(tried: tuple[int, ...], said_of: str) -> None:
    """One by one where they are few; else the first and the last number."""
    rng = np.random.default_rng(0)
    rows = [
        (trial, "confirm", seed, "completed", trial + 0.01 * rng.random())
        for trial, seeds in enumerate((15, 15, *tried))
        for seed in range(1, seeds + 1)
    ]
    trials = pd.DataFrame(rows, columns=["trial", "phase", "seed", "outcome", "objective"])
    said = placing(finalists_of(trials, confirmed(trials)), LOSS, "these settings", "have")
    assert said.endswith(f"; {said_of} fresh seeds")
