"""Ranking, learning rate, heat map, penalty and history against plain loops."""

import math
import statistics

import numpy as np
import pandas as pd
import pytest
from report_inputs import spoken
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.answer.rows import OWN, best_trials, label, leaderboard
from sweeper.questions import TABLES
from sweeper.questions.heatmap import heatmap
from sweeper.questions.history import QUESTION as HISTORY
from sweeper.questions.history import history
from sweeper.questions.isolation import QUESTION
from sweeper.questions.learning_rate import learning_rate
from sweeper.questions.penalty import penalty
from sweeper.questions.run_data import RunData


@pytest.fixture(scope="module")
def source(records: SyntheticRecords) -> RunData:
    """The made-up study."""
    return run_data(records.trials, records.curves, records.layers)


def search_rows(source: RunData) -> list[dict]:
    """Search trials as dicts, by number."""
    rows = source.trials.to_dict("records")
    return sorted((r for r in rows if r["phase"] != "confirm"), key=lambda r: r["trial"])


def small_source(rows: list[tuple]) -> RunData:
    """(trial, outcome, objective, optimizer, lr, penalty), activation relu, initial loss 2."""
    columns = ["trial", "outcome", "objective", "optimizer", "learning_rate", "activation_penalty"]
    trials = pd.DataFrame(rows, columns=columns).assign(
        phase="explore", seed=0, steps=10, seconds=1.0, engine="reference", reason="", activation="relu"
    )
    curves = pd.DataFrame(
        [(r[0], 0, 0, "validation_loss", 2.0) for r in rows],
        columns=["trial", "seed", "step", "metric", "value"],
    )
    layers = pd.DataFrame(columns=["trial", "seed", "step", "layer", "measure", "value"])
    return run_data(trials, curves, layers.astype({"value": float}))


def test_best_trials_are_the_completed_ones_with_the_lowest_objective(source: RunData) -> None:
    """Pruned, diverged, failed and confirm rows never rank."""
    done = [r for r in search_rows(source) if r["outcome"] == "completed"]
    expected = [r["trial"] for r in sorted(done, key=lambda r: r["objective"])[:7]]
    best = best_trials(source.trials, 7)
    assert best["trial"].tolist() == expected
    assert set(best["phase"]) <= {"explore", "exploit"}


def test_ties_in_rank_go_to_the_lower_number() -> None:
    """Equal objectives keep the order of the search."""
    made = small_source([(k, "completed", 0.5, "sgd", 0.1, 0.0) for k in (4, 1, 3)])
    assert best_trials(made.trials, 2)["trial"].tolist() == [1, 3]


def test_leaderboard_leaves_out_parameters_nobody_has(source: RunData) -> None:
    """Ranks count from 1, and a column that is null for all shown trials is not shown."""
    board = leaderboard(source.trials.assign(betas=np.nan), 5)
    assert board["rank"].tolist() == [1, 2, 3, 4, 5]
    assert "betas" not in board
    assert {"optimizer", "learning_rate", "activation", "activation_penalty"} <= set(board)


def test_label_names_what_the_trial_has() -> None:
    """No penalty and no activation leave no empty words behind."""
    row = {
        "trial": 3,
        "optimizer": "adam",
        "activation": None,
        "learning_rate": 0.00301,
        "activation_penalty": 0.0,
    }
    assert label(row) == "#3 adam, lr 0.003"
    assert label({**row, "activation": OWN}) == "#3 adam, lr 0.003"
    assert (
        label({**row, "activation": "gelu", "activation_penalty": 2e-4})
        == "#3 adam, gelu, lr 0.003, penalty 2e-4"
    )
    own = {"model.hidden_size": 48, "training.batch_size": 64.0, "schedule": "cosine"}
    assert label({**row, **own}) == "#3 adam, lr 0.003, cosine, hidden_size 48, batch size 64"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"momentum": 0.999}, ", momentum 0.999"),
        ({"betas": "[0.9, 0.99]", "eps": 1e-8}, ", betas (0.9, 0.99), eps 1e-8"),
        ({"betas": None, "momentum": np.nan, "weight_decay": 0.0}, ""),
        ({"nesterov": True, "weight_decay": 1e-3}, ", nesterov, decay 0.001"),
        ({"nesterov": False, "dampening": 0.0}, ", dampening 0"),
        ({"activation_penalty": 0.01, "penalty_kind": "l1"}, ", l1 penalty 0.01"),
        ({"activation_penalty": 0.0, "penalty_kind": "l1"}, ""),
        ({"model.channels": "[8, 16]"}, ", channels (8, 16)"),
    ],
)
def test_label_names_options_of_the_optimizer(settings: dict, words: str) -> None:
    """Two trials that differ in an option alone have different labels; what is off is left out."""
    row = {"trial": 3, "optimizer": "sgd", "activation": None, "learning_rate": 0.1}
    assert label({**row, **settings}) == f"#3 sgd, lr 0.1{words}"


def test_losses_are_capped_at_the_start() -> None:
    """A trial that diverged, or ended above its initial loss, counts as one that learned nothing."""
    made = small_source(
        [
            (0, "completed", 0.5, "sgd", 0.1, 0.0),
            (1, "diverged", np.nan, "sgd", 0.9, 0.0),
            (2, "completed", 7.0, "sgd", 0.01, 0.0),
            (3, "failed", np.nan, "sgd", 0.3, 0.0),
        ]
    )
    table = learning_rate(made).set_index("trial")
    assert table["loss"].to_dict() == {2: 2.0, 0: 0.5, 1: 2.0}
    assert table["capped"].to_dict() == {2: True, 0: False, 1: True}


def test_a_trial_without_a_start_takes_the_median_start() -> None:
    """A trial that left no curve is capped at the median initial loss of the others."""
    made = small_source(
        [(k, "completed", 0.5, "sgd", 0.1, 0.0) for k in range(3)] + [(3, "diverged", np.nan, "sgd", 1, 0)]
    )
    curves = made.curves.assign(value=[1.0, 2.0, 6.0, 9.0]).head(3)
    table = learning_rate(run_data(made.trials, curves, made.layers)).set_index("trial")
    assert table.loc[3, "loss"] == 2.0


def test_the_cap_follows_the_objective() -> None:
    """With the validation error as objective the start is 1 - accuracy at step 0."""
    made = small_source([(0, "diverged", np.nan, "sgd", 0.1, 0.0)])
    curves = made.curves.assign(metric="validation_accuracy", value=0.1)
    table = learning_rate(
        run_data(made.trials, curves, made.layers, search={"objective": "validation_error"})
    )
    assert table["loss"].tolist() == [pytest.approx(0.9)]


def test_best_of_each_half_decade(source: RunData) -> None:
    """One trial per optimizer and half decade is marked: the lowest there of those that completed."""
    table = learning_rate(source)
    for _, rows in table.groupby(["optimizer", "bin_low"]):
        done = rows[rows["outcome"] == "completed"]
        assert rows["best_in_bin"].sum() == min(len(done), 1)
        assert rows.loc[rows["best_in_bin"], "loss"].tolist() == done["loss"].nsmallest(1).tolist()
    for row in table.to_dict("records"):
        assert row["bin_low"] <= row["learning_rate"] * (1 + 1e-9)
        assert row["learning_rate"] < row["bin_high"] * (1 + 1e-9)
        assert row["bin_high"] / row["bin_low"] == pytest.approx(math.sqrt(10))


def test_a_rate_on_the_edge_starts_a_bin() -> None:
    """Powers of ten belong to the half decade above, rounding or not."""
    rates = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0]
    made = small_source([(k, "completed", 0.5, "sgd", rate, 0.0) for k, rate in enumerate(rates)])
    assert learning_rate(made)["bin_low"].tolist() == pytest.approx(rates)


def test_a_rate_at_the_upper_bound_ends_the_last_bin() -> None:
    """Each optimizer's highest rate is in the half decade that was searched, not alone beyond its range."""
    trials = [("sgd", 0.05), ("sgd", 0.1), ("adam", 5e-3), ("adam", 0.01), ("adam", 0.1), ("adam", 0.2)]
    made = small_source([(k, "completed", 0.5, *one, 0.0) for k, one in enumerate(trials)])
    half = 10**-1.5
    lows = [half / 10, 0.01, 0.1, 0.1, half, half]
    assert learning_rate(made)["bin_low"].tolist() == pytest.approx(lows)


def test_heatmap_counts_every_pair(source: RunData) -> None:
    """Best, completed, diverged and all trials of a pair equal a plain loop over the records."""
    table = heatmap(source)
    assert len(table) == 16
    for cell in table.to_dict("records"):
        rows = [
            r
            for r in search_rows(source)
            if (r["optimizer"], r["activation"]) == (cell["optimizer"], cell["activation"])
        ]
        done = [r["objective"] for r in rows if r["outcome"] == "completed"]
        assert cell["trials"] == len(rows)
        assert cell["completed"] == len(done)
        assert cell["diverged"] == sum(r["outcome"] == "diverged" for r in rows)
        assert cell["best"] == min(done) if done else math.isnan(cell["best"])


def test_one_optimizer_alone_makes_no_pairs() -> None:
    """Its activations are compared with each other, and no heading speaks of optimizers."""
    made = small_source([(0, "completed", 0.5, "sgd", 0.1, 0.0), (1, "completed", 0.4, "sgd", 0.1, 0.0)])
    trials = made.trials.assign(activation=["relu", "tanh"])
    assert heatmap(run_data(trials, made.curves, made.layers)).empty
    assert "optimizer" not in QUESTION.question


def test_heatmap_has_a_place_for_pairs_never_tried() -> None:
    """A pair that does not occur stands there with 0 trials and no best."""
    made = small_source([(0, "completed", 0.5, "sgd", 0.1, 0.0), (1, "completed", 0.4, "adam", 0.1, 0.0)])
    trials = made.trials.assign(activation=["relu", None])
    own = {"model": {"source": "package.module:function"}}
    run = run_data(trials, made.curves, made.layers, sections=own)
    table = heatmap(run).set_index(["optimizer", "activation"])
    assert table["trials"].to_dict() == {
        ("adam", OWN): 1,
        ("adam", "relu"): 0,
        ("sgd", OWN): 0,
        ("sgd", "relu"): 1,
    }
    assert table["best"].isna().sum() == 2


def test_penalty_bins_are_medians_of_decades_with_zeros_apart(source: RunData) -> None:
    """Every bin's median and count equal a plain loop; exact zeros have their own bin."""
    table = penalty(source)
    bins: dict[float, list[float]] = {}
    for r in search_rows(source):
        if r["outcome"] == "completed":
            weight = r["activation_penalty"]
            bins.setdefault(10.0 ** math.floor(math.log10(weight)) if weight else 0.0, []).append(
                r["objective"]
            )
    found = table.drop_duplicates("bin_low")
    assert (10.0 ** np.floor(np.log10(found["bin_low"].iloc[1:]))).tolist() == pytest.approx(sorted(bins)[1:])
    tried = table.groupby("bin_low")["activation_penalty"]
    assert (tried.min().tolist(), tried.max().tolist()) == (
        found["bin_low"].tolist(),
        found["bin_high"].tolist(),
    )
    assert found["bin_objective"].tolist() == pytest.approx(
        [statistics.median(bins[k]) for k in sorted(bins)]
    )
    assert found["bin_trials"].tolist() == [len(bins[k]) for k in sorted(bins)]
    assert found["bin_high"].iloc[0] == 0


def test_activation_size_is_the_root_mean_square_over_layers() -> None:
    """sqrt of the mean over layers of mean² + std², at the last measured step: hand-computed."""
    made = small_source([(0, "completed", 0.5, "sgd", 0.1, 0.0), (1, "completed", 0.4, "sgd", 0.1, 1e-3)])
    rows = [
        (0, 0, 0, 0, "activation_mean", 9.0),
        (0, 0, 0, 0, "activation_std", 9.0),
        (0, 0, 5, 0, "activation_mean", 3.0),
        (0, 0, 5, 0, "activation_std", 4.0),
        (0, 0, 5, 1, "activation_mean", 0.0),
        (0, 0, 5, 1, "activation_std", 1.0),
    ]
    layers = pd.DataFrame(rows, columns=made.layers.columns)
    table = penalty(run_data(made.trials, made.curves, layers)).set_index("trial")
    assert table.loc[0, "activation_size"] == pytest.approx(math.sqrt((25 + 1) / 2))
    assert math.isnan(table.loc[1, "activation_size"])


def test_history_keeps_the_best_so_far(source: RunData) -> None:
    """Only completed trials lower the best, and every search trial has its row."""
    best, expected = math.inf, []
    for r in search_rows(source):
        best = min(best, r["objective"]) if r["outcome"] == "completed" else best
        expected.append(best if best < math.inf else math.nan)
    table = history(source)
    np.testing.assert_array_equal(table["best_so_far"], expected)
    assert table["trial"].tolist() == [r["trial"] for r in search_rows(source)]


def test_a_pruned_trial_does_not_lower_the_best() -> None:
    """Its loss at the rung is no result."""
    made = small_source([(0, "completed", 0.5, "sgd", 0.1, 0.0), (1, "pruned", 0.1, "sgd", 0.1, 0.0)])
    assert history(made)["best_so_far"].tolist() == [0.5, 0.5]


def test_all_diverged_leaves_only_the_learning_rates() -> None:
    """Where no trial completed, tables of scores are empty and none raises; learning rates still show it."""
    made = small_source([(k, "diverged", np.nan, "sgd", 0.1 * (k + 1), 0.1 * k) for k in range(3)])
    sizes = {name: len(table(made)) for name, table in TABLES.items()}
    assert {name: size for name, size in sizes.items() if size} == {
        "learning_rate": 3,
        "leaderboard": 3,
        "reasons": 1,
        "divergence": 2,  # the optimizer, and its one activation
        "curve_classes": 3,
        "curve_summary": 1,
        "learning_curves": 3,  # one point each
    }


def test_no_records_give_empty_tables() -> None:
    """A run that has just begun has frames without rows."""
    made = small_source([(0, "completed", 0.5, "sgd", 0.1, 0.0)])
    nothing = run_data(made.trials.head(0), made.curves.head(0), made.layers)
    assert {name for name, table in TABLES.items() if len(table(nothing))} == set()


def test_no_table_changes_the_records(records: SyntheticRecords) -> None:
    """Tables read; the frames they are given stay as they were."""
    before = [frame.copy(deep=True) for frame in (records.trials, records.curves, records.layers)]
    for table in TABLES.values():
        table(run_data(records.trials, records.curves, records.layers))
    for frame, copy in zip((records.trials, records.curves, records.layers), before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


@pytest.mark.parametrize(("last", "more"), [(0.5 - 1e-9, False), (0.4, True)])
def test_a_gain_that_no_digit_shows_asks_for_no_more_trials(last: float, more: bool) -> None:
    """A best of the last trial asks for more where its score reads otherwise than that of an early one."""
    scores = [0.9, 0.5, *[0.8] * 17, last]
    made = small_source([(k, "completed", score, "sgd", 0.1, 0.0) for k, score in enumerate(scores)])
    said = spoken(HISTORY.sentences(made, {"history": history(made)}))[0]
    assert ("so more trials may find better" in said) is more
    assert ("trial #1 had scored the same" in said) is not more


@pytest.mark.parametrize("offset", [0.0, 2.6e18])
def test_scores_that_an_offset_makes_look_alike_are_not_called_the_same(offset: float) -> None:
    """Losses of targets of 10⁹ all begin with the same digits; the best gained all that there is to gain."""
    falls = [0.0, 1e13, *[0.0] * 16, 1e15, 3e15]
    scores = [offset + 4e15 - fall for fall in falls]
    phases = ["explore"] * 10 + ["exploit"] * 10
    made = small_source([(k, "completed", score, "sgd", 0.1, 0.0) for k, score in enumerate(scores)])
    made = run_data(made.trials.assign(phase=phases), made.curves, made.layers)
    said = " ".join(spoken(HISTORY.sentences(made, {"history": history(made)})))
    assert "so more trials may find better" in said
    assert "both reached" not in said
    assert "Exploration alone reached" in said
