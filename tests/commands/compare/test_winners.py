"""Two runs against each other: intervals against plain formulas, pairing, refusals."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from compared_runs import made_run
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.baseline import Against, Baseline
from sweeper.answer.claims import CONFIRMED, GUESS, PROVISIONAL, TIES, UNLEARNED
from sweeper.commands.compare import tables as side_by_side
from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.pairing import incomparable
from sweeper.commands.compare.winners import _within, compare
from sweeper.commands.compare.words import card
from sweeper.report.card import UNDECIDED


def test_same_seeds_are_paired(records: SyntheticRecords) -> None:
    """A run and itself, shifted on every seed: paired, every pair won, and called better."""
    found = compare(made_run(records, "one"), made_run(records, "two", 0.5))
    assert (found.paired, found.pairs, found.verdict) == (True, 5, "a")
    assert found.difference == pytest.approx(0.5)
    assert found.p_better == 1
    turned = compare(made_run(records, "two", 0.5), made_run(records, "one"))
    assert (turned.verdict, turned.difference) == ("b", pytest.approx(-0.5))


def test_identical_runs_are_undecided(records: SyntheticRecords) -> None:
    """No difference at all is no difference."""
    found = compare(made_run(records, "one"), made_run(records, "two"))
    assert (found.verdict, found.difference, found.p_better) == ("undecided", 0, 0.5)


def test_seeds_that_were_lost_do_not_count_as_completed(records: SyntheticRecords) -> None:
    """The run whose finalists are to be retrained is the one whose winner completed fewer seeds."""
    one, two = (made_run(records, name) for name in ("one", "two"))
    trials = one.records.trials.copy()
    own = (trials["phase"] == "confirm") & (trials["trial"] == one.answer.trial)
    lost = trials.index[own][1:]
    trials.loc[lost, ["outcome", "objective"]] = ["diverged", np.nan]
    one = replace(one, records=replace(one.records, trials=trials))
    assert (one.completed, len(one.scores)) == (1, int(own.sum()))
    assert Comparison(one, two, compare(one, two), {}).seeds == (1, two.completed)


def test_unconfirmed_runs_make_no_claim(records: SyntheticRecords) -> None:
    """Without fresh seeds nothing is called better, and no number is given."""
    run = made_run(records, "one")
    trials = run.records.trials[run.records.trials["phase"] != "confirm"]
    bare = replace(made_run(records, "bare"), records=replace(run.records, trials=trials))
    found = compare(run, bare)
    assert found.verdict == "unconfirmed"
    assert math.isnan(found.difference)
    assert "bare" in found.why


@pytest.mark.parametrize(
    ("sections", "word"),
    [
        ({"search": {"objective": "validation_error"}}, "ranks by"),
        ({"data": {"source": "wine"}}, "has the data"),
        ({"training": {"loss": "mse"}}, "has the loss"),
        ({"data": {"standardize_target": True}}, "standardized"),
        ({"data": {"target": "y"}}, "data.target"),
    ],
)
def test_unlike_scores_are_refused(records: SyntheticRecords, sections: dict[str, Any], word: str) -> None:
    """Other objective, data, target or loss: not comparable, and the message names it."""
    one, two = made_run(records, "one"), made_run(records, "two", **sections)
    assert word in incomparable(one, two)
    assert incomparable(one, one) == ""


@pytest.mark.parametrize(("score", "units"), [("mae", True), ("rmse", True), ("own", True), ("r2", False)])
def test_scores_in_other_units_are_refused(records: SyntheticRecords, score: str, units: bool) -> None:
    """An error of standardized targets is no error of the targets, and R² is the same of both."""
    search = {"objective": f"validation_{score}"}
    one = made_run(records, "one", training={"loss": "mse"}, search=search)
    data = {"standardize_target": True}
    two = made_run(records, "two", training={"loss": "mse"}, search=search, data=data)
    assert bool(incomparable(one, two)) is units


def test_losses_with_other_options_are_refused(records: SyntheticRecords) -> None:
    """The quantile loss of one quantile is no measure of the loss of another one."""
    quantiles = {"half": 0.5, "high": 0.9}
    asked = {name: {"loss": "quantile", "quantile": q} for name, q in quantiles.items()}
    runs = [made_run(records, name, training=training) for name, training in asked.items()]
    assert "training.quantile is 0.5 in half and 0.9 in high" in incomparable(*runs)


@pytest.mark.parametrize(
    ("key", "value", "said"), [("label_smoothing", 0.1, "0.0"), ("class_weight", "balanced", "not set")]
)
def test_what_only_training_losses_have_changes_no_validation_loss(
    records: SyntheticRecords, key: str, value: Any, said: str
) -> None:
    """Validation losses are without it; where training losses rank, they are no values of one function."""
    for objective, unlike in (("validation_loss", False), ("train_loss", True)):
        search = {"search": {"objective": objective}}
        one, two = (
            made_run(records, name, training=training, **search)
            for name, training in (("one", {}), ("two", {key: value}))
        )
        why = f"training.{key} is {said} in one and {value} in two, so losses differ"
        assert incomparable(one, two) == (why if unlike else "")


def test_what_is_searched_in_one_and_fixed_in_the_other_has_both_values(records: SyntheticRecords) -> None:
    """Of the winners; and no key is called different whose search takes its place."""
    one = made_run(records, "one", training={"batch_size": 32}, model={"depth": 3})
    two = made_run(records, "two", training={"batch_size": 64}, model={"depth": 3})
    searched = {**one.answer.parameters, "training.batch_size": 16, "model.depth": 4}
    one = replace(one, answer=replace(one.answer, parameters=searched))
    rows = {name: (a, b) for name, a, b in side_by_side.settings(one, two).to_numpy().tolist()}
    assert (rows["training.batch_size"], rows["model.depth"]) == ((16, 64), (4, 3))
    space = {"optimizer": ["adam"], "training.batch_size": [8, 16]}
    three = made_run(records, "three", training={"batch_size": 32}, search={"space": space})
    keys = side_by_side.differences(three, two).set_index("key")
    assert keys.loc["training.batch_size"].tolist() == [None, 64]


def test_tables_hold_both(records: SyntheticRecords) -> None:
    """Each table has the two runs, and differences name the changed key alone."""
    one = made_run(records, "one", training={})
    two = made_run(records, "two", training={}, model={"depth": 9})
    changed = side_by_side.differences(one, two)
    assert changed.to_numpy().tolist() == [["model.depth", None, 9]]
    best = side_by_side.best_by_value(one, two)
    assert (best["best_a"].dropna() == best["best_b"].dropna()).all()
    done = records.trials[(records.trials["phase"] != "confirm") & (records.trials["outcome"] == "completed")]
    tanh = best[best["value"] == "tanh"].iloc[0]
    assert tanh["best_a"] == done.loc[done["activation"] == "tanh", "objective"].min()
    spent = side_by_side.spent(one, two).set_index("run")
    assert spent.loc["one", "seconds"] == pytest.approx(records.trials["seconds"].sum())
    curves = side_by_side.curves(one, two)
    line = records.curves[records.curves["metric"] == "validation_loss"]
    line = line[(line["trial"] == one.answer.trial) & (line["seed"] > 0) & (line["step"] == 200)]
    shown = curves[(curves["run"] == "one") & (curves["step"] == 200)]["median"].iloc[0]
    assert shown == pytest.approx(line["value"].median())


@pytest.mark.parametrize(
    ("seeds", "shift", "standing", "words"),
    [
        (5, 0.0, UNDECIDED, "These seeds do not show a difference"),
        (5, 1.0, CONFIRMED, "a is better than b."),
        (4, 1.0, PROVISIONAL, "4 fresh seeds cannot rank a and b."),
    ],
)
def test_the_status_of_a_comparison_agrees_with_its_headline(
    seeds: int, shift: float, standing: str, words: str
) -> None:
    """Confirmed takes five seeds and a better one; below five nothing is ranked, however far apart."""
    made = synthetic_records(40, finalists=2, seeds=seeds)
    confirm = made.trials["phase"] == "confirm"
    trials = made.trials.assign(outcome=made.trials["outcome"].mask(confirm, "completed"))
    noise = 0.1 + 0.01 * np.random.default_rng(0).random(len(trials))
    trials["objective"] = trials["objective"].mask(confirm, noise)
    records = SyntheticRecords(trials, made.curves, made.layers)
    a, b = made_run(records, "a"), made_run(records, "b", shift)
    told = card(Comparison(a, b, compare(a, b), {}))
    assert told.standing == standing
    assert told.headline.startswith(words)


@pytest.mark.parametrize(
    ("standings", "shift", "standing", "words"),
    [
        ((GUESS, GUESS), 0.0, GUESS, "Neither a nor b is shown to beat guessing."),
        ((UNLEARNED, GUESS), 1.0, GUESS, "Neither a nor b is shown to beat guessing."),
        ((UNLEARNED, UNLEARNED), 1.0, UNLEARNED, "Neither a nor b is shown to have learned."),
        ((GUESS, CONFIRMED), 1.0, GUESS, "a is ahead, but is not shown to beat guessing."),
        ((UNLEARNED, TIES), 1.0, UNLEARNED, "a is ahead, but is not shown to have learned."),
        ((CONFIRMED, GUESS), 1.0, CONFIRMED, "a is better than b."),
        ((CONFIRMED, GUESS), 0.0, UNDECIDED, "These seeds do not show a difference"),
    ],
)
def test_nothing_is_better_that_does_not_beat_guessing(
    standings: tuple[str, str], shift: float, standing: str, words: str
) -> None:
    """Whatever the difference: the status and the next step are those of the better run."""
    made = synthetic_records(40, finalists=2, seeds=6)
    trials = made.trials.assign(outcome="completed")
    noise = 0.1 + 0.01 * np.random.default_rng(0).random(len(trials))
    records = SyntheticRecords(trials.assign(objective=noise), made.curves, made.layers)
    a, b = made_run(records, "a"), made_run(records, "b", shift)
    a, b = (
        replace(run, answer=replace(run.answer, standing=status))
        for run, status in zip((a, b), standings, strict=True)
    )
    told = card(Comparison(a, b, compare(a, b), {}))
    assert (told.standing, told.headline[: len(words)]) == (standing, words)
    assert told.next_step.command.startswith("sweeper advise") is (standing in (GUESS, UNLEARNED))


def test_the_headline_says_where_guessing_is_not_beaten(records: SyntheticRecords) -> None:
    """One run alone with its rows; two where they agree, and with no rows where they do not."""
    a, b = (made_run(records, name) for name in ("a", "b"))
    on = {
        part: Baseline("the mean", "", Against(part, "loss", 1.0, 1.0, 0.0, -0.1, 0.1, 6, False), ())
        for part in ("validation", "test")
    }

    def headline(rows: str, others: str) -> str:
        hollow = [
            replace(run, answer=replace(run.answer, standing=GUESS, learning=None, baseline=on[part]))
            for run, part in ((a, rows), (b, others))
        ]
        return card(Comparison(hollow[0], hollow[1], compare(*hollow), {})).headline

    assert headline("test", "test") == "Neither a nor b is shown to beat guessing on test rows."
    assert headline("validation", "test") == "Neither a nor b is shown to beat guessing."


def test_a_difference_of_losses_ends_where_the_loss_does(records: SyntheticRecords) -> None:
    """B is better by at most all that A's loss may be, and the end that was cut says so."""
    runs = [made_run(records, name) for name in ("a", "b")]
    runs = [replace(run, answer=replace(run.answer, least_loss=0.0)) for run in runs]
    sure = runs[0].answer.confirmed
    assert sure is not None
    kept = _within(replace(compare(*runs), low=-9.0, high=9.0), *runs)
    assert (kept.low, kept.high) == pytest.approx((-sure.high, sure.high))
    assert kept.cut == "low, high"


def test_one_value_alone_is_no_difference(records: SyntheticRecords) -> None:
    """A value that is searched alone is the same with brackets and without; a list elsewhere is another."""
    spaces = [{"optimizer": value, "learning_rate": {"low": 1e-3, "high": 0.1}} for value in ("sgd", ["sgd"])]
    a, b = (
        made_run(records, name, search={"space": space}, training={"timeout": 9.0})
        for name, space in zip(("a", "b"), spaces, strict=True)
    )
    assert side_by_side.differences(a, b)["key"].tolist() == []
    c = made_run(records, "c", search={"space": {**spaces[0], "optimizer": ["sgd", "adam"]}})
    assert "search.space.optimizer" in side_by_side.differences(a, c)["key"].tolist()


def test_a_difference_on_some_seeds_alone_says_so(records: SyntheticRecords) -> None:
    """Means that are told beside it are over more seeds, and may differ the other way."""
    one, two = made_run(records, "one"), made_run(records, "two", 0.5)
    trials = two.records.trials
    late = (trials["phase"] == "confirm") & (trials["seed"] > trials["seed"].max() - 2)
    fewer = replace(two, records=replace(two.records, trials=trials[~late]))
    told = card(Comparison(one, fewer, compare(one, fewer), {})).lead
    pairs = compare(one, fewer).pairs
    assert f" on the {pairs} seeds of both (95 %" in told
    assert "seeds of both" not in card(Comparison(one, two, compare(one, two), {})).lead
