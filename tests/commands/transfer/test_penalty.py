"""The activation penalty of a transfer: what is tried, what is said of it, and what cannot be told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from report_inputs import made_study
from transfers import CONDITIONS, LAW, LOSS, OVER, frame

import sweeper
from sweeper.commands.transfer import journey
from sweeper.commands.transfer.page import card, write_page
from sweeper.commands.transfer.penalty import (
    FACTORS,
    TRIED,
    PenaltyPlan,
    chosen,
    fresh_trials,
    grid_trials,
    penalized,
    penalties,
    planned,
)
from sweeper.commands.transfer.penalty_figure import alt, draw
from sweeper.commands.transfer.penalty_words import penalty_sentences
from sweeper.commands.transfer.table import Found, found, to_dict
from sweeper.commands.transfer.trials import Over
from sweeper.commands.transfer.words import plan_line, print_transfer, sentences
from sweeper.drawing.png import png_bytes
from sweeper.errors import UserError
from sweeper.report.transferred import transferred
from sweeper.statistics import scaling
from sweeper.study.parameters import PENALTY as NAME
from sweeper.study.study import Study
from sweeper.study.template import template
from sweeper.to_json import to_json


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough draws for what is asked here."""
    monkeypatch.setattr(scaling, "DRAWS", 20)


PLAN = PenaltyPlan((1e-4, 1e-3, 1e-2, 1e-1), 0, 5, 10)
AUC = "validation_auc (higher is better)"
SIZES = (16, 32, 64, 128)


def study(penalty: Any = None) -> Study:
    """A small one that searches `penalty`."""
    space: dict[str, Any] = {"optimizer": ["adam"], "learning_rate": {"low": 1e-3, "high": 1.0, "log": True}}
    space |= {} if penalty is None else {NAME: penalty}
    return Study(name="small", data="wine", model={"source": "mlp", "width": 4}, search={"space": space})


def loss_at(weight: float, best: float | None, gain: float) -> float:
    """1 without a penalty, 1 − `gain` at the weight `best`, and a parabola of its logarithm about it."""
    if weight == 0:
        return 1.0
    return 1.0 if best is None else 1 - gain + 0.1 * np.log10(weight / best) ** 2


def trained(
    best: dict[int, float | None], *, gain: float = 0.1, noise: float = 0.01, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Grid and fresh trainings of sizes whose penalty helps most at `best`; ``None``: it does nothing."""
    generator, rows = np.random.default_rng(seed), []
    for size, place in best.items():
        for weight in (0.0, *PLAN.weights):
            for factor in FACTORS:
                for each in range(PLAN.seeds):
                    value = loss_at(weight, place, gain) + abs(np.log(factor)) + generator.normal(0, noise)
                    rows.append((size, weight, factor * 0.1, each, False, "completed", value))
    grid, fresh = pd.DataFrame(rows, columns=TRIED), []
    for row in chosen(grid, LOSS).to_dict("records"):
        for weight in (row["weight"], 0.0):
            for each in range(5, 5 + PLAN.fresh_seeds):
                value = loss_at(weight, best[row["size"]], gain) + generator.normal(0, noise)
                fresh.append((row["size"], weight, 0.1, each, True, "completed", value))
    return grid, pd.DataFrame(fresh, columns=TRIED)


def told(best: dict[int, float | None], **options: Any) -> Found:
    """All that is found where rates follow a law and the penalty does as `best` says."""
    return Found(**{**vars(found(frame(LAW), OVER, LOSS)), "penalty": of_penalty(best, **options)})


def of_penalty(best: dict[int, float | None], **options: Any) -> Any:
    """What is found of the penalty."""
    return penalties(PLAN, OVER, *trained(best, **options), LOSS)


HELPS: dict[int, float | None] = {size: 0.16 / size for size in SIZES}
NOTHING: dict[int, float | None] = dict.fromkeys(SIZES)


def test_a_penalty_that_helps_is_told_and_predicted() -> None:
    """At each size the weight, the gain with its interval; then the weight at another size, and its check."""
    done = of_penalty(HELPS)
    assert list(done.best["verdict"]) == ["better"] * 4
    assert done.best["weight"].to_numpy() == pytest.approx([0.16 / size for size in SIZES], rel=0.3)
    assert (done.best["difference_low"] < -0.09).all()
    assert (done.best["difference_high"] < 0).all()
    assert done.prediction is not None
    assert done.prediction.low < 0.16 / 512 < done.prediction.high
    assert done.check is not None
    assert done.check.low < 0.16 / 128 < done.check.high
    said = " ".join(penalty_sentences(done, CONDITIONS))
    assert "At model.width 16 an activation penalty of" in said
    assert "Predicted penalty for model.width 512" in said
    assert "Check of the penalty at 128" in said


def test_without_an_effect_none_is_told_and_nothing_predicted() -> None:
    """The sentence gives what the intervals leave open."""
    done = of_penalty(NOTHING)
    assert list(done.best["verdict"]) == ["open"] * 4
    assert done.prediction is None
    (said,) = penalty_sentences(done, replace(CONDITIONS, check=None))
    assert said.startswith("No effect of the activation penalty can be told at these sizes (model.width 16,")
    assert "10 fresh seeds each" in said


def test_fresh_seeds_do_not_find_what_is_not_there() -> None:
    """Where no penalty does anything, some size is told otherwise in at most about 5 % of transfers."""
    wrong = [
        set(of_penalty(dict.fromkeys(SIZES), noise=0.05, seed=seed).best["verdict"]) != {"open"}
        for seed in range(40)
    ]
    assert sum(wrong) <= 6  # 2 expected; the seeds of the grid would tell one in nearly every transfer


def test_a_best_weight_needs_three_sizes_to_be_predicted() -> None:
    """Helping at two is told, and why nothing is predicted."""
    done = of_penalty({**NOTHING, 64: 1e-3, 128: 1e-3})
    assert list(done.best["verdict"])[2:] == ["better", "better"]
    assert done.prediction is None
    said = penalty_sentences(done, replace(CONDITIONS, check=None))
    assert any("can be told at model.width 16 and 32" in text for text in said)
    assert said[-1].startswith("No penalty is predicted for model.width 512: 2 sizes have a best weight")


def test_what_fails_is_not_called_diverged() -> None:
    """A fresh training that failed, and has no row, leaves its pair out; one of the grid, its rate."""
    grid, fresh = trained(HELPS)
    kept = penalties(PLAN, OVER, grid, fresh, LOSS).best
    one = fresh.index[fresh["size"] == 16][:1]
    two = grid.index[(grid["size"] == 16) & (grid["weight"] > 0)][:1]
    done = penalties(PLAN, OVER, grid.drop(two), fresh.drop(one), LOSS).best
    assert list(done["verdict"]) == list(kept["verdict"])
    assert int(done["seeds"].iloc[0]) == int(kept["seeds"].iloc[0]) - 1
    assert int(done["diverged"].sum()) == 0


@pytest.mark.parametrize(
    ("helps", "why"),
    [
        ((), "no best weight that is known to a factor of 10 and better than none was found there"),
        ((16, 32, 64), "no best weight that is known to a factor of 10 and better than none was found there"),
        (
            (64, 128),
            "only 1 other size has a best weight that is known to a factor of 10 and better than none, 3",
        ),
        (
            (16, 32, 128),
            "only 2 other sizes have a best weight that is known to a factor of 10 and better than",
        ),
    ],
)
def test_a_check_of_the_penalty_that_checks_nothing_says_why(helps: tuple[int, ...], why: str) -> None:
    """Whether a penalty is predicted or not, what was asked for is answered, once."""
    done = of_penalty({size: 1e-3 if size in helps else None for size in SIZES})
    assert done.check is None
    (said,) = [
        text for text in penalty_sentences(done, CONDITIONS) if text.startswith("Check of the penalty at 128")
    ]
    assert why in said
    assert said.endswith("so it checks nothing.")


def test_a_penalty_that_is_worse_is_not_shown_to_help() -> None:
    """A negative gain; the rate of each setting is told, as it may be the reason. On the card the weight that
    the rates were measured with stands beside this, and is no setting to use."""
    done = of_penalty(dict.fromkeys(SIZES, 1e-3), gain=-0.1)
    assert set(done.best["verdict"]) == {"worse"}
    said = penalty_sentences(done, CONDITIONS)[0]
    assert said.startswith(
        "At model.width 16 no penalty is shown to help: the best setting of the grid with one"
    )
    assert "at a rate of 0.1, is worse than none at 0.1" in said
    whole = Found(**{**vars(told(NOTHING)), "penalty": done})
    shown = [card(whole, replace(CONDITIONS, held={NAME: weight})) for weight in (7.397e-5, 0.0)]
    assert [(each.settings, each.facts[-1].value) for each in shown] == [({}, "not shown to help")] * 2
    ends = [each.facts[-1].meaning.rpartition("; the rates were measured ")[2] for each in shown]
    assert ends == ["with 7.4e-5", "without"]


def test_scores_to_maximise_keep_their_direction() -> None:
    """A better score is a higher one; the weights are the same."""
    grid, fresh = trained(HELPS)
    turned = [part.assign(objective=1.5 - part["objective"]) for part in (grid, fresh)]
    losses, scores = penalties(PLAN, OVER, grid, fresh, LOSS), penalties(PLAN, OVER, *turned, AUC)
    assert scores.best["weight"].to_numpy() == pytest.approx(losses.best["weight"].to_numpy())
    assert scores.best["difference"].to_numpy() == pytest.approx(-losses.best["difference"].to_numpy())
    assert list(scores.best["verdict"]) == list(losses.best["verdict"])
    assert scores.curves["mean"].to_numpy() == pytest.approx(1.5 - losses.curves["mean"].to_numpy())


def test_losses_close_to_0_are_drawn() -> None:
    """The best mean is a thousandth of the worst, so the axis is logarithmic and must stay above 0."""
    grid, fresh = trained(HELPS)
    means = penalties(PLAN, OVER, grid, fresh, LOSS).curves["mean"]
    low = [
        part.assign(objective=part["objective"] - means.min() + 1e-3 * (means.max() - means.min()))
        for part in (grid, fresh)
    ]
    figure = draw(penalties(PLAN, OVER, *low, LOSS), CONDITIONS)
    assert figure.axes[0].get_yscale() == "log"
    assert png_bytes(figure)[:4] == b"\x89PNG"


def test_what_diverges_is_not_compared() -> None:
    """One fresh training that diverged, and a size at which every penalty does."""
    grid, fresh = trained(HELPS)
    fresh.loc[0, "objective"] = np.nan
    grid.loc[(grid["size"] == 32) & (grid["weight"] > 0), "objective"] = np.nan
    done = penalties(PLAN, OVER, grid, fresh[fresh["size"] != 32], LOSS)
    assert list(done.best["verdict"])[:2] == ["diverged", "nothing"]
    said = penalty_sentences(done, CONDITIONS)
    assert "At model.width 16 the penalty is not compared: 1 of 20 trainings on fresh seeds diverged." in said
    assert (
        "At model.width 32 the penalty is not compared: fewer than two pairs on fresh seeds completed."
        in said
    )
    assert png_bytes(draw(done, CONDITIONS))[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("penalty", "wanted", "weights"),
    [
        (None, None, None),
        ([0.0], None, None),
        ({"low": 1e-3, "high": 1e-1, "log": True, "zero": 0.3}, 3, (1e-3, 1e-2, 1e-1)),
        ([0.0, 0.5, 0.1], None, (0.1, 0.5)),
        (None, 3, (1e-4, 1e-2, 1.0)),
        ({"low": 1e-3, "high": 1e-1, "log": True}, 0, None),
    ],
)
def test_weights_are_those_of_the_study(
    penalty: Any, wanted: int | None, weights: tuple[float, ...] | None
) -> None:
    """Its range, its list, or the usual range where one is asked for that it does not search."""
    plan = planned(study(penalty), "adam", 5, wanted)
    assert (plan and plan.weights) == (weights and pytest.approx(weights))
    if plan is not None:
        space = penalized(study(penalty), "adam", plan).space
        assert space.entry(NAME, "adam") is not None
        assert plan.fresh_seeds == 10


def test_too_few_weights_are_refused() -> None:
    """With the option, the value and what is allowed."""
    with pytest.raises(UserError, match="--penalties 2: allowed: 0, which tries no penalty, or 3 and more"):
        planned(study(), "adam", 5, 2)


def test_the_usual_range_is_that_of_new_study_files() -> None:
    """What `init` writes and what a transfer tries where nobody says are the same."""
    assert f"{NAME} = {{ low = 1e-4, high = 1.0, log = true" in template("s", "s.toml")
    assert planned(study(), "adam", 5, 3) == PenaltyPlan((1e-4, pytest.approx(1e-2), 1.0), 0, 5, 10)


def test_the_grid_has_zero_and_the_best_is_trained_on_other_seeds() -> None:
    """Both at the rates of each size; a size where every rate diverged has no penalty."""
    optima = pd.DataFrame({"size": [8, 16], "rate": [0.1, float("nan")]})
    over = Over("model.width", (8, 16, 32), 64)
    grid = grid_trials(over, {"optimizer": "adam"}, PLAN, optima, 7)
    assert [trial.number for trial in grid] == list(range(7, 7 + 5 * len(FACTORS) * 5))
    assert {t.parameters[NAME] for t in grid} == {0.0, *PLAN.weights}
    assert {t.parameters["learning_rate"] for t in grid} == {0.05, 0.1, 0.2}
    picked, number = chosen(trained({8: 1e-2})[0], LOSS), len(grid)
    fresh = fresh_trials(over, {}, PLAN, picked, number)
    assert {t.seed for t in fresh} == set(range(5, 15))
    assert {t.parameters[NAME] for t in fresh} == {0.0, float(picked["weight"].iloc[0])}
    line = plan_line(360, 3, 24, 5, PLAN)
    assert "then 285 for the penalty" in line
    assert PLAN.trainings(1) == len(grid) + len(fresh)


@pytest.mark.parametrize("best", [HELPS, NOTHING])
def test_page_terminal_figure_and_json_say_the_same(
    best: dict[int, float | None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one result; the page of the run takes figure and table in, with the files they link to."""
    done, conditions = told(best), replace(CONDITIONS, study="made")
    said = sentences(done, conditions)
    write_page(tmp_path, frame(LAW), done, conditions)
    (tmp_path / "transfer_penalty.png").write_bytes(png_bytes(draw(done.penalty, conditions)))  # type: ignore[arg-type]
    (beside,) = transferred(made_study(), tmp_path)
    assert list(beside.section.sentences[:-1]) == said
    assert set(beside.files) == {
        "tables/transfer.csv",
        "tables/transfer_penalty.csv",
        "figures/transfer_penalty.png",
    }
    assert [each.name for each in beside.section.grids] == ["transfer", "transfer_penalty"]
    print_transfer(done, conditions)
    printed = capsys.readouterr().out
    assert all(text in printed for text in said)
    kept = json.loads(to_json(to_dict(done, conditions)))["penalty"]
    assert [row["verdict"] for row in kept["sizes"]] == list(done.penalty.best["verdict"])  # type: ignore[union-attr]
    assert (kept["prediction"] is None) == (best is NOTHING)
    assert "16: " in alt(done.penalty, conditions)  # type: ignore[arg-type]


def test_a_transfer_of_before_the_penalty_is_still_taken_in(tmp_path: Path) -> None:
    """Its table and words stood at the top of ``transfer.json``."""
    old = {"study": "made", "question": "?", "sentences": ["!"], "rows": [{"size": 1}], "caption": "c"}
    (tmp_path / "transfer.json").write_text(json.dumps({**old, "alt": "a", "how": ["h"]}))
    (beside,) = transferred(made_study(), tmp_path)
    assert beside.section.sentences == ("!",)
    assert set(beside.files) == {"tables/transfer.csv"}


def test_a_study_trains_its_penalties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grid and fresh seeds at each size; where none is tried, the figure of an earlier transfer goes."""
    asked = Study(
        name="small",
        data="wine",
        model={"source": "mlp", "width": 4, "depth": 1},
        training={"steps": 4, "batch_size": 32, "evaluations": 1},
        search={"space": {"optimizer": ["adam"], NAME: [0.0, 1e-3, 1e-1], "learning_rate": [1e-2]}},
    )
    done = sweeper.transfer(asked, "model.width", [2, 4, 8], 16, rates=7, seeds=3, jobs=1)
    penalty = done.found.penalty
    assert penalty is not None
    assert len(penalty.tried) == 3 * (3 * 3 * 3 + 2 * 6) == penalty.plan.trainings(3)
    assert set(penalty.tried.loc[penalty.tried["fresh"], "seed"]) == set(range(3, 9))
    monkeypatch.setattr(journey, "save_figure", lambda folder, name, draw: folder / f"{name}.png")
    (tmp_path / "transfer_penalty.png").touch()
    assert done.save(tmp_path) == tmp_path / "transfer.png"
    assert (tmp_path / "transfer_penalty.png").exists()
    replace(done, found=replace(done.found, penalty=None)).save(tmp_path)
    assert not (tmp_path / "transfer_penalty.png").exists()
