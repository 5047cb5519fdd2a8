"""How the trainings of the answer ended, over its seeds; and advice where nothing was learned."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from report_inputs import made_input, sentences_of
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import Answer
from sweeper.questions import TABLES
from sweeper.questions.answer_curves import ENDED, OF_THE_ANSWER, of_the_answer
from sweeper.questions.curve_advice import ALL, FALLING, LONGER, Ended, advice, settable_by, slowed
from sweeper.statistics import curve_class as shapes
from sweeper.study.command_line import option
from sweeper.study.study import Study

T = np.linspace(0, 1, 21)
TRAIN = np.where(T > 0, np.exp(-4 * T), np.nan)


def test_the_noise_of_one_curve_does_not_hide_what_all_seeds_show() -> None:
    """13 noisy curves that end a fifth above their lowest overfit; as many about a floor do not."""
    rng = np.random.default_rng(0)
    counts = {}
    for name, rise in (("overfitting", 0.3), ("saturated", 0.0)):
        courses = np.exp(-8 * T) + 0.3 + rise * 0.3 * np.clip(T - 0.4, 0, None) / 0.6
        curves = [(40 * T, courses * (1 + 0.06 * rng.normal(size=21)), TRAIN) for _ in range(13)]
        alone = [shapes.shape(*curve).name for curve in curves]
        counts[name] = sum(each.name == "overfitting" for each in shapes.over_seeds(curves))
        assert alone.count("overfitting") <= 6
    assert counts["overfitting"] > 11
    assert counts["saturated"] <= 1


def test_the_noise_of_one_curve_does_not_hide_that_all_seeds_still_improve() -> None:
    """11 noisy curves that fall by a tenth in the last quarter have not levelled off; as many about a floor
    have."""
    rng = np.random.default_rng(0)
    for falls, least, most in ((0.4, 9, 11), (0.0, 0, 1)):
        courses = (1 + 3 * np.exp(-8 * T)) * (1 - falls * T)
        curves = [(40 * T, courses * (1 + 0.05 * rng.normal(size=21)), TRAIN) for _ in range(11)]
        assert [shapes.shape(*curve).name for curve in curves].count("still improving") <= 5
        found = [each.name for each in shapes.over_seeds(curves)]
        assert least <= found.count("still improving") <= most


@pytest.mark.parametrize("short", [1, 2])
def test_seeds_that_ended_early_leave_the_classes_of_the_others(short: int) -> None:
    """Their curves stop before; the mean over the others still shows what noise hides in each."""
    rng = np.random.default_rng(0)
    course = (1 + 3 * np.exp(-8 * T)) * (1 - 0.4 * T)
    curves = [(40 * T, course * (1 + 0.05 * rng.normal(size=21)), TRAIN) for _ in range(11)]
    early = [(40 * T[:4], course[:4], TRAIN[:4])] * short
    found = shapes.over_seeds([*early, *curves])
    assert found[short:] == shapes.over_seeds(curves)
    assert {each.name for each in found[:short]} == {"too few points"}


def test_a_rise_that_is_nothing_beside_the_fall_is_none() -> None:
    """From 0.7 to 1e-3 and back to 2e-3: the loss doubled, and nobody would call that overfitting."""
    assert shapes.shape(40 * T, 1e-3 + 0.7 * np.exp(-20 * T) + 1e-3 * T, TRAIN).name != "overfitting"


def test_a_training_that_failed_has_no_end(records: SyntheticRecords) -> None:
    """A seed on which all finalists failed midway is none of those that the answer's curves are judged on."""
    before = made_input(records)
    seeds = [*TABLES["answer_curves"](before)["seed"]]
    lost = (records.trials["phase"] == "confirm") & (records.trials["seed"] == seeds[1])
    trials = records.trials.copy()
    trials.loc[lost, ["outcome", "objective"]] = ["failed", np.nan]
    after = made_input(replace(records, trials=trials))
    assert after.answer.trial == before.answer.trial
    assert [*TABLES["answer_curves"](after)["seed"]] == [seed for seed in seeds if seed != seeds[1]]


@pytest.mark.parametrize(
    ("end", "name"),
    [(0.262, "ending higher"), (0.251, "saturated"), (0.23, "saturated"), (0.4, "overfitting")],
)
def test_nothing_has_levelled_off_that_ends_above_its_lowest(end: float, name: str) -> None:
    """Some percent above its lowest is a class of its own, so that no count of seeds mixes the two."""
    course = np.concatenate([np.geomspace(2.3, 0.249, 12), np.full(6, 0.2495), np.full(3, end)])
    assert shapes.shape(40 * T, course, TRAIN).name == name
    assert "levelled off" in ENDED["saturated"]
    assert ENDED["ending higher"] == "ended above its lowest loss (not shown to overfit)"


@pytest.mark.parametrize("last", [0.113, 0.05])
def test_a_lucky_last_point_is_no_minimum(last: float) -> None:
    """A curve about a floor whose last point dips neither ended above its lowest nor did it fall on."""
    course = np.concatenate([np.geomspace(2.3, 0.19, 12), 0.19 + 0.004 * (-1.0) ** np.arange(8), [last]])
    found = shapes.shape(40 * T, course, TRAIN)
    assert (found.name, found.best_step) == ("saturated", 40)
    assert not found.ends_above


@pytest.mark.parametrize(
    ("validation", "train", "name"),
    [
        (2.516 - 0.125 * T, 2.505 - 0.12 * T, "flat"),
        (1.165 - 0.041 * T, 1.051 + 0.028 * T, "flat"),
        (0.730 - 0.016 * T, 0.69 - 0.02 * T, "flat"),
        (2.3 - 0.05 * T, 2.3 - 1.0 * T, "not generalising"),
        (2.3 - 0.05 * T, np.full(21, 1e-3), "not generalising"),
    ],
)
def test_rows_that_are_easier_from_the_start_are_not_learned(
    validation: np.ndarray, train: np.ndarray, name: str
) -> None:
    """A slow training whose train loss lies below the validation loss is no case for regularization."""
    assert shapes.shape(40 * T, validation, np.where(T > 0, train, np.nan)).name == name


def test_no_table_advises_where_nothing_is_advised(
    records: SyntheticRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns of advice and of suggestions are empty in every table of a run whose answer is a guess."""
    names = ("curve_classes", "gradient_verdicts", "range_edges")
    given = {name: TABLES[name](made_input(records)) for name in names}
    monkeypatch.setattr(Answer, "why_nothing_is_advised", "it is a guess")
    run = made_input(records)
    told = 0
    for name, table in TABLES.items():
        for column in {"advice", "suggestion"} & set(frame := table(run)):
            assert set(frame[column]) <= {""}, name
            told += bool(set(given[name][column]) - {""})
    assert told >= 2, "these tables advise where something was learned"


def test_no_section_advises_where_nothing_is_advised(
    records: SyntheticRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sentence of a section holds an option or asks for a change in a run whose answer is a guess."""
    asked = ("--set", "What to change", "Try ", "try ", "would do", "train longer", "regularize")
    given = " ".join(sentences_of(made_input(records)).values())
    assert sum(words in given for words in asked) >= 3, "these sections advise where something was learned"
    monkeypatch.setattr(Answer, "why_nothing_is_advised", "it is a guess")
    for key, told in sentences_of(made_input(records)).items():
        assert not [words for words in asked if words in told], key


@pytest.mark.parametrize("name", ["saturated", "ending higher", "overfitting"])
def test_fewer_steps_are_advised_by_the_loss_where_it_ranks(name: str) -> None:
    """Another score may go on rising when the loss no longer falls."""
    found = shapes.Shape(name, 60, 60, 0.2, 0.3, 0.0, 0.0, 0.0)
    assert advice(Ended(name, 300, 300, found))
    other = advice(Ended(name, 300, 300, found, by_loss=False))
    assert "steps=" not in other
    assert "stop there" not in other
    assert "fewer" not in other


@pytest.mark.parametrize(
    ("by_loss", "best", "longer"), [(True, 5, True), (False, 20, True), (False, 5, False)]
)
def test_a_loss_that_falls_on_asks_for_no_steps_that_the_score_does_not_need(
    by_loss: bool, best: int, longer: bool
) -> None:
    """What ranks trials was at its best before: more steps lower the loss, and gain nothing that counts."""
    rows = [(1, seed, shapes.IMPROVING, 21, 20, 20, 20, 0.1, 0.1, best) for seed in range(1, 7)]
    said = of_the_answer(pd.DataFrame(rows, columns=OF_THE_ANSWER), ALL, by_loss=by_loss)
    assert ("train longer" in said) == longer
    early = "its loss still fell, but what ranks trials was best before the end on 6 of 6 seeds"
    assert (early in said) != longer


def test_where_the_score_was_best_is_said_only_of_seeds_of_which_it_is_known() -> None:
    """A run that did not keep the step of its best score says nothing of it."""
    for best, said in ((np.nan, False), (5, True)):
        rows = [(1, seed, shapes.IMPROVING, 21, 20, 20, 20, 0.1, 0.1, best) for seed in range(1, 6)]
        rows.append((1, 6, shapes.IMPROVING, 21, 20, 20, 20, 0.1, 0.1, np.nan))
        text = of_the_answer(pd.DataFrame(rows, columns=OF_THE_ANSWER), ALL, by_loss=False)
        assert ("was best before the end on 5 of 5 seeds" in text) == said
        assert ("what ranks trials" in text) == said


def test_where_the_score_was_best_is_said_beside_where_the_loss_was_lowest() -> None:
    """Of an answer that overfits by its loss, over its seeds; of a trial of the search, at its step."""
    rows = [(1, seed, shapes.OVERFITTING, 21, 20, 5 + seed, 9, 0.1, 0.3, 10 + seed) for seed in range(1, 7)]
    said = of_the_answer(pd.DataFrame(rows, columns=OF_THE_ANSWER), ALL, by_loss=False)
    assert said.endswith("its loss was lowest at steps 6 to 11 of 20, its score best at steps 11 to 16.")
    found = shapes.Shape(shapes.OVERFITTING, 6, 9, 0.1, 0.3, 0.0, 0.0, 0.0)
    alone = advice(Ended(shapes.OVERFITTING, 20, 20, found, by_loss=False, scored=4))
    assert alone == "its loss was lowest at step 6 of 20, its score best at step 4"


def test_steps_of_unlike_trainings_come_with_no_option() -> None:
    """One option sets the steps of all trials: twice those of a short one may be fewer than others have."""
    alike = Study(name="m", search={"space": {"optimizer": ["adam"]}})
    unlike = Study(name="m", search={"space": {"optimizer": ["adam"], "training.batch_size": [8, 64]}})
    assert (LONGER in settable_by(alike), LONGER in settable_by(unlike)) == (True, False)


@pytest.mark.parametrize("key", ["schedule", "training.schedule"])
def test_no_schedule_is_advised_where_it_is_searched(key: str) -> None:
    """By either key of the space; trials that have a falling rate are known to have one."""
    space = {"optimizer": ["adam"], key: ["constant", "cosine"]}
    study = Study(name="m", search={"space": space})
    assert FALLING not in settable_by(study)
    assert option(study, f"{FALLING}=cosine") == ("" if key != "schedule" else f"--set {FALLING}=cosine")
    trials = pd.DataFrame({"trial": [0, 1], "optimizer": "adam", key: ["constant", "cosine"]})
    assert slowed(SimpleNamespace(study=study), trials) == {1}


@pytest.mark.parametrize("name", [shapes.UNSTABLE, shapes.RISING, shapes.NOISY])
@pytest.mark.parametrize(
    ("best_high", "by_loss"), [(True, True), (True, False), (False, False), (False, True)]
)
def test_no_lower_rate_is_advised_against_what_scores_show(name: str, best_high: bool, by_loss: bool) -> None:
    """Where the best rates lie at the high end a page proposes higher ones; where another score ranks trials,
    an unsteady loss is no reason either."""
    rows = [(1, seed, name, 21, 20, 20, 20, 0.1, 0.1, 20) for seed in range(1, 7)]
    said = of_the_answer(pd.DataFrame(rows, columns=OF_THE_ANSWER), ALL, by_loss=by_loss, best_high=best_high)
    assert ("lower learning rate" in said) == (by_loss and not best_high)
    assert ("but rates as high scored best" in said) == best_high
    assert ("which need not score better" in said) == (not by_loss and not best_high)


@pytest.mark.parametrize("name", ["flat", "not generalising"])
@pytest.mark.parametrize(
    ("by_loss", "scored", "advised"), [(True, None, True), (False, 40, False), (False, 0, True)]
)
def test_a_flat_loss_beside_a_score_that_got_better_is_no_failure(
    name: str, by_loss: bool, scored: int | None, advised: bool
) -> None:
    """Weighted classes raise the loss of a model that ranks rows better and better."""
    found = shapes.shape(np.arange(3), np.ones(3), np.ones(3))
    assert bool(advice(Ended(name, 400, 400, found, by_loss=by_loss, scored=scored))) is advised
