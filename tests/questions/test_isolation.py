"""Best over nuisance: the expected best of equally many trials."""

import re
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from run_data import run_data
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.claims import OPEN, best_values
from sweeper.answer.ranked import LOSS
from sweeper.answer.rows import as_texts, by_size
from sweeper.questions import FIGURES, QUESTIONS
from sweeper.questions.heatmap import heatmap
from sweeper.questions.isolation import EVIDENCE, _lead, _of_parameter, _trials_of, isolation, sentences
from sweeper.questions.losses import capped_losses
from sweeper.questions.run_data import RunData
from sweeper.report.grid import grid
from sweeper.statistics.best_of_several import expected_best, subset_weights
from sweeper.wording import shown


@pytest.fixture(scope="module")
def source(records: SyntheticRecords) -> RunData:
    """The made-up study."""
    return run_data(records.trials, records.curves, records.layers)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (5, 1), (5, 2), (7, 7), (8, 3)])
def test_expected_best_is_the_mean_over_all_subsets(n: int, k: int) -> None:
    """The closed form equals the mean lowest loss of every subset, one by one."""
    losses = np.random.default_rng(n).exponential(size=n)
    plain = np.mean([min(chosen) for chosen in combinations(losses, k)])
    assert expected_best(losses, k)[0] == pytest.approx(plain)
    assert subset_weights(n, k).sum() == pytest.approx(1)


def test_more_trials_of_a_value_are_no_advantage() -> None:
    """Drawn from one distribution, 12 and 60 trials have the same expected best of 4, on average."""
    rng = np.random.default_rng(0)
    few = np.mean([np.sort(rng.exponential(size=12)) @ subset_weights(12, 4) for _ in range(2000)])
    many = np.mean([np.sort(rng.exponential(size=60)) @ subset_weights(60, 4) for _ in range(2000)])
    assert few == pytest.approx(0.25, rel=0.06)
    assert many == pytest.approx(0.25, rel=0.06)


@pytest.mark.parametrize("n", [3, 4, 10, 40])
def test_intervals_hold_the_truth(n: int) -> None:
    """With a third of the trials as budget, of 300 intervals 88 % or more hold the true expected best, with
    three trials 82 %."""
    rng, k = np.random.default_rng(n), -(-n // 3)

    def draw(*shape: int) -> np.ndarray:
        """A valley in the learning rate, with noise."""
        return 0.1 + 0.25 * rng.uniform(-2, 2, shape) ** 2 + 0.05 * rng.exponential(size=shape)

    truth, hits = draw(40_000, k).min(axis=1).mean(), 0
    for _ in range(300):
        _, low, high = expected_best(draw(n), k)
        hits += low <= truth <= high
    assert hits / 300 >= (0.82 if n == 3 else 0.88)


@pytest.mark.parametrize(
    ("basis", "exploited", "words"),
    [("explore", 0.7, ""), ("search", 0.0, ""), ("search", 0.3, "some of these"), ("search", 0.7, "most of")],
)
def test_nothing_leads_that_was_proposed_for_its_scores(basis: str, exploited: float, words: str) -> None:
    """A search that went where scores were good has more trials there, and better ones: no value is ahead by
    them; where exploration shared them out, or all were drawn, one may be."""
    rows = [
        {"value": name, "expected_best": mean, "low": mean - 0.01, "high": mean + 0.01, "basis": basis}
        | {"budget": 4, "metric": "validation_loss"}
        for name, mean in (("adam", 0.1), ("sgd", 0.5))
    ]
    lead = _lead("optimizer", rows, LOSS, exploited)
    assert (lead.status == OPEN) == bool(words)
    assert lead.alternatives == (("sgd",) if words else ())
    assert words in lead.detail
    assert ("because of how others scored" in lead.detail) == bool(words)


def test_where_nothing_was_learned_there_is_no_interval() -> None:
    """Losses before training tell of initial weights alone."""
    made = synthetic_records(40)
    run = run_data(made.trials, made.curves, made.layers)
    losses = capped_losses(run)
    name = losses["activation"].iloc[0]
    rows = _of_parameter(
        losses.assign(even=True, capped=losses["capped"] | (losses["activation"] == name)), "activation"
    ).set_index("value")
    assert np.isnan(rows.loc[name, ["low", "high"]].astype(float)).all()
    assert np.isfinite(rows.drop(name)[["low", "high"]].astype(float)).any(axis=None)


def test_every_value_has_the_same_budget(source: RunData) -> None:
    """A third of the fewest explore trials; best first; the best is the lowest loss of the search."""
    table = isolation(source)
    losses = capped_losses(source)
    explored = losses[losses["phase"] == "explore"]
    assert set(table["parameter"]) == {"optimizer", "activation"}
    for parameter, rows in table.groupby("parameter"):
        counts = explored[parameter].value_counts()
        assert rows["trials"].to_dict() == {
            index: counts[value] for index, value in zip(rows.index, rows["value"], strict=True)
        }
        assert set(rows["budget"]) == {-(-counts.min() // 3)}
        assert rows["expected_best"].is_monotonic_increasing
        for row in rows.to_dict("records"):
            assert row["best"] == losses.loc[losses[parameter] == row["value"], "loss"].min()
    assert set(table["basis"]) == {"explore"}
    assert set(table["evidence"]) == {EVIDENCE}


def test_divergence_counts_against_a_value(source: RunData) -> None:
    """Trials that diverged stand at the loss before training, and their share is told."""
    table = isolation(source).query("parameter == 'optimizer'").set_index("value")
    losses = capped_losses(source).query("phase == 'explore'")
    assert losses.loc[losses["outcome"] == "diverged", "loss"].eq(2.3).all()
    shares = losses.groupby("optimizer")["capped"].mean()
    assert table["learned_nothing"].to_dict() == pytest.approx(shares.to_dict())


def test_a_trial_that_only_got_worse_learned_nothing(records: SyntheticRecords) -> None:
    """Its objective, the best of all evaluations, is that of step 0: it counts like one that diverged."""
    worse = records.trials[records.trials["outcome"] == "completed"]["trial"].iloc[0]
    start = capped_losses(run_data(records.trials, records.curves, records.layers))
    trials = records.trials.assign(
        objective=records.trials["objective"].mask(
            records.trials["trial"] == worse, start.set_index("trial")["initial"][worse]
        )
    )
    losses = capped_losses(run_data(trials, records.curves, records.layers)).set_index("trial")
    assert losses.loc[worse, "capped"]
    assert losses.loc[worse, "loss"] == losses.loc[worse, "initial"]
    expected = {*start.loc[start["capped"], "trial"], worse}
    assert set(losses.index[losses["capped"]]) == expected


def test_nothing_is_best_of_what_learned_nothing(source: RunData) -> None:
    """Losses before training are no scores of values: where all trials compared are such, that is said."""
    tables = {"isolation": isolation(source), "heatmap": heatmap(source)}
    nothing = {**tables, "isolation": tables["isolation"].assign(learned_nothing=1.0)}
    for given, told in ((nothing, True), (tables, False)):
        said = [str(text) for text in sentences(source, given)]
        assert any("were never better than untrained" in text for text in said) is told
        assert any("expected best of" in text for text in said) is not told


def test_other_scientific_parameters(source: RunData) -> None:
    """Any parameter of the study is compared, numbers too; one that is not there is left out."""
    trials = source.trials.assign(**{"model.depth": source.trials["trial"] % 3})
    space = {"optimizer": ["sgd", "adam"], "model.depth": [0, 1, 2]}
    search = {"scientific": ["model.depth", "schedule"], "space": space}
    found = isolation(run_data(trials, source.curves, source.layers, search=search))
    assert found["parameter"].unique().tolist() == ["model.depth"]
    assert set(found["value"]) == {"0", "1", "2"}


def test_few_explore_trials_fall_back_on_the_search() -> None:
    """Where a value has hardly an explore trial, all trials of the search are the basis, and it says so."""
    made = synthetic_records(60)
    late = made.trials.assign(phase=made.trials["phase"].replace("explore", "exploit"))
    assert set(isolation(run_data(late, made.curves, made.layers))["basis"]) == {"search"}


@pytest.mark.parametrize(("most", "basis"), [(9, "explore"), (13, "search")])
def test_values_that_exploration_tried_unevenly_are_not_compared_by_it(most: int, basis: str) -> None:
    """A value that was neglected has the best that a model proposes: three times as many are even enough."""
    names = ["relu"] * 3 + ["tanh"] * most + ["relu"] * 20
    made = synthetic_records(len(names)).trials
    frame = made[made["phase"] != "confirm"].sort_values("trial").head(len(names)).assign(activation=names)
    frame = frame.assign(
        phase=["explore"] * (3 + most) + ["exploit"] * 20, outcome="completed", objective=0.5
    )
    records = synthetic_records(len(names))
    table = isolation(run_data(frame, records.curves, records.layers))
    assert set(table.loc[table["parameter"] == "activation", "basis"]) == {basis}


@pytest.mark.parametrize(("loss", "cut"), [("cross_entropy", True), ("gaussian_nll", False)])
def test_intervals_end_where_the_loss_does(loss: str, cut: bool) -> None:
    """No cross-entropy is below 0; a negative log density may be, though no trial of a value had one."""
    made = synthetic_records(40)
    trials = made.trials.assign(
        objective=made.trials["objective"].mask(made.trials["objective"].notna(), 0.9)
    )
    first = trials["trial"].isin(trials.loc[trials["phase"] != "confirm", "trial"].unique()[::3])
    trials["objective"] = trials["objective"].mask(first & trials["objective"].notna(), 0.001)
    sections = {"training": {"loss": loss}, "data": {"source": "digits" if cut else "teacher"}}
    low = isolation(run_data(trials, made.curves, made.layers, sections=sections))["low"].dropna()
    assert (low >= 0).all() == cut
    assert (low == 0).any() == cut


def test_a_weight_of_0_has_no_kind() -> None:
    """Kinds of penalty are compared by trials that were penalized."""
    made = synthetic_records(60)
    search = made.trials[made.trials["phase"] != "confirm"]
    frame = search.assign(penalty_kind=np.where(search["trial"] % 2, "l1", "l2"))
    run = run_data(frame, made.curves, made.layers, search={"scientific": ["optimizer", "penalty_kind"]})
    table = isolation(run).query("parameter == 'penalty_kind'").set_index("value")
    penalized = frame[(frame["activation_penalty"] > 0) & (frame["outcome"] != "failed")]
    assert table["searched"].to_dict() == penalized["penalty_kind"].value_counts().to_dict()
    assert len(penalized) < len(frame)


def test_one_value_is_no_comparison() -> None:
    """A parameter with a single value has no isolation plot."""
    made = synthetic_records(40, ("tanh",))
    assert set(isolation(run_data(made.trials, made.curves, made.layers))["parameter"]) == {"optimizer"}


def test_ends_at_0_are_told_as_cut_off() -> None:
    """The interval of a loss ends at 0, where no loss lies below: the alt text says that it was cut."""
    made = synthetic_records(60)
    run = run_data(made.trials, made.curves, made.layers)
    frame = isolation(run)
    spoken = FIGURES["isolation"].alt(frame.assign(low=0.0))
    assert spoken.count("[the score's limit]") == len(frame)
    assert "limit" not in FIGURES["isolation"].alt(frame.assign(low=frame["expected_best"] / 2))
    scores = frame.assign(
        metric="validation_accuracy (higher is better)", expected_best=0.9, low=0.8, high=1.0
    )
    assert "1.00 [the score's limit]" in FIGURES["isolation"].alt(scores)


@pytest.mark.parametrize("failed", [True, False])
def test_counts_say_what_they_leave_out(failed: bool) -> None:
    """Trials that failed have no score to compare."""
    made = synthetic_records(40)
    trials = made.trials
    outcome = trials["outcome"].mask(trials["trial"] < 5, "failed") if failed else trials["outcome"]
    outcome = outcome if failed else outcome.mask(outcome == "failed", "diverged")
    run = run_data(trials.assign(outcome=outcome), made.curves, made.layers)
    said = " ".join(map(str, sentences(run, {"isolation": isolation(run), "heatmap": heatmap(run)})))
    assert ("in the search, failed ones left out: " in said) == failed


NUMBERS = [1.5, 10.0, 15.0, 2.2, 22.0, 0.5]


def test_numbers_are_listed_by_their_size() -> None:
    """Values that were tried equally often stand in the order of their size, as they would be typed, in the
    claim of the finalists too."""
    made = synthetic_records(len(NUMBERS) * 4)
    trials = made.trials.assign(**{"model.width": made.trials["trial"].map(lambda k: NUMBERS[k % 6])})
    space = {"optimizer": ["sgd"], "model.width": [1, 2]}
    run = run_data(trials, made.curves, made.layers, search={"scientific": ["model.width"], "space": space})
    frame = isolation(run)
    told = next(
        str(said)
        for said in sentences(run, {"isolation": frame, "heatmap": heatmap(run)})
        if "Trials of" in str(said)
    )
    tried = search_counts(frame)
    for size in set(tried.values()):
        alike = [value for value, count in tried.items() if count == size]
        places = [told.index(f"of {value}") for value in sorted(alike, key=float)]
        assert places == sorted(places), told
    assert set(frame["value"]) == {"1.5", "10", "15", "2.2", "22", "0.5"}
    claims = best_values(run.trials, ["model.width"])
    assert all(each.direction in set(frame["value"]) for each in claims)


def search_counts(frame: "pd.DataFrame") -> dict[str, int]:
    """Trials of each value in the whole search."""
    return dict(zip(frame["value"], frame["searched"], strict=True))


def test_values_have_texts_that_tell_them_apart() -> None:
    """Numbers are written as they would be typed, whole ones of a column with gaps too; words as they are."""
    mixed = pd.Series([10.0, 0.1 + 0.2, 1e-5, "batch", "[0.9, 0.99]", True, 64], dtype=object)
    texts = as_texts(mixed)
    assert texts.tolist() == ["10", "0.3", "1e-5", "batch", "(0.9, 0.99)", "True", "64"]
    assert sorted(texts, key=by_size)[:4] == ["1e-5", "0.3", "10", "64"]


def test_texts_that_stand_on_every_page_say_nothing_of_exploitation_alone() -> None:
    """Random, quasi-random and grid searches never exploit: what is said of it is said where there is any."""
    for question in QUESTIONS:
        captions = [figure.caption for figure in question.figures]
        for sentence in re.split(r"(?<=[.;]) ", " ".join([*captions, *question.how])):
            if "xploitation" in sentence or "romising" in sentence or "proposed for" in sentence:
                assert re.search("where there is any|of samplers that learn|where some of them", sentence), (
                    sentence
                )


def test_settings_have_one_spelling() -> None:
    """A small number and several values are written as in the rest of the page, and still tell apart."""
    assert as_texts(pd.Series([0.0, 1e-4, 1.5e-5, 0.1, 10.0, 1500.5])).tolist() == [
        *("0", "1e-4", "1.5e-5", "0.1", "10", "1500.5")
    ]
    texts = as_texts(pd.Series(["[0.5, 0.9]", "[0.0, 0.99]", "[64, 64]", "batch"])).tolist()
    assert texts == ["(0.5, 0.9)", "(0, 0.99)", "(64, 64)", "batch"]
    assert [shown((0.5, 0.9)), shown((64, 64))] == ["(0.5, 0.9)", "(64, 64)"]
    cells = grid("isolation", "", pd.DataFrame({"betas": ["[0.5, 0.9]", "[Errno 2] no file"]})).rows
    assert [row[0].text for row in cells] == ["(0.5, 0.9)", "[Errno 2] no file"]


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("optimizer", "each optimizer in"),
        ("betas", "each value of betas in"),
        ("model.widths", "each value of model.widths in"),
        ("batch_size", "each value of batch size in"),
    ],
)
def test_values_are_called_by_what_they_are(parameter: str, said: str) -> None:
    """Only of a setting that is called as its values are, each of them is one."""
    row = {"value": "a", "searched": 2, "trials": 2, "basis": "search"}
    assert said in _trials_of(parameter, [row, {**row, "value": "b"}])
