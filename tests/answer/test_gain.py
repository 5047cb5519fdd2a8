"""What a sweep gained over the published defaults."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sweeper.answer.answer import answer
from sweeper.answer.bounds import STRICTER
from sweeper.answer.comparison import LOST_MORE, Verdict, with_verdicts
from sweeper.answer.confirmed import confirmed
from sweeper.answer.gain import Gain, gained, power
from sweeper.answer.placing import at_worst
from sweeper.answer.ranked import LOSS, Ranked
from sweeper.questions.simplest import simplest

DEFAULT = {"optimizer": "adam", "learning_rate": 0.001, "activation": "relu"}
NOISE = np.random.default_rng(0).normal(0, 0.01, (3, 10))


def trials(means: list[float], default: int = 2, lost: int = 0) -> pd.DataFrame:
    """Trials with these means on ten seeds; one has the default, and loses the first `lost` of them."""
    rows = []
    for number, mean in enumerate(means):
        chosen = DEFAULT if number == default else {**DEFAULT, "learning_rate": 0.01 + number}
        base = {"trial": number, "outcome": "completed", **chosen}
        rows.append({**base, "phase": "explore", "seed": 0, "objective": mean})
        for seed, noise in enumerate(NOISE[number], 1):
            gone = number == default and seed <= lost
            score = {"outcome": "diverged", "objective": math.nan} if gone else {"objective": mean + noise}
            rows.append({**base, "phase": "confirm", "seed": seed, **score})
    return pd.DataFrame(rows)


def gain_of(records: pd.DataFrame) -> Gain | None:
    """As `answer` finds it."""
    found = answer(records, None, defaults=[DEFAULT])
    assert found is not None
    return found.gain


def test_the_gain_is_the_paired_difference_of_the_default() -> None:
    """Mean and interval are those of the comparison, and both stand in the words and in JSON."""
    records = trials([0.1, 0.2, 0.5])
    found = gain_of(records)
    assert found is not None
    row = confirmed(records).set_index("trial").loc[2]
    assert (found.difference, found.low) == (row["difference"], row["difference_low"])
    assert (found.verdict, found.seeds, found.optimizer) == ("gained", row["pairs"], "adam")
    value, meaning = gained(found, LOSS)
    assert value == f"{found.difference:.3g} (80 %) lower"
    assert "interval of the difference" in meaning
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["verdict"] == "gained"


def test_no_gain_is_said_so() -> None:
    """Where the interval includes no gain, and where the default itself wins."""
    unshown = gain_of(trials([0.1, 0.5, 0.101]))
    assert gained(unshown, LOSS)[0] == "nothing shown"
    assert "which contains 0" in gained(unshown, LOSS)[1]
    itself = gain_of(trials([0.1, 0.5, 0.05]))
    assert gained(itself, LOSS)[0] == "nothing gained"
    assert "is itself the winner" in gained(itself, LOSS)[1]
    assert itself is not None
    assert gained(replace(itself, seeds=1), LOSS)[0] == "not known"


def test_a_tie_whose_interval_leaves_0_out_says_why_everywhere() -> None:
    """A call takes more than the interval: card, comparison and price say so in the same words."""
    row = {"difference": 0.09, "difference_low": 0.03, "difference_high": 0.16, "cut": "", "label": "b"}
    row |= {
        "verdict": Verdict.TIED,
        "simplest": True,
        "rank": 2,
        "pairs": 8,
        "low": 0.1,
        "high": 0.3,
        "mean": 0.2,
    }
    said = [
        gained(Gain(3, "adam", 0.5, 0.09, 0.03, 0.16, 8, "unshown"), LOSS)[1],
        at_worst(row, LOSS),
        *simplest(pd.DataFrame([row]), "loss"),
    ]
    assert all(STRICTER in text for text in said), said
    over = row | {"difference_low": -0.03}
    said = [at_worst(over, LOSS), *simplest(pd.DataFrame([over]), "loss")]
    said.append(gained(Gain(3, "adam", 0.5, 0.09, -0.03, 0.16, 8, "unshown"), LOSS)[1])
    assert not any(STRICTER in text for text in said), said


@pytest.mark.parametrize(("p_high", "told"), [(0.4, True), (0.6, False), (math.nan, False)])
def test_a_finalist_that_is_better_on_most_seeds_is_told_as_such(p_high: float, told: bool) -> None:
    """A few bad seeds make its mean the worse one: who reads of the mean alone would not know."""
    row = {"difference": 0.01, "difference_low": -0.03, "difference_high": 0.16, "cut": "", "mean": 0.2}
    row |= {"p_better": 0.1, "p_low": 0.02, "p_high": p_high, "pairs": 10, "even": 0}
    assert at_worst(row, LOSS).endswith(", though better on 9 of 10 seeds") is told


def test_the_simplest_is_said_to_do_worse_than_guessing() -> None:
    """A tie may be no better than a guess, whether the score is to be low or high."""
    row = {"difference": 0.09, "difference_low": -0.03, "difference_high": 0.16, "cut": "", "label": "b"}
    row |= {"verdict": Verdict.TIED, "simplest": True, "rank": 2, "pairs": 8, "low": 0.1, "high": 0.3}
    for metric, mean, guess, worse in (("loss", 0.2, 0.1, True), ("loss", 0.2, 0.3, False)):
        (said,) = simplest(pd.DataFrame([{**row, "mean": mean, "metric": metric}]), metric, guess)
        assert ("worse than guessing" in said) is worse
    (said,) = simplest(
        pd.DataFrame([{**row, "mean": 0.4, "metric": "auc (higher is better)"}]), "validation AUC", 0.5
    )
    assert "worse than guessing" in said


def test_nothing_is_said_to_be_detected_where_no_pair_differs() -> None:
    """Scores that are the same on every seed have no spread, so no difference is known that would be seen."""
    records = trials([0.1, 0.1, 0.1])
    alike = confirmed(records.assign(objective=0.1 + 0.01 * records["seed"]))
    assert alike["seen"].iloc[1:].isna().all()
    assert power(alike, LOSS) == ()
    differ = confirmed(trials([0.1, 0.1001, 0.1002]))
    assert power(differ, LOSS)


def test_a_default_that_lost_seeds_is_told_of() -> None:
    """A lower mean on the seeds that it completed is no loss of the sweep; as the comparison calls it."""
    for lost, verdict in ((6, "fails"), (1, "unsteady")):
        records = trials([0.1, 0.5, 0.05], lost=lost)
        found, ranking = gain_of(records), with_verdicts(confirmed(records))
        assert found is not None
        assert found.verdict == verdict
        assert ranking.loc[ranking["trial"] == found.trial, "verdict"].iloc[0] in LOST_MORE
        value, meaning = gained(found, LOSS)
        assert value.endswith("higher") is (verdict == "fails")
        assert ("diverged or failed on more seeds" in meaning) is (verdict == "fails")
        assert ("lies below 0 on the seeds that both completed; the default lost more" in meaning) is (
            verdict == "unsteady"
        )


def test_without_a_default_nothing_is_known() -> None:
    """A run of earlier versions, or a space that has no default."""
    assert gain_of(trials([0.1, 0.2, 0.3], default=9)) is None
    assert gained(None, LOSS)[0] == "–"


def test_power_stands_beside_a_tie() -> None:
    """The largest difference that would have been seen, in the objective's unit; of a loss its share too."""
    ranking = confirmed(trials([0.1, 0.5, 0.101]))
    tied = ranking[ranking["tied"]]
    assert len(tied) == 2
    seen = tied["seen"].iloc[1]
    assert 0 < seen < 0.1
    share = 100 * seen / tied["mean"].iloc[0]
    said = f"a difference of {seen:.3g} ({share:.0f} % of the winner's mean)"
    assert power(tied, LOSS)[0] == said
    far = tied.assign(seen=15 * tied["mean"])
    assert power(far, LOSS)[0] == f"a difference of {far['seen'].iloc[1]:.3g}"  # no share of more than 1
    assert " ".join(power(tied.head(1), LOSS)) == ""
    accuracy = Ranked("validation_accuracy (higher is better)")
    value, meaning = power(tied, accuracy)
    assert value == f"a difference of {seen:.3g}"  # 0.9 is as far from 1 as from 0.8
    assert meaning.endswith(f"such races against trial #{tied['trial'].iloc[1]}")
    value, meaning = power(far, accuracy)
    worst = f"a finalist can be at most {1 - tied['mean'].iloc[0]:.3g} worse"  # the cost of an accuracy of 0
    assert (value, meaning.partition(": ")[2]) == ("no difference", worst)


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_show_no_gain(seeds: int) -> None:
    """One seed or two tell no settings apart, however far."""
    records = trials([0.1, 0.2, 0.9])
    records = records[(records["phase"] != "confirm") | (records["seed"] <= seeds)]
    assert gained(gain_of(records), LOSS)[0] == "not known"


def test_what_a_space_fixes_does_not_hide_its_default() -> None:
    """Records hold fixed settings, a penalty of 0 among them, that the default of the space leaves out."""
    records = trials([0.1, 0.2, 0.3]).assign(activation_penalty=0.0)
    found = gain_of(records)
    assert found is not None
    assert found.trial == 2
    assert gain_of(records.assign(learning_rate=0.5)) is None


def test_few_seeds_are_not_said_to_show_nothing() -> None:
    """Of four seeds the card says that they are too few, without an interval."""
    found = Gain(3, "adam", 0.5, 0.4, -0.3, 1.1, 4, "unshown")
    value, meaning = gained(found, LOSS)
    assert value == "not known"
    assert meaning.endswith("on 4 fresh seeds of both: too few seeds to rule out luck")
    wide = gained(Gain(3, "adam", 1.78, 1.66, -20.0, 23.0, 3, "unshown"), LOSS)[1]
    assert wide.startswith("1.66 (93 %) lower")  # an interval that is not shown does not round it to 2
    assert gained(replace(found, seeds=5), LOSS)[0] == "nothing shown"


def test_another_model_is_no_gain_over_the_default() -> None:
    """A default with the first width of the study against a winner with another one: what the rate gained is
    not known; with another activation, which was searched like the rate, it is."""
    records = trials([0.1, 0.2, 0.5])
    for column, values, comparable in (
        ("model.width", (64, 8), False),
        ("training.steps", (400.0, 141.0), False),
        ("model.width", (8, 8), True),
        ("activation", ("tanh", "relu"), True),
    ):
        own = records["trial"].eq(2)
        found = answer(
            records.assign(**{column: own.map({False: values[0], True: values[1]})}), None, defaults=[DEFAULT]
        )
        assert found is not None
        assert found.gain is not None
        assert found.gain.verdict == ("gained" if comparable else "unlike")
        value, meaning = gained(found.gain, LOSS)
        assert (value == "not comparable") is not comparable
        assert "80 %) lower" in value + meaning
        assert (f"trained with {column} = {values[1]:g}" in meaning) if not comparable else True
