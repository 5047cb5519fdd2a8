"""Verdicts, the simplest of those tied, regret, optimism and variance components."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from run_data import run_data, with_records
from synthetic_records import SyntheticRecords

from sweeper.answer.claim_words import words
from sweeper.answer.claims import BEST, EXPLORATORY, Claim, Judged, best_values
from sweeper.answer.comparison import COLUMNS, marked
from sweeper.answer.confirmed import confirmed
from sweeper.answer.rows import parameters_of
from sweeper.questions.comparison import comparison
from sweeper.questions.gradients import _confirmed
from sweeper.questions.run_data import RunData
from sweeper.questions.variance import variance
from sweeper.statistics.best_of_several import expected_regret, optimism
from sweeper.statistics.variance import COMPONENTS, components, mean_squares

PLAIN = {"optimizer": "sgd", "activation": "relu", "learning_rate": 0.1, "activation_penalty": 0.0}


def run_of(settings: list[dict], scores: np.ndarray, searched: list[float] | None = None) -> RunData:
    """A run whose finalists have these settings, search scores and (finalists, seeds) confirmed scores."""
    rows = []
    for trial, (chosen, values) in enumerate(zip(settings, scores, strict=True)):
        base = {
            "trial": trial,
            "steps": 1,
            "seconds": 1.0,
            "engine": "fused",
            "reason": "",
            **PLAIN,
            **chosen,
        }
        found = searched[trial] if searched else float(np.nanmean(values))
        rows.append({**base, "phase": "explore", "seed": 0, "outcome": "completed", "objective": found})
        for seed, value in enumerate(values, 1):
            outcome = "diverged" if np.isnan(value) else "completed"
            rows.append({**base, "phase": "confirm", "seed": seed, "outcome": outcome, "objective": value})
    curves = pd.DataFrame(columns=["trial", "seed", "step", "metric", "value"])
    layers = pd.DataFrame(columns=["trial", "seed", "step", "layer", "measure", "value"])
    return run_data(pd.DataFrame(rows), curves, layers)


def noisy(means: list[float], seed: int = 0, seeds: int = 10, sd: float = 0.1) -> np.ndarray:
    """(finalists, seeds) scores."""
    return np.array(means)[:, None] + sd * np.random.default_rng(seed).normal(size=(len(means), seeds))


def test_verdicts() -> None:
    """The winner, one alike, one clearly worse, some that failed: each is called what it is. That one lost a
    seed of ten is luck as likely as not; that one lost six is not, nor that another is worse on the rest."""
    scores = noisy([1.0, 1.001, 3.0, 1.0, 1.0, 3.0])
    scores[3, 4] = scores[4, :6] = scores[5, 2] = np.nan
    table = comparison(run_of([{}] * 6, scores)).set_index("trial")
    verdicts = table["verdict"].to_dict()
    assert sorted([verdicts[0], verdicts[1]]) == ["tied", "winner"]
    assert verdicts[2] == "worse"
    assert (verdicts[3], verdicts[4], verdicts[5]) == ("lost more seeds", *["fails more often"] * 2)
    assert list(table.reset_index()[COLUMNS].columns) == COLUMNS


def test_columns_repeat_the_ranking(records: SyntheticRecords) -> None:
    """What `confirmed` says stands unchanged beside the rest."""
    table = comparison(run_data(records.trials, records.curves, records.layers))
    ranking = confirmed(records.trials)
    for name in ("trial", "mean", "low", "high", "n", "failures", "difference", "tied", "better"):
        assert table[name].tolist() == pytest.approx(ranking[name].tolist(), nan_ok=True)


@pytest.mark.parametrize(("key", "told"), [("model.width", True), ("model.blocks", False)])
def test_whose_model_is_smaller_is_told_of_depth_and_width_alone(key: str, told: bool) -> None:
    """Another argument of the model may make it larger or smaller: nobody is called the simplest then."""
    scores = noisy([1.0, 1.001])
    table = comparison(run_of([{key: 3}, {key: 1}], scores)).set_index("trial")
    assert table["tied"].all()
    assert table["simplest"].to_dict() == {0: False, 1: told}
    alike = comparison(run_of([{key: 3, "optimizer": "adam"}, {key: 3}], scores)).set_index("trial")
    assert alike["simplest"].to_dict() == {0: False, 1: True}


def test_the_simplest_are_of_those_tied() -> None:
    """A simpler finalist that is clearly worse does not count; those equally simple all do."""
    settings = [{"optimizer": "adam"}, {"optimizer": "momentum"}, {"optimizer": "nesterov"}, {}]
    scores = noisy([1.0, 1.1, 1.1, 5.0])
    scores[2] = scores[1] + 0.001
    table = comparison(run_of(settings, scores)).set_index("trial")
    assert table["simplest"].to_dict() == {0: False, 1: True, 2: True, 3: False}
    names = [name.partition(" (")[2] for name in marked(table.reset_index())]
    assert names == ["", "one of the simplest)", "one of the simplest)", ""]
    assert table.loc[1, "difference"] == pytest.approx((scores[1] - scores[0]).mean())


def test_optimism_is_confirmed_minus_searched() -> None:
    """Per finalist and on average; the interval is over seeds."""
    scores = noisy([1.0, 1.2])
    table = comparison(run_of([{}] * 2, scores, searched=[0.7, 0.8])).set_index("trial")
    assert table["optimism"].to_dict() == pytest.approx(
        {0: scores[0].mean() - 0.7, 1: scores[1].mean() - 0.8}
    )
    assert table["mean_optimism"].iloc[0] == pytest.approx(table["optimism"].mean())
    mean, low, high = optimism(scores, np.array([0.7, 0.8]))
    assert low < mean < high
    assert (table["mean_optimism_low"].iloc[0], table["mean_optimism_high"].iloc[0]) == (low, high)
    assert table[["optimism_finalists", "optimism_seeds"]].drop_duplicates().to_numpy().tolist() == [[2, 10]]


@pytest.mark.parametrize(
    ("other", "picked", "counted"),
    [(0.85, 2, [2, 10]), (5.0, 2, [3, 6]), (0.85, 1, [1, 10]), (0.1, 0, [0, 0])],
)
def test_a_default_that_its_search_score_did_not_pick_says_nothing_of_optimism(
    other: float, picked: int, counted: list[int]
) -> None:
    """A published default counts, and cuts the seeds to its own, only where no `other` trial, that is no
    finalist, has a better score; after the finalists that are no defaults it is the last one."""
    searched, scores = [*[0.7, 0.8][:picked], 4.9], noisy([*[1.0, 1.2][:picked], 5.0])
    made = run_of([*[{}] * picked, {"learning_rate": 0.001}], scores, searched)
    default = made.trials[made.trials["trial"] == picked].iloc[0]
    lost = (made.trials["trial"] == picked) & (made.trials["seed"] > 6)
    rest = default.to_frame().T.assign(trial=9, learning_rate=0.2, objective=other).infer_objects()
    trials = pd.concat([made.trials[~lost], rest], ignore_index=True)
    table = comparison(replace(with_records(made, trials=trials), defaults=[parameters_of(default)]))
    assert table[["optimism_finalists", "optimism_seeds"]].drop_duplicates().to_numpy().tolist() == [counted]
    found = table[["mean_optimism", "mean_optimism_low", "mean_optimism_high"]].iloc[0].tolist()
    kept, seeds = counted
    assert table["optimism"].notna().sum() == kept
    assert found == pytest.approx(optimism(scores[:kept, :seeds], np.array(searched[:kept])), nan_ok=True)


@pytest.mark.parametrize("left", [1, 9])
def test_a_finalist_that_lost_seeds_counts_for_optimism(left: int) -> None:
    """On the seeds that all completed: leaving out the unstable ones would flatter the search. Where that
    leaves one seed, the others count alone."""
    searched, scores = [0.7, 0.8, 0.9], noisy([1.0, 1.2, 3.0])
    scores[2, left:] = np.nan
    made = run_of([{"learning_rate": rate} for rate in (0.1, 0.2, 0.3)], scores, searched)
    row = comparison(made).iloc[0]
    kept = 3 if left > 1 else 2
    seeds = left if left > 1 else scores.shape[1]
    assert row[["optimism_finalists", "optimism_seeds"]].tolist() == [kept, seeds]
    found = row[["mean_optimism", "mean_optimism_low", "mean_optimism_high"]].tolist()
    assert found == pytest.approx(optimism(scores[:kept, :seeds], np.array(searched[:kept])))


WHY = {
    "elu": "better than elu among the finalists and ranked before relu, whose finalist",
    "relu": "ranked before relu, whose finalists are worse or",
}


@pytest.mark.parametrize(("third", "said"), WHY.items())
def test_a_value_that_lost_seeds_is_not_called_worse(third: str, said: str) -> None:
    """It is ranked behind for the seeds that it lost, and where it has one for a finalist that is worse; one
    lost seed of ten shows nothing."""
    settings = [{"activation": name} for name in ("tanh", "relu", third)]
    for lost in (5, 1):
        scores = noisy([1.0, 0.9, 5.0])
        scores[1, :lost] = np.nan
        (claim,) = best_values(run_of(settings, scores).trials, ["activation"])
        behind = f"{said} lost more seeds than the winner,"
        told = behind if lost > 1 else "is not shown to be better than relu"
        assert (claim.direction, claim.detail) == ("tanh", told)


@pytest.mark.parametrize(("others", "told"), [(("adam", "adam"), True), (("adam", "sgd"), False)])
def test_settings_that_go_together_are_told_together(others: tuple[str, str], told: bool) -> None:
    """Where all finalists with another activation, or some, have another optimizer, both are named."""
    settings = [{"activation": "elu", "optimizer": "sgd"}]
    settings += [{"activation": "relu", "optimizer": optimizer} for optimizer in others]
    made = run_of(settings, noisy([1.0, 5.0, 6.0]))
    first = made.trials["trial"] == 0

    def details(**columns: tuple[object, object]) -> dict[str, str]:
        changed = {name.replace("__", "."): np.where(first, *pair) for name, pair in columns.items()}
        found = best_values(made.trials.assign(**changed), ["activation", "optimizer", "learning_rate"])
        return {claim.name: claim.detail for claim in found}

    alike = details(learning_rate=(0.1, 0.1))
    assert alike["activation"].startswith("better than relu among the finalists")
    who = "they" if told else "some of them"
    assert f"({who} differ in optimizer too)" in alike["activation"]
    assert "(they differ in activation too)" in alike["optimizer"], "no finalist with adam has elu"
    assert "learning rate too" in details(learning_rate=(0.3, 0.01))["activation"]
    changed = {"model__depth": (2, 1), "weight_decay": (0.1, 0.2), "model__dropout": (0, 0.5)}
    for name, pair in changed.items():
        said = details(learning_rate=(0.1, 0.1), **{name: pair})
        words = name.replace("__", ".").replace("_", " ")
        assert set(said) == {"activation", "optimizer"}
        assert f"{words} too" in said["activation"]
    assert "momentum" not in details(momentum=(0.9, np.nan))["activation"], "only one side has it"


def test_settings_that_go_along_with_one_value_alone_are_told_of_it() -> None:
    """The winner shares its optimizer with a relu, and with no tanh; nothing is said of relu's."""
    settings = [
        {"activation": name, "optimizer": optimizer, "learning_rate": 0.1}
        for name, optimizer in (("elu", "sgd"), ("relu", "sgd"), ("tanh", "adam"))
    ]
    (claim,) = best_values(run_of(settings, noisy([1.0, 5.0, 6.0])).trials, ["activation"])
    assert claim.detail.endswith("(those with tanh differ in optimizer too)")


@pytest.mark.parametrize("tuned", [True, False])
@pytest.mark.parametrize("apart", [0.01, 5.0])
def test_a_value_that_was_not_tuned_is_named_as_its_default(tuned: bool, apart: float) -> None:
    """That the winner ranks before it, or is tied with it, is said of the default, here and to a lead."""
    default, third = ({"optimizer": "adam", "learning_rate": rate} for rate in (0.001, 0.02))
    third["optimizer"] = "adam" if tuned else "adamw"
    scores = noisy([1.0, 0.0, 0.0])
    scores[1:] += scores[0] + apart - scores[1:].mean(axis=1, keepdims=True)
    trials = run_of([{"optimizer": "adamw", "learning_rate": 0.01}, default, third], scores).trials
    (claim,) = best_values(trials, ["optimizer"], defaults=[default])
    tie = "adam (its only finalist is the published default #1)"
    named = tie if apart < 1 else "ranked before the only finalist with adam, the published default #1, which"
    assert (claim.direction, named in claim.detail) == ("adamw", not tuned)
    lead = Claim(BEST, "optimizer", "adam", EXPLORATORY, "isolation", detail="lowest")
    (said,) = words([lead], {lead: Judged(lead, claim)})
    assert (named in said, "fresh seeds decide" in said) == (not tuned, tuned or apart < 1)
    assert ("better than" in claim.detail) is (tuned and apart > 1)


def test_regret_of_a_clear_winner_is_nothing() -> None:
    """And that of its rivals is their distance to it."""
    regrets = expected_regret(noisy([0.0, 5.0, 9.0]))
    assert regrets[0] == pytest.approx(0, abs=1e-6)
    assert regrets[1:] == pytest.approx([5, 9], abs=0.2)


def test_regret_is_right_on_average() -> None:
    """Over settings whose true means are widely spread, expected regret equals what it turns out to be."""
    rng, expected, real = np.random.default_rng(0), [], []
    for _ in range(150):
        means = 3 * rng.normal(size=4)
        scores = means[:, None] + rng.normal(size=(4, 10)) + rng.normal(size=10)
        expected.append(expected_regret(scores).mean())
        real.append((means - means.min()).mean())
    assert np.mean(expected) == pytest.approx(np.mean(real), rel=0.05)


def test_regret_needs_five_shared_seeds() -> None:
    """Fewer say nothing about what might have been."""
    assert np.isnan(expected_regret(noisy([1.0, 2.0], seeds=4))).all()
    assert np.isfinite(expected_regret(noisy([1.0, 2.0], seeds=5))).all()


@pytest.mark.parametrize("skewed", [False, True])
def test_a_small_regret_of_few_seeds_is_not_far_too_small(skewed: bool) -> None:
    """Of the third of 400 races with the lowest expected regret of the winner, the true one is at most twice
    the expected; settings are 0.3 to 3 standard errors apart."""
    rng, pairs = np.random.default_rng(8), []
    for _ in range(400):
        spread = rng.choice([0.3, 1.0, 3.0]) / np.sqrt(6)
        means, luck = spread * rng.normal(size=(4, 1)), rng.normal(size=(4, 6))
        scores = means + ((np.exp(luck) - np.exp(0.5)) / 2.16 if skewed else luck)
        winner = scores.mean(axis=1).argmin()
        pairs.append((expected_regret(scores)[winner], float(means[winner, 0] - means.min())))
    lowest = np.array(sorted(pairs)[: len(pairs) // 3])
    assert lowest[:, 1].mean() <= 2 * lowest[:, 0].mean()


def test_a_winner_that_leads_on_each_of_few_seeds_may_be_behind() -> None:
    """What lies beyond the seeds has a chance too: the regret is a share of the standard error."""
    ahead = np.array([0.003, 0.004, 0.005, 0.006, 0.02, 0.003, 0.008, 0.03])
    base = noisy([1.0], seeds=8)[0]
    regret = expected_regret(np.stack([base, base + ahead]))[0]
    error = ahead.std(ddof=1) / np.sqrt(8)
    assert 1e-3 * error < regret < error


def two_way(rng: np.random.Generator, sds: tuple[float, float, float], shape: tuple[int, int]) -> np.ndarray:
    """Scores with these standard deviations of settings, seed and rest."""
    settings, seed = rng.normal(size=(shape[0], 1)), rng.normal(size=(1, shape[1]))
    return sds[0] * settings + sds[1] * seed + sds[2] * rng.normal(size=shape)


def test_mean_squares_equal_plain_sums() -> None:
    """Sums of squares by loops, over their degrees of freedom, and together the whole."""
    values = two_way(np.random.default_rng(0), (1, 2, 0.5), (4, 7))
    mean = values.mean()
    settings = sum(7 * (row.mean() - mean) ** 2 for row in values) / 3
    seed = sum(4 * (column.mean() - mean) ** 2 for column in values.T) / 6
    squares, freedoms = mean_squares(values)
    assert squares[:2] == pytest.approx([settings, seed])
    assert (squares * freedoms).sum() == pytest.approx(((values - mean) ** 2).sum())


def test_components_are_unbiased() -> None:
    """On average over many runs the estimates are the variances that made the scores."""
    rng, found = np.random.default_rng(0), []
    for _ in range(4000):
        found.append(components(mean_squares(two_way(rng, (2, 3, 2), (6, 10)))[0][None], 6, 10)[0])
    assert np.mean(found, axis=0) == pytest.approx([4, 9, 4], rel=0.05)


def test_variance_shares_hold_the_truth() -> None:
    """Over 150 runs the 95 % intervals of the shares hold those that made the scores in 90 % or more."""
    rng, sds = np.random.default_rng(1), (0.5, 1.0, 0.7)
    truth = np.square(sds) / np.square(sds).sum()
    run, hits = run_of([{}] * 5, noisy([1.0] * 5)), np.zeros(3)
    confirmations = (run.records.trials["phase"] == "confirm").to_numpy()
    for _ in range(150):
        trials = run.records.trials.copy()
        trials.loc[confirmations, "objective"] = two_way(rng, sds, (5, 10)).ravel()
        table = variance(with_records(run, trials=trials)).set_index("component")
        table = table.loc[list(COMPONENTS)]
        hits += ((table["low"] <= truth) & (truth <= table["high"])).to_numpy()
        assert table["share"].sum() == pytest.approx(1)
    assert (hits / 150 >= 0.90).all()


def test_variance_needs_two_finalists_and_two_seeds() -> None:
    """One row or column cannot be taken apart, and a finalist with a failed seed is left out."""
    assert variance(run_of([{}], noisy([1.0]))).empty
    assert variance(run_of([{}] * 3, noisy([1.0, 2, 3], seeds=1))).empty
    scores = noisy([1.0, 2, 3])
    scores[1, 2] = np.nan
    assert variance(run_of([{}] * 3, scores))["finalists"].tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("others", "far", "confirmed"),
    [(("tanh", "tanh"), 5.0, "relu"), (("relu", "relu"), 5.0, None), (("tanh", "relu"), 1.0, None)],
)
def test_an_activation_is_confirmed_only_where_fresh_seeds_compared_it(
    others: tuple[str, str], far: float, confirmed: str | None
) -> None:
    """Finalists that all have it say nothing of it, however far behind they are; nor do ties."""
    scores = noisy([1.0, far, far])
    run = run_of([{"activation": name} for name in ("relu", *others)], scores)
    assert _confirmed(run, None) == confirmed
