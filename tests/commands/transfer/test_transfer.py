"""A transfer from its trainings to figure, words and JSON."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from report_inputs import made_input, made_study
from synthetic_records import synthetic_records
from transfers import CONDITIONS, LAW, LOSS, OVER, frame

import sweeper
from sweeper.commands.transfer import held
from sweeper.commands.transfer.conditions import NextCommand, Purpose
from sweeper.commands.transfer.figure import alt, draw
from sweeper.commands.transfer.held import OF_THE_RUN, unlike_the_run, winner_of
from sweeper.commands.transfer.law import inside
from sweeper.commands.transfer.page import card, write_page
from sweeper.commands.transfer.table import Beside, _lowest, costs_at, found, to_dict
from sweeper.commands.transfer.trials import Over, sized
from sweeper.commands.transfer.words import TELLS, _untried, print_transfer, sentences
from sweeper.drawing.png import png_bytes
from sweeper.questions.question import ANSWER, WHY
from sweeper.report.render import RenderedSection
from sweeper.report.transferred import transferred, with_transfers
from sweeper.study.study import Study
from sweeper.to_json import to_json
from sweeper.wording import bounds, number


def test_a_law_is_found_and_checked() -> None:
    """The exponent, the prediction from all sizes, and the check from the others alone."""
    done = found(frame(LAW), OVER, LOSS)
    assert list(done.optima["verdict"]) == ["found"] * 4
    assert done.optima["rate"].to_numpy() == pytest.approx(list(LAW.values()), rel=0.05)
    assert done.exponent is not None
    assert done.exponent[0] == pytest.approx(-0.5, abs=0.05)
    assert done.prediction is not None
    assert done.check is not None
    assert done.prediction.value == pytest.approx(0.8 * 512**-0.5, rel=0.15)
    assert done.check.value == pytest.approx(LAW[128], rel=0.15)
    assert inside(done.check, done.optima, "rate")
    assert "inside the interval" in " ".join(sentences(done, CONDITIONS))


def test_a_check_that_fails_is_said() -> None:
    """The size left out has its optimum elsewhere."""
    done = found(frame({**LAW, 128: 0.6}), OVER, LOSS)
    assert done.check is not None
    assert not inside(done.check, done.optima, "rate")
    said = " ".join(sentences(done, CONDITIONS))
    there = done.optima.set_index("size").loc[128]
    assert (
        f"{number(there['rate'], 2)} (90 %: {bounds(there['low'], there['high'])}) was measured: outs" in said
    )
    assert ("The two intervals overlap" in said) == (there["low"] <= done.check.high)
    assert "Take it for rough: at 128" in card(done, CONDITIONS).lead
    assert done.at_check is not None
    rates, costs = costs_at(frame({**LAW, 128: 0.6}), 128, LOSS)
    for each, wanted in zip(done.at_check, (0.6, done.check.value), strict=True):
        nearest = np.abs(np.log(rates / wanted)).argmin()
        assert (each.rate, each.mean) == (rates[nearest], pytest.approx(costs[nearest].mean()))


@pytest.mark.parametrize(
    ("size", "why"),
    [
        (16, f"only 2 other sizes have a best rate{TELLS}, 3 are needed, so it checks nothing"),
        (128, "no best rate was found there, so it checks nothing"),
    ],
)
def test_a_check_that_checks_nothing_says_why(size: int, why: str) -> None:
    """Too few other sizes, or no best rate at the size itself; sentences and card agree."""
    done = found(frame({**LAW, size: 1e-5}), OVER, LOSS)
    assert done.check is None
    assert f"Check at 128: {why}." in sentences(done, CONDITIONS)
    fact = next(each for each in card(done, CONDITIONS).facts if each.label == "Check")
    assert (fact.value, fact.meaning) == ("none", f"at 128, {why}")


def test_scores_to_maximise_are_costs_inside_alone() -> None:
    """The same optima, shown in the unit of the score."""
    losses = frame(LAW)
    scores = losses.assign(objective=1 - losses["objective"])
    done, same = found(scores, OVER, "validation_auc (higher is better)"), found(losses, OVER, LOSS)
    assert done.optima["rate"].to_numpy() == pytest.approx(same.optima["rate"].to_numpy())
    assert done.optima["best"].to_numpy() == pytest.approx(1 - same.optima["best"].to_numpy())


def test_without_three_optima_nothing_is_predicted() -> None:
    """Two lie at an edge of the grid."""
    done = found(frame({**LAW, 16: 1e-5, 32: 1e-5}), OVER, LOSS)
    assert list(done.optima["verdict"]) == ["lower edge", "lower edge", "found", "found"]
    assert (done.exponent, done.prediction, done.check) == (None, None, None)
    assert sentences(done, CONDITIONS) == [
        f"Nothing is predicted: only 2 sizes have a best rate{TELLS}; 3 are needed.",
        "At model.width 16 and 32: best at the lowest rate: search lower ones.",
        "Equal in all trainings: optimizer = adam (as asked).",
    ]
    for size, rate in ((16, "low"), (32, "low")):
        row = done.optima.set_index("size").loc[size]
        assert row["rate"] == pytest.approx(1e-3, rel=1e-9), "the rate at the edge itself"
        assert row[rate] <= row["rate"]
        assert row["low"] >= 1e-3 * (1 - 1e-9), "nothing is known beyond the grid"
    none = found(rows := frame(dict.fromkeys(LAW, 1e-5)), OVER, LOSS)
    assert all(axes.has_data() for axes in draw(rows, none, CONDITIONS).axes), "not one lies inside"
    assert json.loads(to_json(to_dict(done, CONDITIONS)))["prediction"] is None
    assert png_bytes(draw(frame(LAW), done, CONDITIONS))[:4] == b"\x89PNG"


def test_figure_words_and_json_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Of one result."""
    rows = frame(LAW)
    done = found(rows, OVER, LOSS)
    assert done.prediction is not None
    figure = draw(rows, done, CONDITIONS)
    assert all(axes.has_data() for axes in figure.axes)
    predicted = f"{done.prediction.value:.2g}"
    assert predicted in alt(done, CONDITIONS)
    print_transfer(done, CONDITIONS)
    printed = capsys.readouterr().out
    assert f"Predicted for model.width 512: {predicted}" in printed
    assert f"Train at model.width 512 with rates of this interval:\n  {CONDITIONS.next.command}" in printed
    assert json.loads(to_json(to_dict(done, CONDITIONS)))["prediction"]["rate"] == done.prediction.value


def test_losses_close_to_0_are_drawn() -> None:
    """The best loss is a thousandth of the worst, so the axis is logarithmic and must stay above 0."""
    losses = frame(LAW)
    objective = losses["objective"] - losses["objective"].min()
    low = losses.assign(objective=1e-3 * objective.max() + objective)
    assert png_bytes(draw(low, found(low, OVER, LOSS), CONDITIONS))[:4] == b"\x89PNG"


def test_the_page_says_what_the_terminal_says(tmp_path: Path) -> None:
    """Every sentence stands on it, the prediction first; it names no file that does not lie beside it."""
    rows = frame(LAW)
    done = found(rows, OVER, LOSS)
    html = unescape(write_page(tmp_path, rows, done, CONDITIONS).read_text(encoding="utf-8")).replace(
        "\u00a0", " "
    )
    assert done.prediction is not None
    assert f"At model.width 512, begin with a learning rate of {done.prediction.value:.2g}." in html
    assert all(said in html for said in sentences(done, CONDITIONS))
    assert "tables/" not in html
    assert "figures/" not in html
    none = found(frame({**LAW, 16: 1e-5, 32: 1e-5}), OVER, LOSS)
    wider = replace(CONDITIONS, next=NextCommand(Purpose.GO_BEYOND_EDGE, "sweeper transfer wide"))
    page = write_page(tmp_path, rows, none, wider).read_text(encoding="utf-8")
    assert "Nothing is predicted" in page
    assert "Best rates lie at the edge of those tried" in page


def test_costs_are_by_rate_and_seed() -> None:
    """NaN where a training diverged; a rate at which one failed, and has no row, is left out."""
    rates, costs = costs_at(frame(LAW), 16, LOSS)
    assert costs.shape == (13, 5)
    assert np.isnan(costs[rates > 0.8]).all()
    rows = frame(LAW)
    failed = rows.index[(rows["size"] == 16) & (rows["learning_rate"] == rates[2])][:1]
    left, fewer = costs_at(rows.drop(failed), 16, LOSS)
    assert list(left) == list(np.delete(rates, 2))
    assert np.array_equal(fewer, np.delete(costs, 2, axis=0), equal_nan=True)


def test_a_study_is_trained_at_each_size(tmp_path: Path) -> None:
    """Every training of the grid, the figure, and what was held; nothing of a run is needed."""
    study = Study(
        name="small",
        data="wine",
        model={"source": "mlp", "width": 4, "depth": 1},
        training={"steps": 6, "batch_size": 32, "evaluations": 2},
        search={"space": {"optimizer": ["adam", "sgd"], "learning_rate": {"low": 1e-4, "high": 1.0}}},
    )
    assert winner_of(study, tmp_path) is None
    done = sweeper.transfer(study, "training.batch_size", [8, 16, 32], 64, rates=7, seeds=3, jobs=1)
    assert len(done.measured) == 3 * 7 * 3
    assert done.measured["objective"].notna().any()
    assert done.conditions.held["optimizer"] == "adam"
    assert done.save(tmp_path / "reports") == tmp_path / "reports" / "transfer.png"
    assert (tmp_path / "reports" / "transfer.html").exists()


def test_the_winner_of_the_run_is_held_with_its_optimizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that it was trained with and the study still searches; the first one does not take its place."""
    found = made_input(synthetic_records(24)).answer
    assert found is not None
    chosen = {**found.parameters, "optimizer": "adam", "gone": 1}
    monkeypatch.setattr(held, "run_folder", lambda runs, name: tmp_path)
    answered = SimpleNamespace(answer=replace(found, parameters=chosen))
    monkeypatch.setattr(held, "result_of", lambda name, runs: answered)
    kept = winner_of(made_study(), tmp_path)
    assert kept is not None
    assert kept["optimizer"] == "adam"
    assert kept["learning_rate"] == found.parameters["learning_rate"]
    assert "gone" not in kept


def test_where_a_transfer_differs_from_its_run_is_told(tmp_path: Path) -> None:
    """Settings of data, model and training that the run does not have, but for the size that is varied; the
    page of the run takes the sentence in."""
    study = made_study(training={"steps": 20, "schedule": "cosine"})
    (tmp_path / study.name).mkdir()
    (tmp_path / study.name / "study.toml").write_text(study.to_toml(), encoding="utf-8")
    other = made_study(training={"steps": 30, "schedule": "constant"})
    assert unlike_the_run(study, tmp_path, "training.steps") == ()
    unlike = unlike_the_run(other, tmp_path, "training.steps")
    assert unlike == ("training.schedule = constant (in the run: cosine)",)
    said = sentences(found(frame(LAW), OVER, LOSS), replace(CONDITIONS, unlike=list(unlike)))
    assert said[-1].endswith("Not as in the run: training.schedule = constant (in the run: cosine).")
    assert unlike_the_run(other, tmp_path / "none", "training.steps") == ()


def test_the_page_of_the_run_takes_a_transfer_in(tmp_path: Path) -> None:
    """Question, sentences, table and figure stand at the end of the answer, with the files they link to."""
    rows = frame(LAW)
    done = found(rows, OVER, LOSS)
    conditions = replace(CONDITIONS, study="made")
    write_page(tmp_path, rows, done, conditions)
    (tmp_path / "transfer.png").write_bytes(png_bytes(draw(rows, done, conditions)))
    (beside,) = transferred(made_study(), tmp_path)
    assert list(beside.section.sentences[:-1]) == sentences(done, conditions)
    assert beside.section.sentences[-1].endswith(f"with rates of this interval: {CONDITIONS.next.command}")
    assert set(beside.files) == {"figures/transfer.png", "tables/transfer.csv"}
    others = [RenderedSection(key, "?", ("!",), part=part) for key, part in (("a", ANSWER), ("b", WHY))]
    assert [each.key for each in with_transfers(others, [beside])] == ["a", "transfer", "b"]
    assert transferred(made_study(name="another"), tmp_path) == ()
    for origin, told in ((OF_THE_RUN, True), ("as asked", False)):
        held = {"optimizer": "adam", "betas": (0.8, 0.99)}
        write_page(tmp_path, rows, done, replace(conditions, held=held, held_from=origin))
        for answered, same in ((held, True), ({**held, "betas": (0.9, 0.99)}, False), ({}, True)):
            (beside,) = transferred(made_study(), tmp_path, {**answered, "learning_rate": 0.1})
            outdated = beside.section.sentences[0].startswith("The run has another answer since")
            assert outdated is (told and not same)
    (tmp_path / "transfer.json").unlink()
    assert transferred(made_study(), tmp_path) == ()
    assert with_transfers(others, ()) == others


def test_transfers_over_several_keys_stay(tmp_path: Path) -> None:
    """One over another key leaves the files of the first beside its own, and the page has both; one over the
    same key takes its place."""
    rows, done = frame(LAW), found(frame(LAW), OVER, LOSS)

    def made(key: str) -> list[str]:
        write_page(tmp_path, rows, done, replace(CONDITIONS, study="made", key=key))
        (tmp_path / "transfer.png").write_bytes(key.encode().rjust(40))
        beside = transferred(made_study(), tmp_path)
        assert all(f"figures/{each.section.key}.png" in each.files for each in beside)
        assert all(f"tables/{each.section.key}.csv" in each.files for each in beside)
        assert [each.section.figures[0].png.decode().strip() for each in beside] == [
            each.section.question.split()[-1].rstrip("?") for each in beside
        ]
        return [each.section.key for each in beside]

    assert made("model.width") == ["transfer"]
    assert made("model.width") == ["transfer"]
    assert made("training.steps") == ["transfer", "transfer-model.width"]
    assert made("model.width") == ["transfer", "transfer-training.steps"]
    assert (tmp_path / "transfer-training.steps.html").is_file()
    assert not list(tmp_path.glob("transfer-model.width*"))


def test_numbers_of_a_transfer_are_rounded() -> None:
    """The exponent and its interval show two digits of the interval's width."""
    done = found(frame(LAW), OVER, LOSS)
    (said,) = [text for text in sentences(done, CONDITIONS) if "to the power" in text]
    assert max(len(digits) for digits in re.findall(r"\d+\.(\d+)", said)) <= 4


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_each_side_of_the_best_rate_is_told_by_itself(lost: int) -> None:
    """What diverges at twice the rate says nothing of half of it; a mean is of all seeds or none."""
    rows = frame(LAW)
    last = rows[rows["size"] == max(LAW)]
    best = last.groupby("learning_rate")["objective"].mean().idxmin()
    twice = min(last["learning_rate"].unique(), key=lambda rate: abs(np.log(rate / (2 * best))))
    half = min(last["learning_rate"].unique(), key=lambda rate: abs(np.log(rate / (best / 2))))
    broken = last.index[last["learning_rate"] == twice][:lost]
    rows.loc[broken, ["outcome", "objective"]] = ["diverged", np.nan]
    seeds = last["seed"].nunique()
    done = found(rows, OVER, LOSS)
    (text,) = [each for each in sentences(done, CONDITIONS) if "nearest to half" in each]
    mean = last.loc[last["learning_rate"] == half, "objective"].mean()
    assert f"the best rate of the grid ({number(best, 2)}) gives" in text
    assert f"nearest to half of it ({number(half, 2)}) gives {number(mean, 4)}" in text
    assert (f"twice it ({number(twice, 2)}) diverges on {lost} of {seeds} seeds" in text) == (lost > 0)
    assert to_dict(done, CONDITIONS)["best_of_grid"]["rate"] == best
    sides = to_dict(done, CONDITIONS)["half_and_twice"]
    assert [each["lost"] for each in sides] == [0, lost]
    assert (sides[1]["mean"] is None) == (lost > 0)


def test_rates_that_no_training_had_are_told() -> None:
    """An interval that reaches beyond the grid is a line drawn on: what lies there may diverge."""
    done = found(frame(LAW), OVER, LOSS)
    assert done.prediction is not None
    inside_grid = replace(
        CONDITIONS, lowest_rate=done.prediction.low / 2, highest_rate=done.prediction.high * 2
    )
    assert not any("not tried at any size" in each for each in sentences(done, inside_grid))
    beyond = replace(inside_grid, highest_rate=done.prediction.high / 1.1)
    said = " ".join(sentences(done, beyond))
    assert f"Rates above {number(beyond.highest_rate, 2)} were not tried" in said
    tried = pd.DataFrame({"rate": [done.prediction.high * 1.5]})
    with_penalty = replace(done, penalty=SimpleNamespace(tried=tried))
    assert _untried(done.prediction, done, beyond) != []
    assert _untried(done.prediction, with_penalty, beyond) == []


@pytest.mark.parametrize("nearer", [1, 2])
def test_of_rates_with_one_mean_the_best_is_that_beside_the_optimum(nearer: int) -> None:
    """Both are the lowest of the grid; the table names a rate between them."""
    rates, means = np.array([0.001, 0.003, 0.01, 0.03]), np.array([2.0, 1.0, 1.0, 2.0])
    assert _lowest(rates, means, 1.1 * rates[nearer]) == nearer


@pytest.mark.parametrize(("apart", "doubled"), [(2.0, True), (3.7, False)])
def test_rates_far_from_half_and_twice_are_not_called_so(apart: float, doubled: bool) -> None:
    """A coarse grid has none near them: the next ones are called what they are."""
    own, low, high = (Beside(rate, 0.5, 0, 5) for rate in (0.1, 0.1 / apart, 0.1 * apart))
    done = replace(found(frame(LAW), OVER, LOSS), off_by_two=(own, low, high))
    (said,) = [text for text in sentences(done, CONDITIONS) if "the best rate of the grid" in text]
    assert ("nearest to half of it" in said) is doubled
    assert ("the rate below it" in said) is not doubled


def test_configurations_to_try_do_not_stand_in_the_way_of_sizes() -> None:
    """A transfer trains its own grid: what the study would try first may have another size."""
    space = {"optimizer": "adam", "learning_rate": [1e-3, 1e-2], "model.width": [16, 32]}
    tried = {"optimizer": "adam", "learning_rate": 1e-3, "model.width": 16}
    asked = Study(name="t", search={"space": space, "try": [tried]})
    assert sized(asked, Over("model.width", (32, 64, 128), 256)).space.entries["model.width"].values == (
        32,
        64,
        128,
    )
