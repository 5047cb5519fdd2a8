"""What a comparison says in words and numbers: its rows agree with each other."""

import re

import pytest
from report_inputs import made_input, made_study
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.commands.compare import sections, words
from sweeper.commands.compare.page import side_by_side


def compared(seeds: tuple[int, int], shift: float) -> words.Comparison:
    """Two runs with so many fresh seeds; the scores of the second lie higher by `shift`."""
    sides = []
    for name, n, more in zip(("one", "other"), seeds, (0.0, shift), strict=True):
        made = synthetic_records(24, finalists=2, seeds=n)
        fresh = made.trials["phase"] == "confirm"
        noise = 0.01 * (made.trials["seed"] % 3) * (name == "one")
        trials = made.trials.assign(objective=made.trials["objective"] + fresh * (more + noise))
        records = SyntheticRecords(trials, made.curves, made.layers)
        sides += [name, made_input(records, study=made_study(name=name), test=False)]
    return side_by_side(*sides)


def meanings(side: words.Comparison) -> dict[str, tuple[str, str]]:
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
