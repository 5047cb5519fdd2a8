"""The answer card: headline, settings, scores, ties, next step, in its three renderings."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_inputs import CHANGES, SPACE, changed, made_input, made_study
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.learning import Learning
from sweeper.answer.luck import luck
from sweeper.questions.run_data import RunData
from sweeper.report.card import Card, card
from sweeper.report.doubts import with_warnings
from sweeper.report.note import note, plain_answer
from sweeper.report.notebook import answer_html
from sweeper.study.command_line import overrides, run_again
from sweeper.study.study import Study


def card_of(report: RunData) -> Card:
    """The card without a report's folder."""
    return card(report.study, report.answer, report.records.trials)


def facts(told: Card) -> dict[str, str]:
    """Label -> value and meaning."""
    return {fact.label: f"{fact.value} | {fact.meaning}" for fact in told.facts}


def test_the_card_tells_a_confirmed_answer(records: SyntheticRecords) -> None:
    """Headline and settings are the winner's, scores are the answer's, ties are named, outcomes counted."""
    report = made_input(records)
    told, answer = card_of(report), report.answer
    assert answer is not None
    assert answer.confirmed is not None
    assert (told.standing, told.badge) == ("tied", "First on fresh seeds; others may be as good")
    chosen = answer.parameters
    for text in (chosen["optimizer"], f"{chosen['learning_rate']:.3g}", chosen["activation"]):
        assert text in told.headline
    assert told.settings["Learning rate"] == f"{chosen['learning_rate']:.4g}"
    assert list(told.settings)[:3] == ["Learning rate", "Optimizer", "Activation function"]
    sure = answer.confirmed
    found = facts(told)
    printed = re.findall(r"\d+\.\d+", found["Validation loss"])
    for text, value in zip(printed, (sure.mean, sure.low, sure.high), strict=True):
        assert float(text) == pytest.approx(value, abs=0.02 * (sure.high - sure.low))
    assert "5 fresh seeds" in found["Validation loss"]
    assert found["Test set"].startswith(
        "loss 0.12, accuracy 0.970 | mean over 2 seeds, 95 % interval over seeds"
    )
    high = float(re.findall(r"accuracy [\d.]+ to ([\d.]+)", found["Test set"])[0])
    assert high <= 1, "no share beyond all"
    assert not re.search(r"accuracy [\d.]+ %", str(found)), "every score in one unit, as in tables"
    assert [f"#{trial} " in found["Tied with the winner"] for trial in answer.tied] == [True]
    assert re.search(r"may be up to 0\.\d+ worse", found["Tied with the winner"])
    assert "luck is 100 % (95 % interval" in found["How sure"]
    assert found["Trials"].startswith("60 | 43 completed, 3 pruned, 13 diverged, 1 failed; then 15 trainings")


@pytest.mark.parametrize(
    ("what", "standing", "headline"),
    [
        ("nothing yet", "none", "Nothing has been trained yet."),
        ("all diverged", "none", "No answer: no trial completed."),
        ("all failed", "none", "No answer: no trial completed."),
        ("no confirmation", "provisional", "Use "),
        ("finalists diverged", "provisional", "Use "),
        ("one trial", "provisional", "Use "),
        ("one fresh seed", "provisional", "Use "),
    ],
)
def test_the_card_does_not_claim_more_than_was_done(
    records: SyntheticRecords, what: str, standing: str, headline: str
) -> None:
    """No answer and a provisional one are called so, and there is always something to do next."""
    told = card_of(made_input(changed(records, what)))
    assert told.standing == standing
    assert told.headline.startswith(headline)
    assert (standing == "provisional") == told.badge.startswith("Provisional")
    assert told.next_step.text
    assert told.next_step.command.startswith("sweeper ")


def test_one_fresh_seed_gives_no_interval(records: SyntheticRecords) -> None:
    """One seed has no spread, and tells no two settings apart."""
    found = facts(card_of(made_input(changed(records, "one fresh seed"))))
    assert "so its spread is unknown" in found["Validation loss"]
    assert "one seed cannot rank two settings" in found["Not ranked"]


def test_no_test_rows_no_test_score(records: SyntheticRecords) -> None:
    """A run without test rows has no line for them."""
    assert "Test set" not in facts(card_of(made_input(records, test=False)))


def test_a_penalty_nobody_asked_for_is_not_mentioned(records: SyntheticRecords) -> None:
    """The records always have its column; the answer speaks of it only where the study did."""
    space = {name: value for name, value in SPACE.items() if name != "activation_penalty"}
    report = made_input(records, study=made_study(search={"space": space}))
    told = card_of(report)
    assert "penalty" not in told.headline
    assert "Activation penalty" not in told.settings


@pytest.mark.parametrize("what", ["as it is", *CHANGES])
def test_note_and_plain_answer_say_what_the_card_says(records: SyntheticRecords, what: str) -> None:
    """Headline, settings and command stand in all renderings; the plain one fits a terminal."""
    report = made_input(changed(records, what))
    told = card_of(report)
    plain = plain_answer(report.study, report.answer, report.records)
    markdown = note(report.study, report.answer, report.records)
    html = answer_html(report)
    assert plain.startswith(told.headline)
    assert markdown.startswith("# ")
    for value in (told.status, *told.settings.values()):
        assert value in plain
        assert value in markdown
        assert value in html
    command = told.next_step.command
    assert plain.endswith(command)
    assert f"```sh\n{command}\n```" in markdown
    assert all(len(line) <= 100 for line in plain.splitlines() if line.strip() != command)


def test_the_note_escapes_what_users_wrote(records: SyntheticRecords) -> None:
    """Neither HTML nor Markdown nor a table's bar in a question or a name is markup."""
    question = "<script>alert(1)</script> *bold* [a](b) `c` | d"
    report = made_input(records, study=made_study(question=question))
    text = note(report.study, report.answer, report.records)
    assert "<script>" not in text
    assert r"\<script\>alert(1)\</script\> \*bold\* \[a\](b) \`c\` \| d" in text


def test_the_note_says_why_the_dashboard_has_another_best_trial(records: SyntheticRecords) -> None:
    """The trial of the lowest score in the search is named, and the answer beside it where it is another."""
    report = made_input(records)
    assert report.answer is not None
    done = records.trials[(records.trials["phase"] != "confirm") & (records.trials["outcome"] == "completed")]
    first = int(done.sort_values("objective")["trial"].iloc[0])
    text = note(report.study, report.answer, report.records).replace("\\", "")
    assert f"The dashboard's best trial, #{first}, has the lowest validation loss of the search" in text
    finalists = records.trials.loc[records.trials["phase"] == "confirm", "trial"].drop_duplicates().tolist()
    other = replace(report.answer, trial=next(trial for trial in finalists if trial != first))
    said = note(report.study, other, report.records).replace("\\", "")
    assert f"The answer is trial #{other.trial}: fresh seeds decide" in said
    assert "beside the level of shuffled scores" in said
    assert other.confirmed is not None
    few = replace(other, confirmed=replace(other.confirmed, seeds=3))
    said = note(report.study, few, report.records).replace("\\", "")
    assert f"The provisional answer is trial #{other.trial}, the best on 3 fresh seeds, too few to" in said
    nothing = replace(other, learning=Learning(2.3, -0.1, -0.2, 0.0, 5, False, 0.01, 20, 0.02))
    said = note(report.study, nothing, report.records).replace("\\", "")
    assert "It is no answer, as nothing was learned." in said
    assert "fresh seeds decide" not in said


def test_luck_names_the_finalists_that_it_is_of(records: SyntheticRecords) -> None:
    """Those that completed every fresh seed, where a finalist did not."""
    trials = records.trials
    words = "of the 2 of 3 finalists that completed every fresh seed of the winner, luck"
    assert words in facts(told_of(trials, records))["How sure"]
    lost = trials.loc[trials["phase"].eq("confirm") & trials["objective"].isna(), "trial"]
    assert len(lost) > 0
    whole = trials[~(trials["phase"].eq("confirm") & trials["trial"].isin(lost))]
    assert "finalists on fresh seeds, luck" in facts(told_of(whole, records))["How sure"]


def test_luck_is_that_of_the_seeds_of_the_winner(records: SyntheticRecords) -> None:
    """Finalists of a later race have more seeds; those of the winner decide, and it is among them."""
    trials = records.trials
    confirm = trials[trials["phase"] == "confirm"]
    winner = made_input(records).answer.trial
    later = confirm[(confirm["trial"] != winner) & confirm["objective"].notna()]
    later = later[later["trial"] == later["trial"].iloc[0]].assign(seed=lambda rows: rows["seed"] + 100)
    known = luck(trials, winner)
    assert known is not None
    assert luck(pd.concat([trials, later]), winner) == known
    assert known.finalists >= 2


def told_of(trials: pd.DataFrame, records: SyntheticRecords) -> Card:
    """The card of these trials."""
    run = made_input(SyntheticRecords(trials, records.curves, records.layers))
    return card_of(run)


def test_the_notebook_escapes_what_users_wrote(records: SyntheticRecords) -> None:
    """An activation called like a tag stays text."""
    trials = records.trials.assign(activation="<img src=x>")
    html = answer_html(made_input(SyntheticRecords(trials, records.curves, records.layers)))
    assert "<img" not in html
    assert "&lt;img src=x&gt;" in html


def at_the_edge(records: SyntheticRecords, space: dict) -> tuple[str, str]:
    """Text and command of the next step where the winner's rate is at the top of its range."""
    top = space["learning_rate"]["high"]
    made = SyntheticRecords(records.trials.assign(learning_rate=0.97 * top), records.curves, records.layers)
    report = made_input(made, study=made_study(search={"trials": 60, "space": space}))
    step = card(report.study, report.answer, report.records.trials).next_step
    return step.text, step.command


def test_a_winner_at_the_edge_asks_for_a_wider_range(records: SyntheticRecords) -> None:
    """The command widens that bound to where the optimizer's own range ends, or a decade beyond the best."""
    text, command = at_the_edge(records, SPACE)
    assert "high end of what was searched (1)" in text
    assert shlex.split(command)[3:] == [
        "--set",
        "search.space.learning_rate.high=10.0",
        "--set",
        "search.trials=90",
    ]


@pytest.mark.parametrize(("lost", "lower"), [(0.9, True), (0.2, False)])
def test_where_most_diverged_lower_rates_come_first(
    records: SyntheticRecords, lost: float, lower: bool
) -> None:
    """The winner has the lowest rate tried and the rest diverged: that is the first advice."""
    trials = records.trials.copy()
    search = trials["phase"] != "confirm"
    winner = made_input(records).answer.trial
    order = np.random.default_rng(0).permutation(np.flatnonzero(search & (trials["trial"] != winner)))
    gone, rest = np.split(order, [round(lost * len(order))])
    trials.loc[trials.index[rest], "outcome"] = "completed"
    trials.loc[trials.index[rest], "objective"] = 2.0
    trials.loc[trials.index[gone], ["outcome", "objective"]] = ["diverged", np.nan]
    trials["learning_rate"] = np.where(trials["trial"] == winner, 1e-3, np.geomspace(1e-2, 10, len(trials)))
    trials = trials[search | (trials["trial"] == winner)]
    run = made_input(SyntheticRecords(trials, records.curves, records.layers))
    doubted = replace(run.answer, learning=Learning(2.3, -0.1, -0.2, 0.0, 5, False, 0.01, 20, 0.02))
    step = card(run.study, doubted, trials).next_step
    assert ("diverged, and the answer has the lowest rate tried, 0.001: search lower" in step.text) is lower
    if lower:
        name, text = shlex.split(step.command)[4:7:2]
        assert name == "name=made-lower"
        text = text.removeprefix("search.space.learning_rate=")
        assert float(re.findall(r"low = ([\de.-]+)", text)[0]) < 1e-3
        assert "--fresh" not in step.command


def test_a_range_that_cannot_be_widened_in_place_asks_for_another_run(
    records: SyntheticRecords,
) -> None:
    """Whole numbers as bounds make another distribution, so the run cannot go on; it is kept."""
    space = {**SPACE, "learning_rate": {"low": 1e-4, "high": 1, "log": True}}
    _, command = at_the_edge(records, space)
    assert shlex.split(command)[3:] == [
        "--set",
        "name=made-wider",
        "--set",
        "search.space.learning_rate={low = 0.0001, high = 10.0, log = true}",
    ]


def test_the_script_is_the_next_step_of_a_sound_answer(records: SyntheticRecords) -> None:
    """From the page it is best.py beside it; elsewhere the command that prints it."""
    report = made_input(records)
    trials = report.records.trials
    assert card(report.study, report.answer, trials).next_step.command == "sweeper best made --python"
    beside = card(report.study, report.answer, trials, Path("reports") / "made").next_step.command
    assert beside == f"python {Path('reports') / 'made' / 'best.py'}"


def test_the_command_runs_the_same_study_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A built-in study by its name, a file by its path, and what --set had changed is set again."""
    again = "sweeper run digits --set search.trials=200"
    for study in (Study.load("digits"), Study.load("digits", ("search.trials=7",))):
        assert run_again(study, "search.trials=200") == again
    file = tmp_path / "my study.toml"
    file.write_text('name = "mine"\n[training]\nepochs = 3\n[search.space]\nactivation = ["relu", "tanh"]\n')
    given = ("training.steps=70", "search.space.activation=['elu']", "model.depth=3", "question=Why?")
    study = Study.load(file, given)
    monkeypatch.chdir(tmp_path)
    command = shlex.split(run_again(study, "search.trials=5"))
    assert command[:3] == ["sweeper", "run", "my study.toml"]
    assert command[-2:] == ["--set", "search.trials=5"]
    assert Study.load(file, tuple(command[4:-2:2])).to_dict() == study.to_dict()


def test_a_study_made_in_python_has_no_file_to_name() -> None:
    """The command then holds a placeholder, and the text says so."""
    report = made_input(SyntheticRecords(*(changed_frames())))
    step = card(report.study, report.answer, report.records.trials).next_step
    assert step.command == "sweeper run STUDY"
    assert step.text.endswith("(STUDY stands for your study file):")


def changed_frames() -> tuple:
    """Frames of a run that has not begun."""

    made = changed(synthetic_records(8), "nothing yet")
    return made.trials, made.curves, made.layers


def test_a_key_that_was_removed_cannot_be_set(tmp_path: Path) -> None:
    """A study file that has a key which the run had not: no command is made up."""
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\n[model]\ndepth = 3\n')
    study = Study.load(file)
    file.write_text('name = "mine"\n[model]\ndepth = 3\nwidth = 9\n')
    assert overrides(study, file) is None
    assert run_again(study) == "sweeper run STUDY"


def test_a_winner_that_loses_seeds_is_named_unstable(records: SyntheticRecords) -> None:
    """Where every finalist diverged on some seed, every surface counts the winner's lost seeds out of all
    tried."""
    lost = (records.trials["phase"] == "confirm") & records.trials["seed"].isin([2, 3])
    trials = records.trials.assign(
        outcome=records.trials["outcome"].mask(lost, "diverged"),
        objective=records.trials["objective"].mask(lost),
    )
    run = made_input(SyntheticRecords(trials, records.curves, records.layers))
    warned = with_warnings(run.study, run.answer, None)
    assert warned is not None
    run = replace(run, answer=warned)
    told, warning = card_of(run), "These settings diverged on 2 of 5 fresh seeds."
    surfaces = [told.warnings, warned.to_dict()["warnings"], note(run.study, warned, run.records)]
    surfaces += [plain_answer(run.study, warned, run.records), answer_html(run)]
    assert all(warning in said for said in surfaces)
    assert warned.to_dict()["confirmed"].items() >= {"seeds": 3, "diverged": 2, "failed": 0}.items()
    assert "mean over 3 fresh seeds" in facts(told)["Validation loss"]


def test_the_card_says_where_it_was_made(records: SyntheticRecords) -> None:
    """Device, processor, versions, commit, data, seeds and time, where the run recorded them; else no
    line."""
    report = made_input(records)
    assert report.answer is not None
    assert "Made on" not in facts(card_of(report))
    made = {"device": "cpu", "processor": "Zen", "versions": "torch 2", "commit": "3f2a91c", "data": "0a1b"}
    told = card(report.study, replace(report.answer, made=made, rows={"test": 360}), records.trials)
    line = facts(told)["Made on"]
    assert line.startswith("cpu, Zen | torch 2; commit 3f2a91c; data 0a1b (SHA-256); seeds 0 to 5; ")
    assert "on 360 rows" in facts(told)["Test set"]
    told = card(report.study, replace(report.answer, made=made), records.trials.assign(seed=0))
    assert "(SHA-256); seed 0; " in facts(told)["Made on"]
