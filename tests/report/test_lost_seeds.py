"""A winner that lost fresh seeds: how that is told, and what is said where every finalist lost the same."""

from pathlib import Path

import numpy as np
import pytest
from judged_reports import GOOD, everywhere, judged
from report_inputs import made_input
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.lost_seeds import lost_alike
from sweeper.questions.stability_words import _none_lost
from sweeper.report.card import Card, card


def losing(seeds: dict[int, tuple[int, ...]]) -> SyntheticRecords:
    """Records of three finalists on ten seeds, of which the finalist at each place diverged on these."""
    records = synthetic_records(seeds=10)
    trials = records.trials
    finalists = trials.loc[trials["phase"] == "confirm", "trial"].unique()
    for place, lost in seeds.items():
        own = (
            (trials["phase"] == "confirm") & (trials["trial"] == finalists[place]) & trials["seed"].isin(lost)
        )
        trials.loc[own, ["outcome", "objective"]] = ["diverged", np.nan]
    return records


def told(records: SyntheticRecords, folder: Path | None = Path("reports/made")) -> Card:
    """The card of a run with these records, whose winner beats guessing."""
    report = judged(records, GOOD)
    return card(report.study, report.answer, report.records.trials, folder)


SAME = {place: (2, 5, 7) for place in range(3)}


def test_seeds_that_every_finalist_lost_are_no_matter_of_settings() -> None:
    """Badge, warning and the way on say so; the way on trains on such a seed."""
    found = told(losing(SAME))
    assert found.badge.endswith("; lost 3 of 10 seeds")
    assert "These settings diverged on 3 of 10 fresh seeds." in found.warnings
    (warning,) = [text for text in found.warnings if text.startswith("Every other finalist")]
    assert "lost seeds 2, 5 and 7, too" in warning
    assert found.next_step.command == "python reports/made/best.py --seed 2"
    assert found.next_step.text.startswith("On seed 2 every finalist diverged")
    alone = told(losing(SAME), folder=None)
    assert alone.next_step.command.startswith("sweeper best made --python")
    assert "--seed 2" in alone.next_step.text


@pytest.mark.parametrize("others", ["step {}", "score {} of mine is not a number at step {}"])
def test_the_reason_that_all_lost_seeds_have_is_told(others: str) -> None:
    """Where one reason is on record for each, but for its numbers, it is the cause; else it is looked for."""
    records, same = losing(SAME), "score {} of mine is not a number at step {}"
    lost = records.trials["outcome"] == "diverged"
    lost &= records.trials["phase"] == "confirm"
    rows = records.trials[lost].sort_values(["trial", "seed"]).index
    reasons = [(same if k else others).format(k, 7 * k) for k in range(len(rows))]
    records.trials.loc[rows, "outcome"] = "failed"
    records.trials["reason"] = records.trials["reason"].astype("object")
    records.trials.loc[rows, "reason"] = reasons
    (warning,) = [text for text in told(records).warnings if text.startswith("Every other finalist")]
    ends = f"prevents it. Each ended so: {reasons[0]}." if others == same else "cause in model and data."
    assert warning.endswith(ends)


@pytest.mark.parametrize(
    ("seeds", "alike", "lost"),
    [
        ({0: (), 1: (), 2: ()}, (), 0),
        ({0: (3,), 1: (3,), 2: (3,)}, (3,), 0),
        ({0: (4, 8), 1: (4, 8), 2: (4, 9)}, (), 2),
        ({0: (5, 8), 1: (5, 8), 2: (5, 8, 9)}, (5, 8), 2),
    ],
)
def test_only_the_same_seeds_of_all_are_told_so(
    seeds: dict[int, tuple[int, ...]], alike: tuple[int, ...], lost: int
) -> None:
    """Few lost seeds leave the badge as it is; other ones of another finalist may be due to settings."""
    found = told(losing(seeds))
    assert ("lost" in found.badge) is (lost >= 2)
    assert any("Every other finalist" in text for text in found.warnings) is bool(alike)
    assert ("--seed" in found.next_step.command) is (bool(alike) and lost >= 2)


def test_a_finalist_that_left_the_race_lost_those_that_it_was_trained_on() -> None:
    """It has fewer seeds; a single finalist shares its losses with none."""
    trials = losing(SAME).trials
    fresh = trials[trials["phase"] == "confirm"]
    winner, other = fresh["trial"].unique()[:2]
    left = trials.drop(fresh.index[(fresh["trial"] == other) & (fresh["seed"] > 5)])
    assert lost_alike(left, winner) == (2, 5, 7)
    assert lost_alike(trials[trials["trial"] == winner], winner) == ()


def test_every_surface_tells_that_seeds_were_lost() -> None:
    """Page, terminal, note, notebook and JSON; the section on stability names trainings on fresh seeds."""
    report = judged(losing(SAME), GOOD)
    for name, text in everywhere(report).items():
        assert "Every other finalist lost seeds 2, 5 and 7, too" in text, name
    records = losing(SAME)
    search = records.trials["phase"] != "confirm"
    records.trials.loc[search & (records.trials["outcome"] == "diverged"), "outcome"] = "failed"
    said = _none_lost(made_input(records), records.trials)
    assert said == (
        "No trial of the search diverged; of 30 trainings on fresh seeds 10 did, which are not measured."
    )


def test_a_finalist_that_only_lost_more_seeds_is_named() -> None:
    """By label and reason, where the answer is first but not shown to be better than each finalist."""
    found = told(losing({1: (3,), 2: (3, 4, 5, 6, 7, 8, 9)}))
    assert found.standing == "ahead"
    (fact,) = [fact for fact in found.facts if fact.label == "Not shown to be worse"]
    (line,) = fact.value.splitlines()
    assert "diverged or failed on more seeds, which luck alone may do" in line
    assert line.startswith("#")
