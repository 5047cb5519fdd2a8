"""What the activation penalty changes, in the sentence, the claim and the alt text."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.answer.claims import MIXED, Claim
from sweeper.questions.penalty import alt as penalty_alt
from sweeper.questions.penalty import draw as draw_penalty
from sweeper.questions.penalty import penalty, penalty_bins, readable
from sweeper.questions.penalty_effects import COLUMNS, QUESTION, alt, draw
from sweeper.questions.run_data import RunData


@pytest.fixture(scope="module")
def source(records: SyntheticRecords) -> RunData:
    """The made-up study."""
    return run_data(records.trials, records.curves, records.layers)


def of_sizes(**ends: tuple[float, float]) -> pd.DataFrame:
    """`penalty_effects` of the activation size; intervals of the decades and of the trend."""
    rows = [
        (
            "activation_size",
            contrast,
            "any",
            weight,
            10 * weight,
            (low + high) / 2,
            low,
            high,
            "relative",
            20,
            "",
            "explore",
        )
        for contrast, (low, high) in ends.items()
        for weight in ((1e-3, 1e-2) if contrast == "vs zero" else (1e-6,))
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS[:-3]).assign(cut="")
    found = (frame["low"] > 0) | (frame["high"] < 0)
    ways = np.where(frame["effect"] > 0, "raises", "lowers")
    return frame.assign(found=found, finding=np.where(found, ways, "no effect found"))


@pytest.mark.parametrize(
    ("decade", "trend", "said", "direction"),
    [
        ((-0.1, 0.1), (-0.05, 0.05), "no effect found against no penalty", "none"),
        (
            (-0.1, 0.1),
            (-0.05, -0.01),
            "but among weights above 0, a tenfold weight lowers it",
            "lowers",
        ),
        ((-0.2, -0.1), (-0.05, -0.01), "against no penalty: weights of 0.001 to 0.01 lower it", "lowers"),
        (None, (-0.05, -0.01), "among weights above 0, a tenfold weight lowers it: −3 %", "lowers"),
    ],
)
def test_no_effect_is_not_said_where_the_trend_shows_one(
    source: RunData, decade: tuple[float, float] | None, trend: tuple[float, float], said: str, direction: str
) -> None:
    """Decades first; else what the trend over them shows, in the sentence, the claim and the alt text."""
    decades = {} if decade is None else {"vs zero": decade}
    frame = of_sizes(**decades, **{"per decade": trend})
    tables = {name: table(source) for name, table in QUESTION.tables.items()}
    (claim,) = [
        each
        for each in QUESTION.sentences(source, {**tables, "penalty_effects": frame})
        if isinstance(each, Claim)
    ]
    assert said in claim.detail
    assert claim.direction == direction
    assert ("no effect found" in claim.detail) == (direction == "none")
    if direction != "none" and decade is not None:
        assert re.search("lowers? it", alt(frame))


def test_one_decade_of_several_is_told_with_its_ends_and_the_others(source: RunData) -> None:
    """A decade found says nothing of those above it; a trend of the other sign is told beside it."""
    frame = of_sizes(**{"vs zero": (-0.1, 0.1), "per decade": (-0.05, -0.01)})
    frame.loc[0, ["effect", "low", "high", "found", "finding"]] = (0.8, 0.1, 2.1, True, "raises")
    tables = {name: table(source) for name, table in QUESTION.tables.items()}
    said = QUESTION.sentences(source, {**tables, "penalty_effects": frame})
    (claim,) = [each for each in said if isinstance(each, Claim)]
    decades = "weights of 0.001 to 0.01 raise it: +80 % (95 % interval +10 % to +210 %); no effect found in "
    assert f"{decades}1 other decade; among weights above 0, a tenfold weight lowers it" in claim.detail
    assert claim.direction == MIXED
    assert f"{decades}1 other decade" in alt(frame)
    assert "lowers it" in alt(frame)


def test_what_the_scores_of_others_proposed_has_differences_and_no_effects(source: RunData) -> None:
    """Of trials that were proposed for their scores nothing says that a weight raises or lowers anything, in
    the text, the alt text and the caption; what goes with it is told."""
    frame = of_sizes(**{"vs zero": (-0.2, -0.1), "per decade": (-0.05, -0.01)}).assign(basis="search")
    frame.loc[1, ["effect", "low", "high", "found"]] = (0.0, -0.1, 0.1, False)
    tables = {name: table(source) for name, table in QUESTION.tables.items()}
    said = QUESTION.sentences(source, {**tables, "penalty_effects": frame})
    (claim,) = [each for each in said if isinstance(each, Claim)]
    assert "weights of 0.001 to 0.01 go with lower values: −15 %" in claim.detail
    assert "no difference found in 1 other decade" in claim.detail
    assert "a tenfold weight goes with lower values: −3 %" in claim.detail
    words = " ".join([claim.detail, alt(frame)])
    assert not re.search("(raise|lower)s? it|no effect", words)


@pytest.mark.parametrize(("weight", "told"), [(0.005, True), (0.05, False), (0.0, False)])
def test_an_answer_with_a_weight_that_does_worse_is_explained(
    source: RunData, weight: float, told: bool
) -> None:
    """A decade that raises the loss on average may hold the weight that suits the answer's other settings."""
    frame = of_sizes(**{"vs zero": (0.1, 0.2)}).assign(quantity="validation_loss")
    frame.loc[1, ["low", "found"]] = (-0.1, False)
    assert source.answer is not None
    chosen = {**source.answer.parameters, "activation_penalty": weight}
    run = replace(source, answer=replace(source.answer, parameters=chosen))
    tables = {name: table(source) for name, table in QUESTION.tables.items()}
    said = " ".join(map(str, QUESTION.sentences(run, {**tables, "penalty_effects": frame})))
    assert ("is one of those all the same" in said) == told


@pytest.mark.parametrize(("pruned", "basis"), [(0.0, "explore"), (0.5, "survivors")])
def test_survivors_of_pruning_show_no_effects(records: SyntheticRecords, pruned: float, basis: str) -> None:
    """What was pruned by its scores is missing: those left with a weight are no even draw of its settings."""
    trials = records.trials.assign(phase=records.trials["phase"].replace("exploit", "explore"))
    done = trials.index[(trials["phase"] == "explore") & (trials["outcome"] != "pruned")]
    trials = trials[(trials["phase"] != "explore") | trials.index.isin(done)]
    lost = trials.loc[done].assign(outcome="pruned", trial=lambda frame: frame["trial"] + 1000)
    more = pd.concat([trials, lost], ignore_index=True) if pruned else trials
    run = run_data(more, records.curves, records.layers)
    tables = {name: table(run) for name, table in QUESTION.tables.items()}
    assert set(tables["penalty_effects"]["basis"]) == {basis}
    said = " ".join(map(str, QUESTION.sentences(run, tables)))
    assert ("of the exploration was pruned by its scores" in said) == (pruned > 0)


def test_a_trend_that_is_drawn_is_told(source: RunData) -> None:
    """Where no decade can be compared with other settings equal, sentence, figure and table are of the trend:
    what is said of all trials refers to it, and the table of quartiles is told apart."""
    frame = of_sizes(**{"per decade": (-0.05, 0.04)}).assign(basis="search")
    tables = {name: table(source) for name, table in QUESTION.tables.items()} | {"penalty_effects": frame}
    said = QUESTION.sentences(source, tables)
    (claim,) = [each for each in said if isinstance(each, Claim)]
    told = "among weights above 0, a tenfold weight is not shown to change it: −0.5 %"
    assert told in claim.detail
    assert told in alt(frame)
    assert (claim.direction, len(draw(frame).axes)) == ("none", 1)
    texts = [each for each in said if isinstance(each, str)]
    few = "Too few trials to compare decades of the weight with other settings held equal"
    assert f"{few}; the table that compares their quartiles holds nothing equal." in texts
    rare = tables["penalty_bins"].assign(compared="few")
    assert f"{few}." in QUESTION.sentences(source, {**tables, "penalty_bins": rare})


def test_a_decade_of_one_weight_is_that_weight(source: RunData) -> None:
    """Weights that are named were tried: in sentence, alt text, ticks, table and bars."""
    frame = of_sizes(**{"vs zero": (0.1, 0.2)})
    frame.loc[0, ["weight_low", "weight_high"]] = 10.0
    frame.loc[1, ["weight_low", "weight_high"]] = 0.0123, 0.07
    tables = {name: table(source) for name, table in QUESTION.tables.items()} | {"penalty_effects": frame}
    (claim,) = [each for each in QUESTION.sentences(source, tables) if isinstance(each, Claim)]
    for text in (claim.detail, alt(frame)):
        assert "the weight 10 raises it: +15 %" in text
        assert "weights of 0.0123 to 0.07 raise it" in text
    ticks = [each.get_text() for each in draw(frame).axes[0].get_xticklabels()]
    assert ticks == ["0.012\nto 0.07", "10"]
    tried = source.trials["activation_penalty"].where(lambda weight: (weight == 0) | (weight < 1e-3), 2e-3)
    run = run_data(source.trials.assign(activation_penalty=tried), source.curves, source.layers)
    bins = penalty_bins(run)
    assert set(bins["weight_low"]) | set(bins["weight_high"]) <= set(tried)
    assert "0.002" in set(readable(bins)["weight"])
    assert "weight 0.002 " in penalty_alt(penalty(run))
    segments = draw_penalty(penalty(run)).axes[0].collections[0].get_segments()
    assert all(right[0] > left[0] for left, right in segments), "one weight has a bar, too"


def test_nothing_falls_by_more_than_all_of_it() -> None:
    """A relative change has no ticks below −100 %."""
    axes = draw(of_sizes(**{"vs zero": (-0.99, -0.3)})).axes[0]
    assert axes.get_ylim()[0] >= -1
    low = [float(min(line.get_ydata())) for line in axes.lines if len(line.get_xdata()) == 2]
    assert min(low[1:]) > axes.get_ylim()[0], "the interval is seen whole"


@pytest.mark.parametrize("word", ["lower", "higher", "overlaps"])
@pytest.mark.parametrize("effect", [(-0.1, 0.1), (-0.2, -0.1)])
def test_a_decade_that_lies_elsewhere_without_an_effect_is_explained(
    source: RunData, word: str, effect: tuple[float, float]
) -> None:
    """The table calls a decade lower and the sentence finds nothing: one more says how both can be."""
    bins = penalty_bins(source)
    bins = bins.assign(compared=bins["compared"].where(bins["compared"] == "reference", word))
    effects = of_sizes(**{"vs zero": effect}).assign(quantity=source.objective)
    tables = {name: make(source) for name, make in QUESTION.tables.items()}
    tables |= {"penalty_bins": bins, "penalty_effects": effects}
    said = " ".join(str(each) for each in QUESTION.sentences(source, tables))
    assert ("At least one decade of the table lies wholly" in said) is (word != "overlaps" and effect[1] > 0)
