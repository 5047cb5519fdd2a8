"""What is said of the finalists that did not win."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from report_inputs import Asked, asked_of, made_input, spoken
from synthetic_records import SyntheticRecords

from sweeper.answer.bounds import STRICTER
from sweeper.answer.comparison import Verdict, verdicts
from sweeper.questions import comparison, confirmation, variance
from sweeper.report.card import card

ALIKE = {"n": 8, "failures": 0, "tied": False, "dropped": False, "better": False}


@pytest.mark.parametrize(
    ("changes", "seeds", "expected"),
    [
        ({"dropped": True, "difference_low": -0.1}, 8, Verdict.LEFT),
        ({"dropped": True, "difference_low": float("nan")}, 8, Verdict.LEFT),
        ({"dropped": True, "better": True}, 8, Verdict.WORSE),
        ({"dropped": True}, 8, Verdict.ON_AVERAGE),
        ({"better": True}, 8, Verdict.WORSE),
        ({}, 8, Verdict.ON_AVERAGE),
        ({"tied": True}, 8, Verdict.TIED),
        ({"tied": True}, 4, Verdict.UNRANKED),
        ({"better": True}, 4, Verdict.UNRANKED),
        ({"difference_low": -0.4, "difference_high": -0.1}, 8, Verdict.BETTER),
        ({"dropped": True, "failures": 2, "difference_low": -0.1}, 8, Verdict.UNSTEADY),
        ({"failures": 2, "difference_low": -0.1}, 8, Verdict.UNSTEADY),
        ({"failures": 2, "difference_low": 0.1}, 8, Verdict.FAILS),
        ({"failures": 6, "n": 2, "difference_low": -0.1}, 8, Verdict.FAILS),
    ],
)
def test_a_verdict_says_what_the_seeds_show(changes: dict, seeds: int, expected: str) -> None:
    """Worse takes an interval above 0 to the winner, a tie five seeds; who left the race early has either."""
    winner = {**ALIKE, "n": seeds, "tied": True, "difference_low": 0.0, "difference_high": 0.0}
    rival = {**ALIKE, "difference_low": 0.1, "difference_high": 0.5, **changes}
    assert verdicts(pd.DataFrame([winner, rival]))[1] == expected


def test_sentence_and_table_have_one_verdict(asked: Asked) -> None:
    """Each verdict of the table has its words, which the sentence says of it and of no other one."""
    frame = asked.tables["comparison"]
    for name, text in comparison.VERDICTS.items():
        tables = asked.tables.having(comparison=frame.assign(verdict=["winner", name, name]))
        verb = "are " if name == Verdict.TIED else ""
        said = spoken(comparison.sentences(asked.run, tables))[0]
        assert said == f"Both other finalists {verb}{text}."


@pytest.mark.parametrize("seeds", [1, 3, 5])
@pytest.mark.parametrize("table", ["comparison", "finalists"])
def test_who_is_tied_is_the_same_in_every_table(records: SyntheticRecords, table: str, seeds: int) -> None:
    """The column agrees with the verdict of the row and with the answer: nobody is below five seeds."""
    trials = records.trials[(records.trials["phase"] != "confirm") | (records.trials["seed"] <= seeds)]
    run = made_input(SyntheticRecords(trials, records.curves, records.layers))
    frame = asked_of(run).tables[table]
    assert (frame["tied"] == frame["verdict"].isin(["winner", Verdict.TIED])).all()
    assert set(frame.loc[frame["tied"], "trial"]) == {run.answer.trial, *run.answer.tied}
    assert bool(run.answer.tied) is (seeds == 5)


@pytest.mark.parametrize(
    ("lows", "words"),
    [
        ((-0.1, -0.1), "first and second: luck alone may make such differences."),
        (
            (0.01, 0.01),
            "first and second; the intervals of the differences leave 0 out, but a verdict takes more.",
        ),
        (
            (-0.1, 0.01),
            "first: luck alone may make such a difference. Nor do they show that it is better than second; "
            f"the interval of the difference {STRICTER}.",
        ),
    ],
)
def test_a_tie_beside_an_interval_without_0_says_so(
    asked: Asked, lows: tuple[float, float], words: str
) -> None:
    """In the sentence that names those tied, as in those of their numbers."""
    frame = asked.tables["comparison"].assign(
        verdict=["winner", Verdict.TIED, Verdict.TIED], difference_high=0.2
    )
    frame = frame.assign(difference_low=[0.0, *lows], label=["a", "first", "second"])
    ranks = asked.tables["finalists"].assign(verdict=Verdict.TIED)
    tables = asked.tables.having(comparison=frame, finalists=ranks)
    said = spoken(confirmation.sentences(asked.run, tables))
    (told,) = [text for text in said if "do not show that it is better than" in text]
    assert told.endswith(f"better than {words}")


def test_scores_that_differ_by_rounding_are_told_as_the_same(records: SyntheticRecords) -> None:
    """Two ways to write one setting differ in the eighth digit: no difference, and nothing that is worse."""
    confirm = records.trials["phase"] == "confirm"
    first, second = records.trials.loc[confirm, "trial"].drop_duplicates().iloc[:2]
    trials = records.trials[~confirm | records.trials["trial"].isin([first, second])].copy()
    fresh = trials["phase"] == "confirm"
    rows = {each: trials[fresh & (trials["trial"] == each)].index for each in (first, second)}
    scores = np.linspace(0.1, 0.2, len(rows[first]))
    trials.loc[[*rows[first], *rows[second]], "outcome"] = "completed"
    trials.loc[rows[first], "objective"] = scores
    trials.loc[rows[second], "objective"] = scores + 1e-9 * (-1.0) ** np.arange(len(scores))
    run = made_input(SyntheticRecords(trials, records.curves, records.layers))
    asked, same = asked_of(run), "has the same score"
    texts = [comparison.alt(asked.tables["comparison"]), *spoken(confirmation.sentences(*asked))]
    told = {fact.label: fact.value for fact in card(run.study, run.answer, trials).facts}
    texts.append(told["Tied with the winner"])
    said = " ".join(texts)
    assert not re.search(r"e-(9|10)|Expected regret|winner lower", said)
    assert said.count("the same score") == 3, "figure, section and card, once each"
    assert f"#{second} " in said
    assert same in said


def test_seeds_are_named_where_they_differ(asked: Asked) -> None:
    """What rests on fewer seeds than the winner has says on how many, and the regret on those of whom."""
    frame = asked.tables["comparison"]
    assert frame["failures"].gt(0).any()
    said = " ".join(spoken(comparison.sentences(*asked)))
    fewer = frame[frame["pairs"] < frame["n"].iloc[0]].iloc[0]
    assert f"{fewer['pairs']} seeds of both" in said
    assert "lasted the race and lost the fewest seeds, over their 5 fresh seeds: " in said


@pytest.mark.parametrize("decimals", [1, 2, 8])
def test_seeds_that_were_won_are_counted_as_they_are(records: SyntheticRecords, decimals: int) -> None:
    """The alternative text gives whole seeds: those on which the winner is lower, and those on which both are
    equal, as they are where scores count rows; and every column of their share counts equal ones half."""
    scores = records.trials["objective"].round(decimals)
    trials = records.trials.assign(objective=scores)
    frame = comparison.comparison(made_input(SyntheticRecords(trials, records.curves, records.layers)))
    fresh = trials.query("phase == 'confirm'").pivot(index="seed", columns="trial", values="objective")
    said = comparison.alt(frame)
    for row in frame.iloc[1:].to_dict("records"):
        apart = (fresh[row["trial"]] - fresh[frame["trial"].iloc[0]]).dropna()
        won, even, seeds = int((apart > 0).sum()), int((apart == 0).sum()), len(apart)
        assert (row["even"], row["p_better"]) == (even, pytest.approx((won + even / 2) / seeds))
        if even < seeds:
            equal = f", equal on {even}" if even else ""
            assert f"winner lower on {won} of {seeds} seeds{equal}, {row['verdict']}" in said
    assert "% of seeds" not in said


def others_lost_seeds(fresh: pd.DataFrame) -> pd.DataFrame:
    """All share two seeds; the winner alone has more."""
    lost = (fresh["seed"] > 2) & ~fresh["won"]
    return fresh.assign(
        objective=fresh["objective"].mask(lost), outcome=fresh["outcome"].mask(lost, "diverged")
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (others_lost_seeds, "Fewer than two finalists completed the fresh seeds"),
        (lambda fresh: fresh[fresh["seed"] == 1], "One fresh seed"),
        (lambda fresh: fresh.assign(objective=0.5, outcome="completed"), "All finalists have the same score"),
    ],
)
def test_a_spread_that_is_not_split_says_why(records: SyntheticRecords, changes: Callable, why: str) -> None:
    """Which seeds were completed is told as it is: others may share those that the winner had beside more."""
    fresh = records.trials["phase"] == "confirm"
    winner = made_input(records).answer.trial
    finalists = records.trials[fresh].assign(won=records.trials["trial"] == winner)
    trials = pd.concat([records.trials[~fresh], changes(finalists).drop(columns="won")])
    run = made_input(SyntheticRecords(trials, records.curves, records.layers))
    assert variance.variance(run).empty
    assert variance.missing(run).startswith(why)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("alike", [0.2, 0.5, 0.8])
def test_a_mean_that_few_finalists_make_is_not_the_searchs(asked: Asked, side: int, alike: float) -> None:
    """Fresh seeds differ from the search on average: its scores were biased where most finalists say so."""
    frame = asked.tables["comparison"].iloc[[0] * 10].reset_index(drop=True)
    signs = np.where(np.arange(10) < 10 * alike, side, -side)
    frame = frame.assign(optimism=0.1 * signs, mean_optimism_low=side - 0.5, mean_optimism_high=side + 0.5)
    known = variance.bias(frame) in (variance.FLATTERED, variance.HARDER)
    assert known is (alike > 0.5)


@pytest.mark.parametrize(
    ("shift", "words"), [(1e-7, "as on fresh seeds"), (0.1, "above its"), (-0.1, "below its")]
)
def test_numbers_that_read_the_same_are_not_called_different(asked: Asked, shift: float, words: str) -> None:
    """The winner's score in the search lies above or below its mean where the digits beside it show that."""
    finalists = asked.tables["finalists"]
    tables = asked.tables.having(finalists=finalists.assign(search_objective=finalists["mean"] + shift))
    (said,) = [t for t in spoken(confirmation.sentences(asked.run, tables)) if t.startswith("In the search")]
    assert f"on one seed, {words}" in said
