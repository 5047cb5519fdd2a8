"""What the sections say, against plain loops over the records."""

import math
import re
import statistics
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from report_inputs import CHANGES, SHARES, changed, made_input, made_study, sentences_of
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.rows import label
from sweeper.questions import QUESTIONS
from sweeper.report.sections import OF_LAYERS
from sweeper.wording import number


@pytest.fixture(scope="module")
def said(records: SyntheticRecords) -> dict[str, str]:
    """Key of a section -> its sentences, for the made-up study."""
    return sentences_of(made_input(records))


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
        f"Of the 2 of 3 finalists that completed all 5 fresh seeds, {label(row)} has the lowest mean "
        "validation loss; its mean validation loss over 5 seeds is "
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
    text = sentences_of(made_input(SyntheticRecords(apart, made.curves, made.layers)))["confirmation"]
    assert "Every other finalist did worse on the shared seeds" in text
    close = apart.assign(objective=apart["objective"].mask(confirm, seeds * 0.1 + second * (seeds - 2.9)))
    text = sentences_of(made_input(SyntheticRecords(close, made.curves, made.layers)))["confirmation"]
    assert "These seeds do not show that it is better than" in text
    assert "the paired difference is too small" in text


def test_learning_rate_names_the_best_of_each_optimizer(
    said: dict[str, str], records: SyntheticRecords
) -> None:
    """The best rate overall comes first, each other optimizer's own with its loss after it."""
    best: dict[str, dict[str, Any]] = {}
    for row in [*done(records), *(r for r in rows(records) if r["outcome"] == "pruned")]:
        kept = best.get(row["optimizer"])
        if kept is None or row["objective"] < kept["objective"]:
            best[row["optimizer"]] = row
    first, *others = sorted(best.values(), key=lambda r: r["objective"])
    assert said["learning-rate"].startswith(
        f"The lowest validation loss of the search, {number(first['objective'])}, came at a learning rate of "
        f"{number(first['learning_rate'])} with {first['optimizer']}."
    )
    for row in others:
        text = f"{number(row['learning_rate'])} for {row['optimizer']} ({number(row['objective'])})"
        assert text in said["learning-rate"]
    assert "One seed behind each" in said["learning-rate"]


def test_learning_rate_says_where_nothing_was_learned(
    said: dict[str, str], records: SyntheticRecords
) -> None:
    """Above the highest rate of an optimizer that learned, all of its trials diverged: they are counted."""
    learned = max(
        r["learning_rate"] for r in rows(records) if r["optimizer"] == "adam" and r["outcome"] != "diverged"
    )
    above = [r for r in rows(records) if r["optimizer"] == "adam" and r["learning_rate"] > learned]
    assert f"above {number(learned)} with adam ({len(above)} trials)" in said["learning-rate"]


def test_pair_of_optimizer_and_activation(said: dict[str, str], records: SyntheticRecords) -> None:
    """The best pair and its counts; the runner-up is the best of the remaining pairs."""
    first = done(records)[0]
    pair = [
        r
        for r in rows(records)
        if (r["optimizer"], r["activation"]) == (first["optimizer"], first["activation"])
    ]
    completed = sum(r["outcome"] == "completed" for r in pair)
    assert said["optimizer-activation"].startswith(
        f"The lowest validation loss, {number(first['objective'])}, came from {first['optimizer']} with "
        f"{first['activation']}; {completed} of its {len(pair)} trials completed."
    )
    numbers = {r["trial"] for r in pair}
    others = [r for r in done(records) if r["trial"] not in numbers]
    second = others[0]
    assert (
        f"{second['optimizer']} with {second['activation']} ({number(second['objective'])})"
        in said["optimizer-activation"]
    )


def test_bands_compare_medians_at_the_last_step(said: dict[str, str], records: SyntheticRecords) -> None:
    """The lowest median over completed trials, per optimizer and per activation, with its n."""
    last: dict[int, float] = {}
    for row in records.curves.query("metric == 'validation_loss' and seed == 0").to_dict("records"):
        last[row["trial"]] = row["value"]
    for parameter in ("optimizer", "activation"):
        groups: dict[str, list[float]] = defaultdict(list)
        for row in done(records):
            groups[row[parameter]].append(last[row["trial"]])
        best = min(groups, key=lambda name: statistics.median(groups[name]))
        text = (
            f"{best} among {parameter}s ({number(statistics.median(groups[best]))}, n = {len(groups[best])})"
        )
        assert text in said["bands"]


def test_bands_of_few_trials_are_not_compared(records: SyntheticRecords) -> None:
    """A group of fewer than five completed trials is neither best nor above nor below."""
    gelu = [row["trial"] for row in done(records) if row["activation"] == "gelu"]
    trials = records.trials[~records.trials["trial"].isin(gelu[4:])]
    text = sentences_of(made_input(SyntheticRecords(trials, records.curves, records.layers)))["bands"]
    assert "gelu among activations" not in text
    assert "Too few trials to compare: gelu." in text


def test_convergence_reads_the_curve_of_the_best_trial(
    said: dict[str, str], records: SyntheticRecords
) -> None:
    """Lowest value, its step, and that it was the last evaluation."""
    best = done(records)[0]
    curve = records.curves.query(f"trial == {best['trial']} and seed == 0 and metric == 'validation_loss'")
    assert curve["value"].idxmin() == curve["step"].idxmax()
    text = (
        f"The validation loss of {label(best)} was lowest, {number(curve['value'].min())}, at step 400 of 400"
    )
    assert said["convergence"].startswith(text)
    assert (
        "5 of the 5 best trials shown were lowest at the last evaluation; one seed each."
        in said["convergence"]
    )


@pytest.mark.parametrize(
    ("since", "factor", "words"),
    [
        (300, 1.5, "then rose to"),
        (300, 1.08, "it has levelled off"),  # no overfitting by tables.curve_class either
        (400, 1.5, "such a late rise may be noise"),
        (400, 1.01, "it has levelled off"),
        (400, 0.9, "more steps may lower it"),
    ],
)
def test_the_end_of_a_curve_is_told_apart(
    records: SyntheticRecords, since: int, factor: float, words: str
) -> None:
    """A rise of more than 10 % early and late, a plateau and a fall are four different sentences."""
    best = done(records)[0]["trial"]
    curves = records.curves
    line = (curves["trial"] == best) & (curves["seed"] == 0) & (curves["metric"] == "validation_loss")
    before = curves.loc[line & (curves["step"] == since - 20), "value"].iloc[0]
    end = line & (curves["step"] >= since)
    made = SyntheticRecords(
        records.trials, curves.assign(value=curves["value"].mask(end, factor * before)), records.layers
    )
    assert words in sentences_of(made_input(made))["convergence"]


def test_gradients_name_activations_slopes_and_layers(
    said: dict[str, str], records: SyntheticRecords
) -> None:
    """Sigmoid alone vanishes; its slope is that of a straight line through log10 of the medians."""
    sigmoid = {r["trial"] for r in rows(records) if r["activation"] == "sigmoid"}
    completed = {r["trial"] for r in done(records)}
    layers = records.layers.query("measure == 'gradient_norm'")
    for moment, step, members in (
        ("at initialisation", 0, sigmoid),
        ("at the end", 400, sigmoid & completed),
    ):
        norms = (
            layers[(layers["step"] == step) & layers["trial"].isin(members)]
            .groupby("layer")["value"]
            .median()
        )
        slope = np.polyfit(norms.index[::-1], np.log10(norms), 1)[0]
        before = said["gradients"].partition(moment)[0].replace("−", "-")
        shown = [float(number) for number in re.findall(r"[+-]\d\.\d\d\b", before)]
        assert any(abs(number - slope) <= 0.02 for number in shown)
        starved = [layer for layer, norm in norms.items() if norm < 0.01 * norms[7]]
    text = said["gradients"]
    assert "vanish towards the input with sigmoid;" in text
    assert "stay healthy (within a factor of 10 over 8 layers) with gelu, relu and tanh" in text
    assert starved == list(range(starved[-1] + 1))
    assert f"sigmoid layers 0–{starved[-1]}" in text


def test_units_name_the_worst_layer(said: dict[str, str], records: SyntheticRecords) -> None:
    """ReLU's dead share at the end is the largest of its layer medians; others have none to name."""
    relu = {r["trial"] for r in done(records) if r["activation"] == "relu"}
    layers = records.layers.query("measure == 'dead' and step == 400")
    medians = layers[layers["trial"].isin(relu)].groupby("layer")["value"].median()
    worst = int(medians.idxmax())
    text = f"dead with relu (up to {100 * medians[worst]:.0f} %, in layer {worst})."
    assert text in said["units"]


def test_penalty_without_effect_is_said_to_have_none(said: dict[str, str], records: SyntheticRecords) -> None:
    """Middle halves that overlap with that of no penalty: no effect, with the median of no penalty."""
    free = [r["objective"] for r in done(records) if r["activation_penalty"] == 0]
    text = f"that of no penalty (median {number(statistics.median(free))}, n = {len(free)})"
    assert said["penalty"].startswith("No effect on the validation loss was seen")
    assert text in said["penalty"]
    assert "one seed" in said["penalty"]


@pytest.mark.parametrize(("shift", "word"), [(-0.5, "lower"), (0.5, "higher")])
def test_penalty_with_an_effect_is_named(shift: float, word: str) -> None:
    """Weights whose scores lie apart from all others are named with their median and number of trials."""
    made = synthetic_records(120)
    heavy = made.trials["activation_penalty"] >= 1e-2
    scores = made.trials["objective"].mask(made.trials["objective"].notna(), 1 + made.trials["trial"] * 1e-4)
    trials = made.trials.assign(objective=scores + shift * heavy)
    found = sorted(
        row["objective"]
        for row in trials[heavy & (trials["phase"] != "confirm")].to_dict("records")
        if row["outcome"] == "completed"
    )
    text = sentences_of(made_input(SyntheticRecords(trials, made.curves, made.layers)))["penalty"]
    bins = f"0.01 to 0.1 (median {number(statistics.median(found))}, n = {len(found)})"
    assert text.startswith(
        f"Most trials with weights of {bins} had a {word} validation loss than most with no"
    )
    assert "shows no effect of the penalty" in text


def test_importances_are_those_of_the_search(said: dict[str, str]) -> None:
    """The four shares, largest first."""
    first, *others = SHARES.to_dict("records")
    assert f"mostly in {first['parameter']} ({100 * first['importance']:.0f} %)" in said["importances"]
    assert all(f"{r['parameter']} ({100 * r['importance']:.0f} %)" in said["importances"] for r in others)


def test_history_says_when_the_best_was_found(said: dict[str, str], records: SyntheticRecords) -> None:
    """The trial with the lowest score, its place, and how many came after it."""
    best = done(records)[0]
    trials = [r["trial"] for r in rows(records)]
    after = sum(trial > best["trial"] for trial in trials)
    assert f"{number(best['objective'])}, was found by trial #{best['trial']}, " in said["history"]
    assert f"the {after} trials after it found nothing better" in said["history"]
    explored = min(r["objective"] for r in done(records) if r["phase"] == "explore")
    assert f"Exploration alone reached {number(explored)}" in said["history"]


def test_trials_are_counted_by_outcome(said: dict[str, str], records: SyntheticRecords) -> None:
    """Counts of the search; the failure is quoted with its trial."""
    counts = Counter(r["outcome"] for r in rows(records))
    assert f"Of {len(rows(records))} trials of the search, {counts['completed']} completed" in said["trials"]
    assert f"{counts['diverged']} diverged and 1 failed." in said["trials"]
    assert said["trials"].endswith("first in trial #23: RuntimeError: out of luck")


def test_the_run_says_what_was_trained_and_how(said: dict[str, str]) -> None:
    """Configurations, fresh seeds, and the notes that the run gave."""
    assert said["run"].startswith("60 configurations of mlp on digits, then 15 trainings on fresh seeds.")
    assert said["run"].endswith("Two processes, one thread each.")


@pytest.mark.parametrize("what", CHANGES)
def test_thin_runs_are_told_without_claims(records: SyntheticRecords, what: str) -> None:
    """Whatever a run leaves, every section says something, and no number that is none."""
    text = sentences_of(made_input(changed(records, what)))
    assert set(text) == {section.key for section in QUESTIONS}
    assert all(sentence.strip() for sentence in text.values())
    claims = " ".join(sentence for key, sentence in text.items() if key != "trials")
    assert re.search(r"\bnan\b|None\b(?! of)|\binf\b|–(?!\d)", claims) is None


def test_the_score_is_named_after_the_objective(records: SyntheticRecords) -> None:
    """A study that ranks by error speaks of error, not of loss."""
    search = {**made_study().to_dict()["search"], "objective": "validation_error"}
    text = sentences_of(made_input(records, study=made_study(search=search)))
    for key in ("confirmation", "learning-rate", "optimizer-activation", "history", "penalty"):
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
    blind = sentences_of(made_input(bare, unmeasured="the model takes no second pass."))
    assert {key for key, text in blind.items() if text == why} == {
        s.key for s in QUESTIONS if s.figure is not None and s.figure.name in OF_LAYERS
    }
    assert not any(why in text for text in sentences_of(made_input(bare)).values())
    assert not any(
        why in text for text in sentences_of(made_input(records, unmeasured="the model …")).values()
    )
