"""What the sections say, against plain loops over the records."""

import math
import re
import statistics
from collections import Counter, defaultdict
from typing import Any

import pandas as pd
import pytest
from report_inputs import CHANGES, SHARES, Asked, made_input, made_study, sentences_of, spoken
from run_data import with_records
from run_kinds import told
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.rows import label
from sweeper.questions import QUESTIONS
from sweeper.report.sections import OF_LAYERS, sentences
from sweeper.wording import number


@pytest.fixture(scope="module")
def said(asked: Asked) -> dict[str, str]:
    """Key of a section -> its sentences, for the made-up study."""
    return {question.key: " ".join(sentences(question, *asked)) for question in QUESTIONS}


def rows(records: SyntheticRecords, *, confirm: bool = False) -> list[dict[str, Any]]:
    """Trials of the search, or of the confirmation, as dicts."""
    found = records.trials.to_dict("records")
    return [row for row in found if (row["phase"] == "confirm") is confirm]


def done(records: SyntheticRecords) -> list[dict[str, Any]]:
    """Completed search trials, best first."""
    return sorted((r for r in rows(records) if r["outcome"] == "completed"), key=lambda r: r["objective"])


def test_confirmation_names_the_lowest_mean_over_fresh_seeds(
    said: dict[str, str], records: SyntheticRecords
) -> None:
    """The winner is the finalist without a lost seed whose mean is lowest; its search score is given too."""
    scores: dict[int, list[float]] = defaultdict(list)
    for row in rows(records, confirm=True):
        scores[row["trial"]].append(row["objective"])
    sound = {trial: values for trial, values in scores.items() if not any(map(math.isnan, values))}
    winner = min(sound, key=lambda trial: statistics.fmean(sound[trial]))
    row = next(r for r in rows(records) if r["trial"] == winner)
    assert said["confirmation"].startswith(
        f"Of the 2 (of 3) finalists that completed all 5 fresh seeds, {label(row)} has the lowest mean "
        "validation loss; the winner's mean validation loss over 5 seeds is "
    )
    printed = float(said["confirmation"].partition("5 seeds is ")[2].split()[0])
    assert printed == pytest.approx(statistics.fmean(sound[winner]), abs=5e-4)
    assert f"the winner scored {number(row['objective'])}" in said["confirmation"]
    lost = next(trial for trial in scores if trial not in sound)
    name = label(next(r for r in rows(records) if r["trial"] == lost))
    assert f"Seeds lost: {name} diverged on 1 of 5." in said["confirmation"]


def test_ties_are_named_where_the_paired_difference_contains_0() -> None:
    """Seeds that favour one finalist every time leave no tie; seeds that do not, do."""
    made = synthetic_records(24, finalists=2)
    confirm = made.trials["phase"] == "confirm"
    order = made.trials.loc[confirm, "trial"].drop_duplicates().tolist()
    second = made.trials["trial"] == order[1]
    apart = made.trials.assign(outcome=made.trials["outcome"].mask(confirm, "completed"))
    seeds = made.trials["seed"]
    apart["objective"] = apart["objective"].mask(confirm, seeds * 0.1 + second * 0.5)
    run = made_input(SyntheticRecords(apart, made.curves, made.layers))
    text = sentences_of(run, "confirmation")["confirmation"]
    assert "The other finalist did worse on average and on most seeds." in text
    close = apart.assign(objective=apart["objective"].mask(confirm, seeds * 0.1 + second * (seeds - 2.9)))
    run = made_input(SyntheticRecords(close, made.curves, made.layers))
    text = sentences_of(run, "confirmation")["confirmation"]
    assert "These seeds do not show that it is better than" in text
    assert "luck alone may make such a difference" in text


def test_learning_rate_names_the_best_of_each_optimizer(
    said: dict[str, str], records: SyntheticRecords
) -> None:
    """The answer's rate comes first; the rate of the best of each optimizer stands with its loss,
    unranked."""
    best: dict[str, dict[str, Any]] = {}
    for row in [*done(records), *(r for r in rows(records) if r["outcome"] == "pruned")]:
        kept = best.get(row["optimizer"])
        if kept is None or row["objective"] < kept["objective"]:
            best[row["optimizer"]] = row
    shown = [
        f"{number(row['learning_rate'])} with {name} ({number(row['objective'])})"
        for name, row in sorted(best.items())
    ]
    assert said["learning-rate"].startswith("The answer's rate is ")
    assert f"one seed each: {', '.join(shown[:-1])} and {shown[-1]}." in said["learning-rate"]


def test_learning_rate_says_where_nothing_was_learned(
    said: dict[str, str], records: SyntheticRecords
) -> None:
    """Above the highest rate of an optimizer that learned, all of its trials diverged: they are counted."""
    learned = max(
        r["learning_rate"] for r in rows(records) if r["optimizer"] == "adam" and r["outcome"] != "diverged"
    )
    above = [r for r in rows(records) if r["optimizer"] == "adam" and r["learning_rate"] > learned]
    assert f"above {number(learned)} with adam ({len(above)} trials)" in said["learning-rate"]


def test_the_best_curve_is_judged_once(said: dict[str, str], records: SyntheticRecords) -> None:
    """The best trial's lowest value, its step and what its curve did, in the words of its class; what the
    answer's curves on fresh seeds did comes before, as one curve may have ended otherwise."""
    best = done(records)[0]
    curve = records.curves.query(f"trial == {best['trial']} and seed == 0 and metric == 'validation_loss'")
    text = f"Trial #{best['trial']}, the best of the search, was still improving when it ended: its "
    text += f"validation loss was lowest, {number(curve['value'].min())}, at step "
    text += f"{int(curve['step'].max())} of 400"
    assert said["curves"].startswith("The answer, trial #40, was still improving when it ended on 5 of 5")
    assert text in said["curves"]


def test_gradients_name_activations_ratios_and_layers(
    said: dict[str, str], records: SyntheticRecords
) -> None:
    """Sigmoid alone vanishes; its ratio is the median over networks of the first norm over the last."""
    sigmoid = {r["trial"] for r in rows(records) if r["activation"] == "sigmoid"}
    completed = {r["trial"] for r in done(records)}
    layers = records.layers.query("measure == 'gradient_norm'")
    for moment, step, members in (
        ("at initialisation", 0, sigmoid),
        ("at the end", 400, sigmoid & completed),
    ):
        part = layers[(layers["step"] == step) & layers["trial"].isin(members)]
        norms = part.groupby("layer")["value"].median()
        by_network = part.pivot(index="trial", columns="layer", values="value")
        ratios = by_network[0] / by_network[7]
        ends = f"least {number(ratios.min(), 2)}, largest {number(ratios.max(), 2)}"
        told = f"median {number(ratios.median(), 2)} ({ends})"
        assert f"{told} in {len(ratios)} networks (all vanishing) {moment}" in said["gradients"]
        starved = [layer for layer, norm in norms.items() if norm < 0.01 * norms[7]]
    text = said["gradients"]
    assert "vanish towards the input with sigmoid." in text
    assert "are healthy (on average within a factor of 10 over 8 layers) with gelu, relu and tanh" in text
    assert starved == list(range(starved[-1] + 1))
    assert f"sigmoid layers 0–{starved[-1]}" in text


def test_units_name_the_worst_layer(said: dict[str, str], records: SyntheticRecords) -> None:
    """ReLU's dead share at the end is the largest of its layer medians; others have none to name."""
    relu = {r["trial"] for r in done(records) if r["activation"] == "relu"}
    layers = records.layers.query("measure == 'dead' and step == 400")
    medians = layers[layers["trial"].isin(relu)].groupby("layer")["value"].median()
    worst = int(medians.idxmax())
    text = f"With relu, {100 * medians[worst]:.0f} % of the units of layer {worst} are dead at the end"
    assert text in said["units"]


def test_importances_are_those_of_the_search(said: dict[str, str]) -> None:
    """Only settings whose interval lies above the level of shuffled scores are named as mattering."""
    for row in SHARES.to_dict("records"):
        name = row["parameter"].replace("_", " ").capitalize()
        named = f"{name} sets the best trials apart from the rest: {100 * row['importance']:.0f} %"
        assert (named in said["importances"]) is (row["low"] > row["chance"])
    assert f"Shuffled scores reach the intervals of {shares_of(SHARES[2:])}." in said["importances"]


def shares_of(frame: pd.DataFrame) -> str:
    """Name, share, interval and level of chance of each setting that is not ranked."""

    def percents(row: dict[str, float], *names: str) -> list[str]:
        return [f"{100 * row[name]:.0f} %" for name in names]

    rows = frame.to_dict("records")
    names = [row["parameter"].replace("_", " ") for row in rows]
    numbers = [percents(row, "importance", "low", "high", "chance") for row in rows]
    return ", ".join(
        f"{name} {share} ({low} to {high}; shuffled {chance})"
        for name, (share, low, high, chance) in zip(names, numbers, strict=True)
    )


def test_where_nothing_stands_out_no_setting_is_ranked(records: SyntheticRecords) -> None:
    """Intervals that reach the level of chance: the page says so first, then gives all shares."""
    shares = SHARES.assign(low=[0.15, 0.12, 0.05, 0.02])
    text = sentences_of(made_input(records, importances=shares), "importances")["importances"]
    assert "sets the best trials apart" not in text
    assert text.startswith("No setting is ranked: shuffled scores reach the intervals of all shares.")
    assert f"Their shares: {shares_of(shares)}." in text


@pytest.mark.parametrize(("times", "told"), [(1, ""), (20, "of every third of the 1,")])
def test_a_part_of_many_trials_is_told(records: SyntheticRecords, times: int, told: str) -> None:
    """Importances of many trials are of some of them, and the page says which."""
    many = pd.concat([records.trials] * times, ignore_index=True)
    run = with_records(made_input(records, importances=SHARES), trials=many)
    text = sentences_of(run, "importances")["importances"]
    assert ("These shares are of every" in text) == bool(told)
    assert told in text


def test_a_small_share_sets_nothing_apart(records: SyntheticRecords) -> None:
    """Above the level of chance and below a twentieth: told with its share, ranked nowhere."""
    small = {"importance": 0.03, "low": 0.02, "high": 0.05, "chance": 0.001}
    shares = pd.concat([SHARES[:1], SHARES[1:2].assign(**small)])
    text = sentences_of(made_input(records, importances=shares), "importances")["importances"]
    assert text.count("sets the best trials apart") == 1
    name = SHARES["parameter"].iloc[1].replace("_", " ")
    assert f"Above what shuffled scores reach, but below 5 %, which sets little apart: {name} 3 %" in text
    alone = sentences_of(made_input(records, importances=SHARES.assign(**small)), "importances")[
        "importances"
    ]
    assert alone.startswith("No setting is ranked. Above what shuffled scores reach, but below 5 %")


def test_history_says_when_the_best_was_found(said: dict[str, str], records: SyntheticRecords) -> None:
    """The trial with the lowest score, its place, and how many came after it."""
    best = done(records)[0]
    trials = [r["trial"] for r in rows(records)]
    after = sum(trial > best["trial"] for trial in trials)
    found = f"The last {after} trials of {len(trials)} did not beat trial #{best['trial']}."
    assert said["history"].startswith(found)
    assert f"of the search is that of trial #{best['trial']}, {number(best['objective'])}." in said["history"]
    explored = min(r["objective"] for r in done(records) if r["phase"] == "explore")
    assert f"Exploration alone reached {number(explored)}" in said["history"]


def test_trials_are_counted_by_outcome(said: dict[str, str], records: SyntheticRecords) -> None:
    """Counts of the search; the failure is quoted with its trial."""
    counts = Counter(r["outcome"] for r in rows(records))
    assert f"Of {len(rows(records))} trials of the search, {counts['completed']} completed" in said["trials"]
    assert f"{counts['diverged']} diverged and 1 failed." in said["trials"]
    assert said["trials"].endswith("the first, trial #23: RuntimeError: out of luck")


def test_the_run_says_what_was_trained_and_how(said: dict[str, str]) -> None:
    """Configurations, fresh seeds, and the notes that the run gave."""
    assert said["run"].startswith("60 configurations of mlp on digits, then 15 trainings on fresh seeds.")
    assert said["run"].endswith("Two processes, one thread each.")


@pytest.mark.parametrize("what", CHANGES)
def test_thin_runs_are_told_without_claims(what: str) -> None:
    """Whatever a run leaves, every section says something, and no number that is none."""
    text = {key: " ".join(spoken(said)) for key, said in told(what).statements.items()}
    assert set(text) == {section.key for section in QUESTIONS}
    assert all(sentence.strip() for sentence in text.values())
    claims = " ".join(sentence for key, sentence in text.items() if key != "trials")
    assert re.search(r"\bnan\b|None\b(?! of)|\binf\b|–(?!\d)", claims) is None


def test_the_score_is_named_after_the_objective(records: SyntheticRecords) -> None:
    """A study that ranks by error speaks of error, not of loss."""
    search = {**made_study().to_dict()["search"], "objective": "validation_error"}
    keys = ("confirmation", "learning-rate", "history")
    text = sentences_of(made_input(records, study=made_study(search=search)), *keys)
    for key in keys:
        assert "validation error" in text[key]
        assert "validation loss" not in text[key]


def test_sections_have_their_own_anchors_and_questions() -> None:
    """Keys can be linked to, questions end in a question mark, methods in full stops."""
    assert len({section.key for section in QUESTIONS}) == len(QUESTIONS)
    for section in QUESTIONS:
        assert section.key.replace("-", "").isalpha()
        assert section.question.endswith("?")
        assert all(paragraph.endswith(".") for paragraph in section.how)


def test_layers_that_are_not_measured_are_told_with_the_reason(records: SyntheticRecords) -> None:
    """Sections about layers say why they have no figure; where they are, no."""
    bare = SyntheticRecords(records.trials, records.curves, records.layers.iloc[:0])
    why = "Layers are not measured: the model takes no second pass."
    of_layers = {s.key for s in QUESTIONS if s.figure is not None and s.figure.name in OF_LAYERS}
    blind = sentences_of(made_input(bare, unmeasured="the model takes no second pass."))
    assert {key for key, text in blind.items() if text == why} == of_layers
    for run in (made_input(bare), made_input(records, unmeasured="the model …")):
        assert not any("not measured" in text for text in sentences_of(run, *of_layers).values())
