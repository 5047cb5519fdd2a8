"""What an activation penalty does: regression, effects with known truth, and the Keras convention."""

import math

import numpy as np
import pandas as pd
import pytest
from report_inputs import made_input, sentences_of
from run_data import run_data, with_records
from synthetic_records import SyntheticRecords

from sweeper.components.penalties import PENALTIES, formula
from sweeper.questions import FIGURES
from sweeper.questions.penalty import penalty, penalty_bins
from sweeper.questions.penalty_effects import (
    COLUMNS,
    _of_quantity,
    penalty_data,
    penalty_effects,
)
from sweeper.questions.penalty_keras import keras_weights
from sweeper.questions.run_data import RunData
from sweeper.statistics.regression import fit

BEST = np.array([-0.5, -1.2, -2.6, -2.9])


@pytest.fixture(scope="module")
def source(records: SyntheticRecords) -> RunData:
    """The made-up study."""
    return run_data(records.trials, records.curves, records.layers)


def test_fit_equals_least_squares() -> None:
    """Coefficients and HC3 errors equal the textbook formula on all columns at once, dependent ones too."""
    rng = np.random.default_rng(0)
    asked, nuisance = rng.normal(size=(40, 2)), rng.normal(size=(40, 3))
    y = asked @ [1.0, -2.0] + nuisance @ [3.0, 0.5, 1.0] + rng.normal(size=40) * (1 + np.abs(asked[:, 0]))
    whole = np.concatenate([asked, nuisance], axis=1)
    inverse = np.linalg.inv(whole.T @ whole)
    beta = inverse @ whole.T @ y
    leverage = np.einsum("ij,jk,ik->i", whole, inverse, whole)
    meat = (whole * (((y - whole @ beta) / (1 - leverage)) ** 2)[:, None]).T @ whole
    errors = np.sqrt(np.diag(inverse @ meat @ inverse))
    dependent = np.concatenate([nuisance, nuisance[:, :1] * 2], axis=1)
    found = fit(y, asked, dependent)
    assert found is not None
    assert found.estimates == pytest.approx(beta[:2])
    assert found.errors == pytest.approx(errors[:2])
    assert found.freedom == 35


def test_fit_knows_what_it_cannot_tell() -> None:
    """A column inside the nuisance has no estimate; too few rows have no fit."""
    rng = np.random.default_rng(0)
    nuisance = rng.normal(size=(30, 2))
    asked = np.stack([nuisance[:, 0], rng.normal(size=30)], axis=1)
    found = fit(rng.normal(size=30), asked, nuisance)
    assert found is not None
    assert np.isnan(found.errors[0])
    assert np.isfinite(found.errors[1])
    assert fit(rng.normal(size=8), asked[:8], nuisance[:8]) is None


def invented(rng: np.random.Generator, trend: float, n: int = 120, kinds: bool = False) -> pd.DataFrame:
    """`penalty_data` of trials whose log loss changes by `trend` per decade of the weight, above 1e-6."""
    k = np.arange(n)
    rate, weight = rng.uniform(-4, 0, n), np.where(rng.random(n) < 0.25, 0, 10 ** rng.uniform(-6, -1, n))
    away = rate - BEST[k % 4]
    kind = np.where(rng.random(n) < 0.5, "l1", "l2") if kinds else np.full(n, "l2")
    loss = (
        np.array([0.6, 0.12, 0.1, 0.08, 0.1, 0.2])[k // 4 % 6]
        + 0.25 * away**2
        + 0.02 * rng.exponential(size=n)
    )
    decades = np.where(weight > 0, np.log10(np.maximum(weight, 1e-9)) + 6, 0)
    frame = {
        "trial": k,
        "optimizer": np.array(["sgd", "momentum", "adam", "rmsprop"])[k % 4],
        "activation": np.array(list("abcdef"))[k // 4 % 6],
        "learning_rate": 10**rate,
        "weight": weight,
        "kind": kind,
        "validation_loss": loss * np.exp(trend * decades + 0.3 * (kind == "l1") * (weight > 0)),
        "generalisation_gap": 0.1 * rng.normal(size=n),
    }
    return pd.DataFrame(frame)[away < 1.5].reset_index(drop=True)


def rows_of(data: pd.DataFrame, contrast: str, kind: str = "any") -> list[tuple]:
    """(effect, low, high) of the validation loss."""
    return [r[5:8] for r in _of_quantity(data, "validation_loss") if r[1] == contrast and r[2] == kind]


def test_no_effect_is_seldom_found_where_there_is_none() -> None:
    """In fewer than 8 % of 60 searches without an effect some decade, or the trend, is claimed."""
    rng, decades, trends = np.random.default_rng(0), 0, 0
    for _ in range(60):
        data = invented(rng, 0.0)
        decades += any(not low <= 0 <= high for _, low, high in rows_of(data, "vs zero"))
        trends += any(not low <= 0 <= high for _, low, high in rows_of(data, "per decade"))
    assert decades / 60 < 0.08
    assert trends / 60 < 0.08


def test_a_trend_is_found_with_its_size() -> None:
    """20 % more loss per decade (in the logarithm) is inside 90 % or more of intervals, and mostly found."""
    rng, hits, found = np.random.default_rng(1), 0, 0
    for _ in range(40):
        ((_, low, high),) = rows_of(invented(rng, 0.2), "per decade")
        hits += low <= np.expm1(0.2) <= high
        found += low > 0
    assert hits / 40 >= 0.90
    assert found / 40 > 0.9


def test_kinds_are_compared_at_the_same_weight() -> None:
    """l1 raises the loss by e^0.3 − 1 beside l2 in this data, and each kind has its own trend."""
    data = invented(np.random.default_rng(3), 0.1, n=400, kinds=True)
    ((effect, low, high),) = rows_of(data, "l1 vs l2")
    assert low <= np.expm1(0.3) <= high
    assert effect == pytest.approx(np.expm1(0.3), abs=0.1)
    assert len(rows_of(data, "per decade", "l1")) == len(rows_of(data, "per decade", "l2")) == 1


def test_without_zeros_the_lowest_decade_is_the_reference() -> None:
    """Where no trial is without penalty, decades are compared with the smallest weights."""
    data = invented(np.random.default_rng(0), 0.2)
    above = data[data["weight"] > 0].reset_index(drop=True)
    rows = list(_of_quantity(above, "validation_loss"))
    assert {r[1] for r in rows} == {"vs lowest", "per decade"}
    assert 1e-5 <= min(r[3] for r in rows if r[1] == "vs lowest") < 1e-4
    for _, contrast, _, low, high, *_, trials, _, _ in rows:
        tried = above["weight"].between(low, high)
        assert {low, high} <= set(above["weight"]), "weights that were tried, no ends of decades"
        assert int(tried.sum()) == trials, contrast


def test_losses_below_zero_are_compared_in_their_unit() -> None:
    """A logarithm of a negative loss does not exist: the change is absolute."""
    data = invented(np.random.default_rng(0), 0.0)
    rows = list(_of_quantity(data.assign(validation_loss=data["validation_loss"] - 1), "validation_loss"))
    assert {r[8] for r in rows} == {"absolute"}


@pytest.mark.parametrize(("zeros", "unit"), [(1, "relative"), (30, "absolute")])
def test_a_network_of_dead_units_does_not_change_the_unit_of_all(zeros: int, unit: str) -> None:
    """A few values of exactly 0 are left out; where many are, changes are told in the quantity's own unit."""
    data = invented(np.random.default_rng(0), 0.2)
    data.loc[data.index[:zeros], "validation_loss"] = 0.0
    rows = list(_of_quantity(data, "validation_loss"))
    assert {row[8] for row in rows} == {unit}
    known = list(_of_quantity(data.iloc[1:].reset_index(drop=True), "validation_loss"))
    assert (rows == known) == (unit == "relative")


def test_effects_on_the_made_up_study(source: RunData) -> None:
    """Activations were made to shrink with the weight, and that is what is found; columns are as promised."""
    table = penalty_effects(source)
    assert list(table.columns) == COLUMNS
    size = table[(table["quantity"] == "activation_size") & (table["contrast"] == "vs zero")]
    assert size["weight_low"].is_monotonic_increasing
    assert size["finding"].iloc[-1] == "lowers"
    assert (table["found"] == ((table["low"] > 0) | (table["high"] < 0))).all()
    assert set(table["finding"]) <= {"raises", "lowers", "no effect found"}


def test_data_equal_a_plain_loop(source: RunData) -> None:
    """Lowest validation loss, the gap at that point, and sparsity of ReLU alone."""
    data = penalty_data(source).set_index("trial")
    for trial, row in data.head(12).iterrows():
        curve = source.curves[(source.curves["trial"] == trial) & (source.curves["seed"] == 0)]
        wide = curve[curve["step"] > 0].pivot(index="step", columns="metric", values="value")
        best = wide["validation_loss"].idxmin()
        assert row["validation_loss"] == wide["validation_loss"].min()
        assert row["generalisation_gap"] == pytest.approx(
            wide.loc[best, "validation_loss"] - wide.loc[best, "train_loss"]
        )
        rows = source.layers[(source.layers["trial"] == trial) & (source.layers["measure"] == "saturated")]
        last = rows.loc[rows["step"] == rows["step"].max(), "value"].mean()
        assert row["sparsity"] == pytest.approx(last) or (
            row["activation"] != "relu" and math.isnan(row["sparsity"])
        )


def test_a_weight_that_was_not_varied_has_no_effects(source: RunData) -> None:
    """One weight for all trials leaves nothing to compare."""
    same = with_records(source, trials=source.trials.assign(activation_penalty=1e-3))
    assert penalty_effects(same).empty
    assert penalty_data(same).empty


def model(width: int, depth: int) -> dict[str, dict[str, object]]:
    """A study's ``[model]``."""
    return {"model": {"source": "mlp", "width": width, "depth": depth}}


def test_keras_weights_give_the_same_penalty(records: SyntheticRecords) -> None:
    """weight · mean a² equals keras_weight · (sum a² over units, over the batch), layer by layer."""
    trials = records.trials.assign(activation_penalty=0.03)
    table = keras_weights(run_data(trials, records.curves, records.layers, sections=model(64, 2)))
    assert table["size"].tolist() == [64, 64]
    rng = np.random.default_rng(0)
    for row in table.to_dict("records"):
        activations = rng.normal(size=(16, row["size"]))
        ours = row["weight"] * (activations**2).mean()
        assert row["keras_weight"] * (activations**2).sum() / 16 == pytest.approx(ours)
    assert table["kind"].tolist() == ["l2", "l2"]


def test_keras_weights_need_a_penalty_that_keras_has(records: SyntheticRecords) -> None:
    """No weight, no known sizes, or a penalty of its own kind: nothing to convert."""
    trials = records.trials.assign(activation_penalty=0.03)
    for changed, sections in (
        (trials.assign(activation_penalty=0.0), model(64, 1)),
        (trials, {"model": {"source": "linear"}}),
        (trials.assign(penalty_kind="temporal"), model(64, 1)),
    ):
        assert keras_weights(run_data(changed, records.curves, records.layers, sections=sections)).empty


def test_every_kind_has_its_own_decades_and_each_pair_is_compared() -> None:
    """Weights of unlike kinds are not pooled, whatever the kinds are called; one raises the loss, one does
    not."""
    rng = np.random.default_rng(5)
    data = invented(rng, 0.0, n=900)
    kind = np.array(["l1", "of my own", "temporal"])[rng.integers(0, 3, len(data))]
    strong = (kind == "of my own") & (data["weight"] > 0)
    data = data.assign(kind=kind, validation_loss=data["validation_loss"] * np.exp(1.0 * strong))
    rows = list(_of_quantity(data, "validation_loss"))
    assert {row[2] for row in rows if row[1] == "vs zero"} == {"l1", "of my own", "temporal"}
    assert {row[1] for row in rows} == {
        *("vs zero", "per decade"),
        *("l1 vs of my own", "l1 vs temporal", "of my own vs temporal"),
    }
    for _, contrast, name, *_, effect, low, high, _, _, _, _ in rows:
        if contrast == "vs zero":
            expected = np.expm1(1.0) if name == "of my own" else 0.0
            assert low - 0.1 <= expected <= high + 0.1
            assert (low > 0) is (name == "of my own")
        if contrast == "of my own vs temporal":
            assert effect == pytest.approx(np.expm1(1.0), rel=0.1)


def test_kinds_without_zeros_are_compared_with_their_own_lowest_weights() -> None:
    """The smallest weights of another kind are no reference."""
    data = invented(np.random.default_rng(6), 0.2, n=400, kinds=True)
    above = data[data["weight"] > 0].reset_index(drop=True)
    rows = [row for row in _of_quantity(above, "validation_loss") if row[1] == "vs lowest"]
    assert {row[2] for row in rows} == {"l1", "l2"}
    for kind in ("l1", "l2"):
        assert 1e-5 <= min(row[3] for row in rows if row[2] == kind) < 1e-4


def test_the_penalties_of_the_study_are_explained_and_no_others(records: SyntheticRecords) -> None:
    """Formulas are those of the kinds that were tried; several kinds are compared with each other."""
    alternate = np.where(records.trials["trial"] % 3 > 0, "l1", "temporal")
    for kinds, said, unsaid in (
        (None, ("l2 penalty is its weight × the mean a² over",), ("mean |a|", "a[t+1]")),
        (alternate, ("l1 penalty is its weight × the mean |a| over", "(a[t+1] − a[t])²"), ("mean a²",)),
    ):
        trials = records.trials if kinds is None else records.trials.assign(penalty_kind=kinds)
        text = sentences_of(made_input(SyntheticRecords(trials, records.curves, records.layers)), "penalty")
        assert all(words in text["penalty"] for words in said)
        assert not any(words in text["penalty"] for words in unsaid)
        assert ("l1 against temporal at the same weight" in text["penalty"]) is (kinds is not None)


def test_bins_of_kinds_are_apart(records: SyntheticRecords) -> None:
    """Each kind has its decades, all beside the trials without penalty; the figure has medians of each."""
    kinds = np.where(records.trials["trial"] % 2 > 0, "l1", "temporal")
    run = run_data(records.trials.assign(penalty_kind=kinds), records.curves, records.layers)
    bins = penalty_bins(run)
    assert bins["kind"].tolist() == sorted(bins["kind"], key=lambda kind: (kind != "none", kind))
    assert bins["compared"].tolist()[0] == "reference"
    table = penalty(run)
    for row in bins[bins["kind"] != "none"].to_dict("records"):
        part = table[(table["kind"] == row["kind"]) & (table["bin_low"] == row["weight_low"])]
        assert (row["median"], row["trials"]) == (pytest.approx(part["objective"].median()), len(part))
    entries = [text.get_text() for text in FIGURES["penalty"].draw(table).legends[0].get_texts()]
    assert {"median per decade of l1", "median per decade of temporal"} <= set(entries)
    assert (
        len(FIGURES["penalty_effects"].draw(penalty_effects(run)).axes)
        == penalty_effects(run).query("contrast == 'vs zero'").groupby(["quantity", "kind"]).ngroups
    )


def test_the_objective_is_told_first(records: SyntheticRecords) -> None:
    """Where a score ranks trials, whether the penalty helps is told of that score, in its own unit."""
    trials = records.trials.assign(objective=1 - records.trials["objective"])
    run = run_data(trials, records.curves, records.layers, search={"objective": "validation_auc"})
    table = penalty_effects(run)
    assert table["quantity"].iloc[0] == "validation_auc"
    assert set(table.loc[table["quantity"] == "validation_auc", "unit"]) == {"absolute"}
    assert sentences_of(run, "penalty")["penalty"].startswith("Validation AUC")


@pytest.mark.parametrize("kind", PENALTIES)
def test_every_penalty_has_a_formula(kind: str) -> None:
    """What its docstring begins with can stand in a sentence of the page."""
    assert formula(kind).startswith("mean ")
