"""Two runs against each other: intervals against plain formulas, pairing, refusals."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from compared_runs import made_run
from scipy import stats
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.baseline import Against, Baseline
from sweeper.answer.claims import CONFIRMED, GUESS, PROVISIONAL, TIES, UNLEARNED
from sweeper.commands.compare import tables as side_by_side
from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.pairing import incomparable
from sweeper.commands.compare.winners import (
    _within,
    compare,
    paired,
    picked_quantiles,
    superiority_interval,
    unpaired,
)
from sweeper.commands.compare.words import card
from sweeper.report.card import UNDECIDED

RNG = np.random.default_rng(3)


def test_paired_is_the_t_test_of_differences() -> None:
    """Without picking, the interval is that of a one-sample t test, P the share with Wilson's interval."""
    differences = RNG.normal(0.3, 1, 12)
    mean, low, high, p, p_low, p_high = paired(differences)
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((differences.mean(), *expected))
    wins = int((differences > 0).sum())
    wilson = stats.binomtest(wins, 12).proportion_ci(method="wilson")
    assert (p, p_low, p_high) == pytest.approx((wins / 12, wilson.low, wilson.high))


def test_unpaired_is_welch_and_mann_whitney() -> None:
    """The interval contains Welch's with one contender each, and P is U / (m n)."""
    a, b = RNG.normal(0, 1, 9), RNG.normal(0.4, 3, 14)
    mean, low, high, p, _, _ = unpaired(a, b)
    expected = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    assert mean == pytest.approx(b.mean() - a.mean())
    assert low <= expected.low + 1e-9
    assert high >= expected.high - 1e-9
    assert (high - low) == pytest.approx(expected.high - expected.low, rel=0.1)
    assert p == pytest.approx(stats.mannwhitneyu(b, a).statistic / (9 * 14))


@pytest.mark.parametrize("p", [0.0, 0.31, 0.5, 0.9, 1.0])
def test_superiority_interval_solves_its_equation(p: float) -> None:
    """Each inner end lies where the distance to p is z standard errors; the interval mirrors at ½."""
    m, n, big = 8, 13, (8 + 13) / 2 - 1
    low, high = superiority_interval(p, m, n)
    assert superiority_interval(1 - p, m, n) == pytest.approx((1 - high, 1 - low))
    for end in (end for end in (low, high) if 0 < end < 1):
        variance = end * (1 - end) * (1 + big * (1 - end) / (2 - end) + big * end / (1 + end)) / (m * n)
        assert abs(end - p) == pytest.approx(stats.norm.ppf(0.975) * math.sqrt(variance), rel=1e-6)
    assert low <= p <= high
    assert high - low > 0.2


def test_superiority_interval_covers() -> None:
    """For normal scores it contains the true P in 90 to 99 % of samples."""
    truth, hits, m = stats.norm.cdf(0.8 / math.sqrt(2)), 0, 10
    rng = np.random.default_rng(1)
    for _ in range(400):
        a, b = rng.normal(0, 1, m), rng.normal(0.8, 1, m)
        low, high = superiority_interval(float((b[None] > a[:, None]).mean()), m, m)
        hits += low <= truth <= high
    assert 0.9 <= hits / 400 <= 0.99


@pytest.mark.parametrize("is_paired", [True, False])
def test_picked_winners_are_not_called_better(is_paired: bool) -> None:
    """One finalist against the best of five, all alike: 0 is outside in about 5 %, plain t says more."""
    rng, seeds, claims, plain = np.random.default_rng(2), 10, 0, 0
    for _ in range(600):
        a = rng.standard_normal(seeds)
        many = rng.standard_normal((5, seeds))
        b = many[many.mean(axis=1).argmin()]
        _, low, high, *_ = paired(b - a, 1, 5) if is_paired else unpaired(a, b, 1, 5)
        claims += low > 0 or high < 0
        _, turned_low, turned_high, *_ = paired(a - b, 5, 1) if is_paired else unpaired(b, a, 5, 1)
        assert turned_high - turned_low == pytest.approx(high - low, rel=0.05)
        test = stats.ttest_1samp(b - a, 0) if is_paired else stats.ttest_ind(b, a)
        plain += test.pvalue < 0.05
    assert claims / 600 <= 0.065
    assert plain / 600 > 0.07


def test_one_contender_each_is_student(records: SyntheticRecords) -> None:
    """Simulated quantiles equal Student's t where nothing was picked."""
    low, high = picked_quantiles(10, 10, 1, 1, paired=True)
    assert high == -low == pytest.approx(stats.t.ppf(0.975, 9))


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
        ({"training": {"label_smoothing": 0.1}}, "training.label_smoothing"),
        ({"training": {"class_weight": "balanced"}}, "training.class_weight"),
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
