"""Sentences of the questions: their numbers are those of the tables, and no claim goes further."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from report_inputs import Asked, asked_of, made_input, made_study, spoken, with_columns
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import Answer
from sweeper.answer.claims import EXPLORATORY, OPEN, Claim
from sweeper.answer.learning import Learning
from sweeper.commands.compare.tables import BEST, DIFFERENCES, SPENT
from sweeper.components.models import MODELS
from sweeper.questions import FIGURES as DRAWN
from sweeper.questions import (
    QUESTIONS,
    basins,
    comparison,
    confirmation,
    curve_classes,
    gradients,
    isolation,
    learning_rate,
    penalty_effects,
    units_over_time,
    variance,
)
from sweeper.questions.divergence import FEWEST
from sweeper.questions.penalty_keras import layer_sizes
from sweeper.report.card import card
from sweeper.report.columns import MEANINGS, OF_TABLE
from sweeper.report.grid import grid
from sweeper.report.sections import sentences
from sweeper.report.transferred import FIGURES
from sweeper.wording import interval, number, percent, signed_percents


def test_finalists_are_given_with_the_intervals_of_the_table(asked: Asked) -> None:
    """Each rival's difference stands in the sentence as in the table, which has the rest."""
    text = " ".join(spoken(comparison.sentences(*asked)))
    for row in asked.tables["comparison"].iloc[1:].to_dict("records"):
        middle, low, high = interval(row["difference"], row["difference_low"], row["difference_high"])
        ends = f"{middle} (interval {low} to {high})"
        assert f"{row['label']}: validation loss minus that of the winner {ends}" in text
        assert "P(winner is lower on a fresh seed)" not in text, "the table has it"
    regret = asked.tables["comparison"]["expected_regret"].iloc[0]
    assert re.search(rf"Expected regret of picking the winner.*: {re.escape(number(regret, 2))} of", text)
    sure = " ".join(spoken(comparison.sentences(*with_columns(asked, "comparison", expected_regret=0.0))))
    assert "regret" not in sure, "nothing is not worth a sentence"


def test_the_simplest_tied_finalist_is_named_with_its_price(asked: Asked) -> None:
    """Where the second, tied with the winner, is simpler, it is named; where none is tied, nothing is."""
    frame = asked.tables["comparison"]
    tied = with_columns(asked, "comparison", verdict=["winner", "tied", "worse"], simplest=frame["rank"] == 2)
    row = frame.iloc[1]
    said = " ".join(spoken(comparison.sentences(*tied)))
    assert f"The simplest of those tied is {row['label']}. Its price: " in said
    alone = with_columns(
        asked, "comparison", verdict=["winner", "worse", "worse"], simplest=frame["rank"] == 1
    )
    assert "simple" not in " ".join(spoken(comparison.sentences(*alone)))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.6, 0.9, "Settings outweigh luck"),
        (0.0, 0.4, "Luck outweighs settings"),
        (0.3, 0.7, "do not settle"),
    ],
)
def test_settings_and_luck_are_ordered_only_by_intervals(
    asked: Asked, low: float, high: float, words: str
) -> None:
    """Only an interval that lies wholly on one side of one half decides."""
    said = spoken(
        variance.sentences(*with_columns(asked, "variance", low_on_a_seed=low, high_on_a_seed=high))
    )
    assert words in said[0]
    for share in asked.tables["variance"]["share"]:
        assert percent(share) in said[0]


def test_columns_are_explained_table_by_table(asked: Asked) -> None:
    """A verdict or a bound is explained as what it is in its own table, and every such column is there."""
    elsewhere = {name: about.columns for name, about in FIGURES.items()}
    elsewhere |= {"differences": DIFFERENCES, "best_by_value": BEST, "spent": SPENT}
    for table, columns in OF_TABLE.items():
        assert set(columns) <= set(elsewhere.get(table) or asked.tables[table].columns), table
    said = {name: dict(grid(name, "", asked.tables[name]).meanings) for name in ("comparison", "basins")}
    assert said["comparison"]["verdict"].startswith("tied:")
    assert said["comparison"]["rank"] == MEANINGS["rank"]
    assert "rate" in said["basins"]["low"]


@pytest.mark.parametrize(
    ("low", "high", "luck", "words"),
    [
        (0.01, 0.03, "the search was optimistic", "the search was optimistic, so trust"),
        (-0.01, 0.02, "no bias shown", "the finalists together do not show that the search was optimistic"),
        (-0.03, -0.01, "the search was pessimistic", "do not show that the search was optimistic"),
        (np.nan, np.nan, "", "may be luck"),
    ],
)
def test_two_sections_say_the_same_of_the_searchs_scores(
    asked: Asked, low: float, high: float, luck: str, words: str
) -> None:
    """Where the finalists show no bias, the winner's lower score in the search is not called luck."""
    made = with_columns(asked, "comparison", mean_optimism_low=low, mean_optimism_high=high, optimism=low)
    made = with_columns(made, "finalists", search_objective=made.tables["finalists"]["mean"] - 0.01)
    assert " ".join(spoken(variance.sentences(*made))).endswith(f"{luck}." if luck else ").")
    (said,) = [text for text in spoken(confirmation.sentences(*made)) if text.startswith("In the search")]
    assert words in said
    assert ("trust the fresh seeds" in said) is (luck in ("", "the search was optimistic"))


def test_one_finalist_that_the_search_picked_is_not_called_several(asked: Asked) -> None:
    """Where published defaults are left out, both sections say of whom the bias is."""
    made = with_columns(
        asked, "comparison", mean_optimism_low=-0.01, mean_optimism_high=0.02, optimism_finalists=1
    )
    made = with_columns(made, "finalists", search_objective=made.tables["finalists"]["mean"] - 0.01)
    assert "of 1 finalist picked by search score on" in " ".join(spoken(variance.sentences(*made)))
    (said,) = [text for text in spoken(confirmation.sentences(*made)) if text.startswith("In the search")]
    assert "the one finalist picked by search score does not show" in said


def test_a_search_score_better_than_every_fresh_seed_is_told(asked: Asked) -> None:
    """How seldom luck alone does that, where the finalists together show no bias."""
    made = with_columns(asked, "comparison", mean_optimism_low=-0.01, mean_optimism_high=0.02)
    own = made.tables["finalists"].query("rank == 1")["objective"]
    made = with_columns(made, "finalists", search_objective=own.min() - 0.01)
    (said,) = [text for text in spoken(confirmation.sentences(*made)) if text.startswith("In the search")]
    assert "below its score on each of 5 fresh seeds; by luck alone that happens to one seed in 6" in said


def test_nothing_is_advised_at_the_level_of_chance(asked: Asked) -> None:
    """Neither a rate nor what to change of the curves, where nothing was learned; both say why."""
    assert asked.run.answer is not None
    assert any("--set" in text for text in spoken(curve_classes.sentences(*asked)))
    nothing = Learning(2.3, -0.1, -0.2, 0.0, 5, False, 0.01, 20, 0.02)
    chance = Asked(replace(asked.run, answer=replace(asked.run.answer, learning=nothing)), asked.tables)
    curves, rates = (spoken(key.sentences(*chance)) for key in (curve_classes, learning_rate))
    assert "These curves advise nothing, as nothing was learned." in curves
    assert not any("--set" in text for text in curves)
    assert rates[0].startswith("No rate is advised, as nothing was learned; that of the winner is ")


def test_an_answer_beside_the_best_rates_of_the_search_is_explained(asked: Asked) -> None:
    """Its rate lies outside of those that did as well on one seed: why it is the answer all the same. Fresh
    seeds decide only where they show it to be better."""
    assert asked.run.answer is not None
    frame = asked.tables["basins"].assign(within=3, low=0.1, high=0.2)
    for rate, outside in ((0.15, False), (0.3, True)):
        chosen = {**asked.run.answer.parameters, "learning_rate": rate}
        for standing in ("confirmed", "tied"):
            answer = replace(asked.run.answer, parameters=chosen, standing=standing)
            tables = asked.tables.having(basins=frame)
            first = spoken(learning_rate.sentences(replace(asked.run, answer=answer), tables))[0]
            assert ("fresh seeds decided for it" in first) is (outside and standing == "confirmed")
            assert ("it is first on fresh seeds" in first) is (outside and standing == "tied")


@pytest.mark.parametrize(
    ("others", "words"),
    [(2, "Both other finalists are tied with"), (1, "The other finalist that completed a seed is tied with")],
)
def test_other_finalists_alike_are_told_together(asked: Asked, others: int, words: str) -> None:
    """Without counting all of all; of three, one without a completed seed is not spoken of."""
    made = with_columns(asked, "comparison", verdict=["winner", "tied", "tied"], n=5)
    few = Asked(made.run, made.tables.having(comparison=made.tables["comparison"].head(1 + others)))
    assert spoken(comparison.sentences(*few))[0].startswith(words)


COUNTS = ("trials", "searched", "completed", "diverged", "pruned", "blind", "within")
"""Columns that count trials."""


def test_large_counts_have_their_commas(asked: Asked) -> None:
    """Sentences and alternative texts of a large search: a count of a thousand and more is easy to read."""
    tables = {
        name: frame.assign(**{column: 1234 * (frame[column] > 0) for column in COUNTS if column in frame})
        for name, frame in asked.tables.every().items()
        if len(frame)
    }
    large = Asked(asked.run, asked.tables.having(**tables))
    said = [text for question in QUESTIONS for text in sentences(question, *large)]
    said += [spec.alt(tables[spec.table]) for spec in DRAWN.values() if spec.table in tables]
    assert any("1,234" in text for text in said)
    assert [text for text in said if "1234" in text] == []


def test_basins_and_boundaries_are_those_of_the_tables(asked: Asked) -> None:
    """Rates of basins with two trials or more, share lost by a blind trial, and the boundary; one trial is
    none."""
    text = " ".join(spoken(basins.sentences(*asked)))
    whole = asked.tables["basins"].query("activation == 'any'")
    for row in whole.dropna(subset=["low"]).to_dict("records"):
        wide = (
            f"{row['optimizer']} from {number(row['low'])} to {number(row['high'])} ({row['within']} trials"
        )
        assert (wide in text) is (row["within"] > 1)
        lost = f"{percent(row['lost_share'])} ({percent(row['lost_low'])} to "
        telling = row["lost_high"] - row["lost_low"] <= basins.TELLING
        assert (lost in text) is (row["blind"] >= 5 and telling)
    for row in asked.tables["divergence"].query("activation == 'any'").dropna().to_dict("records"):
        beyond = row["high"] >= row["tried_high"]
        ends = (
            f"from {number(row['low'])} to beyond"
            if beyond
            else f"{number(row['low'])} to {number(row['high'])}"
        )
        where = f"{number(row['boundary'])} with {row['optimizer']} (95 % interval {ends}"
        assert (where in text) is (row["diverged"] >= FEWEST)
        assert f"{row['pooled']} activations pooled" in text
    few = with_columns(asked, "divergence", diverged=FEWEST - 1)
    assert "to say from which rate on" in " ".join(spoken(basins.sentences(*few)))
    assert "Half of the trials" not in " ".join(spoken(basins.sentences(*few)))


def test_isolation_calls_nothing_lower_whose_interval_meets(asked: Asked) -> None:
    """A value stands among the worse ones exactly when its interval begins above the first's end."""
    said = isolation.sentences(*asked)
    parts = asked.tables["isolation"].groupby("parameter", sort=False)
    for claim, (name, part) in zip(said, parts, strict=False):
        assert isinstance(claim, Claim)
        first, *others = part.to_dict("records")
        assert (claim.name, claim.direction) == (name, first["value"])
        close = tuple(row["value"] for row in others if not row["low"] > first["high"])
        assert claim.alternatives == close
        assert claim.status == (OPEN if close else EXPLORATORY)
        for row in others:
            shown = f"{row['value']} {interval(row['expected_best'], row['low'], row['high'])[0]}"
            assert shown in claim.detail


def test_curve_classes_are_counted_with_their_advice(asked: Asked) -> None:
    """Counts of the summary; advice on steps is that of the answer, none of another trial of the best."""
    text = " ".join(spoken(curve_classes.sentences(*asked)))
    for _, rows in asked.tables["curve_summary"].groupby("group"):
        for row in rows.to_dict("records"):
            assert (
                f"{row['trials']} {row['class']}" if len(rows) > 1 else f"trials: {row['class']}."
            ) in text
    own = asked.tables["answer_curves"]
    assert (
        len(own)
        == (asked.run.trials["phase"].eq("confirm") & asked.run.trials["trial"].eq(own["trial"][0])).sum()
    )
    assert f"The answer, trial #{own['trial'][0]}, " in text
    assert re.findall(r"Trial #\d+ \(", text) == []


def test_gradients_are_told_by_ratios_of_networks_and_with_advice(asked: Asked) -> None:
    """What vanishes is given with its measured ratio and advice; what is open has no verdict."""
    text = " ".join(spoken(gradients.sentences(*asked)))
    for row in asked.tables["gradient_verdicts"].query("verdict != 'healthy'").to_dict("records"):
        assert f"median {number(row['ratio'], 2)} (least {number(row['ratio_low'], 2)}, " in text
    last = asked.tables["gradient_verdicts"].drop_duplicates("activation", keep="last")
    assert all(suggestion in text for suggestion in last["suggestion"])
    open_ = " ".join(spoken(gradients.sentences(*with_columns(asked, "gradient_verdicts", sure=False))))
    assert "vanish towards" not in open_
    assert "are healthy" not in open_
    assert "no verdict is settled for gelu, relu, sigmoid and tanh" in open_


def test_a_penalty_without_effect_says_how_far_intervals_reach(asked: Asked) -> None:
    """Nothing found, never no effect; one with an interval beyond 0 is named with it."""
    frame = asked.tables["penalty_effects"]
    none = " ".join(spoken(penalty_effects.sentences(*with_columns(asked, "penalty_effects", found=False))))
    loss = frame[(frame["quantity"] == "validation_loss") & (frame["contrast"] == "vs zero")]
    low, high = signed_percents(loss["low"].min(), loss["high"].max())
    assert (
        f"Validation loss: no difference found against no penalty; the intervals of {len(loss)} decades"
        in none
    )
    assert f"reach from {low} to {high}" in none
    row = frame[frame["found"] & (frame["contrast"] == "vs zero")].iloc[0]
    text = " ".join(spoken(penalty_effects.sentences(*asked)))
    effect, low, high = signed_percents(row["effect"], row["low"], row["high"])
    assert f"{effect} (95 % interval {low} to {high})" in text


def test_units_name_the_worst_layer_at_the_end_and_before(asked: Asked) -> None:
    """The largest share of dead units with relu is that of a plain loop, beside its share at the start."""
    frame = asked.tables["units_over_time"].query("measure == 'dead' and activation == 'relu'")
    ends = {
        layer: (rows.sort_values("step")["median"].iloc[0], rows.sort_values("step")["median"].iloc[-1])
        for layer, rows in frame.groupby("layer")
    }
    layer, (before, after) = max(ends.items(), key=lambda item: item[1][1])
    text = " ".join(spoken(units_over_time.sentences(*asked)))
    assert (
        f"With relu, {percent(after)} of the units of layer {layer} are dead at the end ({percent(before)} at"
        in text
    )
    assert "recover" not in text


def test_layer_sizes_are_those_of_the_winner() -> None:
    """Depth and width of the winner, else of the study, else of the model; nothing for other models."""
    found = Answer(1, {"optimizer": "adam", "model.depth": 4.0}, 0.1, None, None, ())
    assert layer_sizes(made_study(model={"source": "mlp", "width": 16, "depth": 2}), found) == (16,) * 4
    plain = Answer(1, {"optimizer": "adam"}, 0.1, None, None, ())
    assert layer_sizes(made_study(model={"source": "mlp", "width": 16, "depth": 2}), plain) == (16, 16)
    for source in ("mlp", "residual_mlp"):
        assert layer_sizes(made_study(model={"source": source}), plain) == looked_at(source)
    assert layer_sizes(made_study(model={"source": "mlp"}), None) == ()
    assert layer_sizes(made_study(model={"source": "gru"}), found) == ()


def looked_at(source: str) -> tuple[int, ...]:
    """Sizes of the activations of the model itself, looked at by hooks on one row."""
    network = MODELS[source](
        in_shape=(5,), out_features=3, activation=torch.nn.ELU, init=lambda *given, **named: None
    )
    sizes: list[int] = []
    for module in network.modules():
        if isinstance(module, torch.nn.ELU):
            module.register_forward_hook(lambda module, given, out: sizes.append(out[0].numel()))
    network(torch.zeros(1, 5))
    return tuple(sizes)


@pytest.mark.parametrize("simpler", [False, True])
def test_the_card_names_the_simplest_tied_finalist(records: SyntheticRecords, simpler: bool) -> None:
    """It is marked where a finalist tied with the winner is simpler, and says how much worse it may be."""
    found = made_input(records).answer
    assert found is not None
    (tied,) = found.tied
    trials = records.trials
    if simpler:  # plain gradient descent on a piecewise linear activation, against adam on a smooth one
        first, second = trials["trial"] == found.trial, trials["trial"] == tied
        trials = trials.assign(
            optimizer=trials["optimizer"].mask(first, "adam").mask(second, "sgd"),
            activation=trials["activation"].mask(first, "gelu").mask(second, "relu"),
        )
    report = made_input(SyntheticRecords(trials, records.curves, records.layers))
    facts = {fact.label: fact for fact in card(report.study, report.answer, trials).facts}
    line = facts["Tied with the winner"].value
    assert ("(simplest)" in line) is simpler
    row = asked_of(report).tables["comparison"].query(f"trial == {tied}").iloc[0]
    assert line.startswith(row["label"])
    worst = interval(row["difference"], row["difference_low"], row["difference_high"])[2]
    assert line.endswith(f"may be up to {worst} worse")
