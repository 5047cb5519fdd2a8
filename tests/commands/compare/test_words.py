"""What a comparison says in words and numbers: its rows agree with each other."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from report_inputs import made_input, made_study
from scipy import stats
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.commands.compare import next_step, sections, words
from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.page import side_by_side
from sweeper.statistics.two_winners import chance_to_settle


def compared(seeds: tuple[int, int], shift: float, *, same: bool = False) -> Comparison:
    """Two runs with so many fresh seeds; the scores of the second lie higher by `shift`. Their settings are
    trained in the `same` way, or differ."""
    sides = []
    for name, n, more in zip(("one", "other"), seeds, (0.0, shift), strict=True):
        made = synthetic_records(24, finalists=2, seeds=n)
        fresh = made.trials["phase"] == "confirm"
        noise = 0.01 * (made.trials["seed"] % 3) * (name == "one")
        trials = made.trials.assign(objective=made.trials["objective"] + fresh * (more + noise))
        records = SyntheticRecords(trials, made.curves, made.layers)
        training = {} if same else {"timeout": float(ord(name[1]))}
        sides += [name, made_input(records, study=made_study(name=name, training=training), test=False)]
    return side_by_side(*sides)


def meanings(side: Comparison) -> dict[str, tuple[str, str]]:
    """Label -> (value, meaning) of the card."""
    return {fact.label: (fact.value, fact.meaning) for fact in words.card(side).facts}


@pytest.mark.parametrize("seeds", [(6, 9), (9, 6), (6, 6)])
def test_a_difference_is_that_of_the_means_beside_it(seeds: tuple[int, int]) -> None:
    """Where the winners have other seeds, too, the row of the difference has the means on shared ones."""
    value, meaning = meanings(compared(seeds, 0.3))["Difference"]
    shared = re.search(r"on the 6 shared seeds: ([\d.]+) − ([\d.]+),", meaning)
    assert (shared is None) is (seeds == (6, 6))
    if shared:
        assert float(shared[1]) - float(shared[2]) == pytest.approx(float(value.replace("−", "-")), abs=2e-3)


@pytest.mark.parametrize("shift", [3e-4, 8e-3, 0.3])
def test_both_intervals_of_a_difference_say_the_same(shift: float) -> None:
    """The sentence tells how much lower or higher each end is; the subtraction beside it holds."""
    side = compared((6, 9), shift)
    lead, (value, meaning) = words.card(side).lead, meanings(side)["Difference"]
    b, a = re.search(r"shared seeds: ([\d.]+) − ([\d.]+),", meaning).groups()  # type: ignore[union-attr]
    difference = float(value.replace("−", "-"))
    assert float(b) - float(a) == pytest.approx(difference, rel=0.2)
    found = re.search(r"interval: ([\d.e-]+)( higher| lower)? to ([\d.e-]+) lower\)", lead)
    assert found
    best = -1 if difference < 0 else 1
    ends = re.search(r"interval (\S+) to (\S+);", meaning) or re.search(r"interval (\S+) to (\S+)", meaning)
    assert ends
    low, high = sorted(best * float(end.strip(",;.").replace("−", "-")) for end in ends.groups())
    first = float(found[1]) * (-1 if found[2] == " higher" else 1)
    assert (first, float(found[3])) == pytest.approx((low, high))


@pytest.mark.parametrize("shift", [0.3, -0.05, 0.005])
@pytest.mark.parametrize("seeds", [(6, 9), (6, 6), (3, 6), (0, 6)])
def test_nothing_is_said_twice(seeds: tuple[int, int], shift: float) -> None:
    """Every sentence of the card and of the sections stands there once."""
    side = compared(seeds, shift)
    told = words.card(side)
    texts = [told.headline, told.lead, *(text for part in sections.SECTIONS for text in part.sentences(side))]
    said = [sentence for text in texts for sentence in re.split(r"(?<=\.) (?=[A-Z])", text)]
    assert [each for each in said if said.count(each) > 1] == []


@pytest.mark.parametrize(("shift", "lower"), [(0.3, "one"), (-0.05, "other"), (0.005, "other")])
def test_the_share_of_seeds_is_that_of_the_run_that_is_better_on_more(shift: float, lower: str) -> None:
    """No share below one half beside a threshold of 75 %: it is told of the other run, with its interval."""
    side = compared((6, 6), shift)
    value, meaning = meanings(side)[f"P({lower} is lower)"]
    low, high = (int(end) for end in re.findall(r"(\d+) %", meaning)[1:3])
    share = int(value.removesuffix(" %"))
    assert max(50, low) <= share <= high
    said = " ".join(sections.SECTIONS[0].sentences(side))
    assert f"{lower} is lower than {'other' if lower == 'one' else 'one'} on {value} of the 6" in said


def test_values_stand_by_their_size() -> None:
    """Numbers of a setting go up from row to row, and are written as they would be typed."""
    made, sides = synthetic_records(24, finalists=2), []
    for name, sizes in (("one", [64.0, 8.0, 128.0]), ("other", [8.0, 16.0, 128.0])):
        trials = made.trials.assign(**{"model.width": made.trials["trial"].map(lambda k, s=sizes: s[k % 3])})
        search = {**made_study().to_dict()["search"], "scientific": ["model.width"]}
        records = SyntheticRecords(trials, made.curves, made.layers)
        sides += [name, made_input(records, study=made_study(name=name, search=search), test=False)]
    found = side_by_side(*sides).tables["best_by_value"]
    assert found["value"].tolist() == ["8", "16", "64", "128"]


@pytest.mark.parametrize("seeds", [(6, 6), (50, 50), (6, 9), (3, 6), (0, 6)])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_same_settings_are_called_the_same(seeds: tuple[int, int], shift: float) -> None:
    """Whatever their seeds show: nobody is better, and no seeds are asked for."""
    side = compared(seeds, shift, same=True)
    told = words.card(side)
    assert told.headline == "The winners of one and other have the same settings."
    assert told.next_step.command.startswith("sweeper best ")
    if "scores" in told.lead:
        assert told.lead.endswith(f"scores on the {min(seeds)} fresh seeds of both are the same.")
    assert "P(" not in words.text(side)
    assert not {"better", "lower than"} & set(" ".join(sections.SECTIONS[0].sentences(side)).split())


@pytest.mark.parametrize("seeds", [6, 13, 14, 20, 29, 50])
def test_more_pairs_are_asked_for_than_there_are_and_show_what_is_said(
    seeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probability of a share of 75 % whose interval lies above one half is that of a binomial sum."""
    monkeypatch.setattr(next_step, "more_seeds", lambda *given, ties: (f"confirm.seeds={given[-1]}",))
    monkeypatch.setattr(next_step, "HARDLY", 0.0)
    step = next_step._on_more_seeds(compared((seeds, seeds), 0.005))
    found = re.search(
        r"better on (\d+) % of seeds, (\d+) pairs show .*? with a probability of (\d+) %", step.text
    )
    assert found
    p, pairs, probability = int(found[1]) / 100, int(found[2]), int(found[3]) / 100
    assert pairs > seeds
    assert {int(n) for n in re.findall(r"confirm.seeds=(\d+)", step.command)} == {pairs}
    shown = [
        won
        for won in range(pairs + 1)
        if won / pairs >= 0.75 and stats.binomtest(won, pairs).proportion_ci(method="wilson").low > 0.5
    ]
    reached = [
        sum(math.comb(pairs, won) * q**won * (1 - q) ** (pairs - won) for won in shown) for q in (p - 0.01, p)
    ]
    assert reached[0] < probability <= reached[1]


@pytest.mark.parametrize(("p", "hardly"), [(0.5, True), (0.7, False), (0.3, False)])
def test_seeds_that_would_hardly_settle_it_are_not_asked_for(
    p: float, hardly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probability that more seeds settle it is told; where it is small, either run is to be used."""
    monkeypatch.setattr(next_step, "more_seeds", lambda *given, ties: (f"confirm.seeds={given[-1]}",))
    side = compared((20, 20), 0.0)
    told = next_step._on_more_seeds(replace(side, found=replace(side.found, p_better=p)))
    chance = chance_to_settle(p, 20, 20)
    assert (chance < next_step.HARDLY) == hardly
    assert f"{max(1, math.ceil(100 * chance))} %" in told.text
    assert ("use either" in told.text) == hardly == told.command.startswith("sweeper best")


@pytest.mark.parametrize(("won", "pairs", "more"), [(5, 10, 19), (7, 10, 19), (3, 13, 16), (6, 6, 23)])
def test_the_probability_that_seeds_settle_it(won: int, pairs: int, more: int) -> None:
    """Drawn: what P may be after the pairs so far (Jeffreys), further wins, and what is asked of P."""
    rng = np.random.default_rng(0)
    wins = won + rng.binomial(more, rng.beta(won + 0.5, pairs - won + 0.5, size=40_000))

    def shown(count: int) -> bool:
        every = pairs + more
        low = stats.binomtest(count, every).proportion_ci(method="wilson").low
        return count / every >= 0.75 and low > 0.5

    settled = [k for k in range(pairs + more + 1) if shown(k) or shown(pairs + more - k)]
    expected = np.isin(wins, settled).mean()
    assert chance_to_settle(won / pairs, pairs, more) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("ahead", "behind", "total", "said"),
    [
        (1, 0, 1, "The only value tried in both reached a lower score in the search of one."),
        (0, 0, 1, "The only value tried in both reached the same score in both searches."),
        (0, 2, 2, "Both values tried in both reached a lower score in the search of other."),
        (0, 0, 5, "All 5 values tried in both reached the same score in both searches."),
        (
            1,
            0,
            5,
            "Of 5 values tried in both, 1 reached a lower score in the search of one and 4 ",
        ),
        (2, 3, 5, "Of 5 values tried in both, 2 reached a lower score in the search of one and 3 reached a "),
    ],
)
def test_values_that_reached_more_are_counted_in_words(
    ahead: int, behind: int, total: int, said: str
) -> None:
    """No 0 of 5, and equal scores are called equal."""
    assert sections._reached(compared((6, 6), 0.3), ahead, behind, total).startswith(said)


@pytest.mark.parametrize("seeds", [(6, 9), (9, 6), (6, 6)])
def test_curves_are_compared_on_the_seeds_that_scores_are(seeds: tuple[int, int]) -> None:
    """Medians of both runs are over their 6 shared seeds, however many others one of them has."""
    side = compared(seeds, 0.3)
    curves = side.tables["curves"]
    for run in (side.a, side.b):
        own = run.records.curves
        own = own[(own["metric"] == "validation_loss") & (own["trial"] == run.answer.trial)]
        own = own[own["seed"].between(1, 6)]
        expected = own.groupby("step")["value"].median()
        found = curves[curves["run"] == run.name].set_index("step")["median"]
        assert found.to_dict() == pytest.approx(expected.to_dict())
    said = next(part for part in sections.SECTIONS if part.key == "curves").sentences(side)
    assert all("(6 fresh seeds of both)" in text for text in said)


@pytest.mark.parametrize("shift", [0.01002, 0.00998, 0.3])
def test_the_higher_mean_looks_higher(shift: float) -> None:
    """Both means have the digits that tell them apart, whatever their own intervals would leave of them."""
    side = compared((6, 6), shift)
    means = [float(meanings(side)[name][0]) for name in ("one", "other")]
    assert (means[1] > means[0]) is (shift > 0.01)
    assert (means[1] < means[0]) is (shift < 0.01)
