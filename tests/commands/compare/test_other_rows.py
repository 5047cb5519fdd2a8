"""Runs that were scored on other rows."""

from dataclasses import replace
from typing import Any

import pytest
from compared_runs import made_run
from synthetic_records import SyntheticRecords

from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.pairing import incomparable
from sweeper.commands.compare.winners import compare
from sweeper.commands.compare.words import card


@pytest.mark.parametrize(
    ("sections", "word"),
    [
        ({"search": {"seed": 1}}, "search.seed is 0 and 1"),
        ({"data": {"split": [0.5, 0.3, 0.2]}}, "data.split is 0.6/0.2/0.2 and 0.5/0.3/0.2"),
    ],
)
def test_other_seeds_are_unpaired(records: SyntheticRecords, sections: dict[str, Any], word: str) -> None:
    """Where the runs have other rows, the comparison is unpaired, says why and ranks nothing, however far
    apart the scores are; what comes next is a search on the same rows."""
    one, two = made_run(records, "one"), made_run(records, "two", 9.0, **sections)
    found = compare(one, two)
    assert not found.paired
    assert word in found.why
    assert found.low > 0
    assert found.verdict == "undecided"
    told = card(Comparison(one, two, found, {}))
    assert told.headline == "one and two were scored on other rows, which ranks neither."
    assert "on the rows of one" in told.next_step.text
    assert "search.seed=0" in told.next_step.command


@pytest.mark.parametrize(
    ("hashes", "same"), [(("30bd98", "30bd98"), True), (("30bd98", "77aa01"), False), (("", ""), False)]
)
def test_the_same_rows_at_another_place_are_the_same_data(
    records: SyntheticRecords, hashes: tuple[str, str], same: bool
) -> None:
    """A project that was moved: where both runs have read the same rows, paths do not matter."""
    runs = [made_run(records, name, data={"source": f"{name}.csv"}) for name in ("one", "two")]
    one, two = (
        replace(run, answer=replace(run.answer, made={"data": known} if known else {}))
        for run, known in zip(runs, hashes, strict=True)
    )
    assert (incomparable(one, two) == "") is same


@pytest.mark.parametrize(
    ("sections", "kinds", "word"),
    [
        (({}, {}), ("groups", "random"), "rows were split by groups and at random"),
        (({}, {"group": "person"}), ("", ""), "data.group is not set and person"),
        (({"time": "day"}, {"time": "sold"}), ("time", "time"), "data.time is day and sold"),
        (({"stratify": True}, {}), ("stratified", "stratified"), ""),
        (({"stratify": "town"}, {}), ("stratified", "stratified"), "data.stratify is town and not set"),
        (({"group": "a"}, {"group": "b"}), ("given", "given"), ""),
    ],
)
def test_rows_that_are_split_otherwise_are_others(
    records: SyntheticRecords, sections: tuple[dict[str, Any], ...], kinds: tuple[str, str], word: str
) -> None:
    """By groups, by time or at random: the same shares and seed validate on other rows. Keys that mean the
    same, and splits that came with the data, do not."""
    one, two = (
        replace(made_run(records, name, shift, data=data), split=kind)
        for name, shift, data, kind in zip(("one", "two"), (0.0, 9.0), sections, kinds, strict=True)
    )
    found = compare(one, two)
    assert word in found.other_rows
    assert bool(found.other_rows) == bool(word) == (found.verdict == "undecided")
    step = card(Comparison(one, two, found, {})).next_step
    lacking = [key for key in sections[1] if key not in sections[0]]
    assert [f"data.{key}" in step.text for key in lacking] == [bool(word)] * len(lacking)
    assert all(f"data.{key}={value}" in step.command for key, value in sections[0].items()) or not word


@pytest.mark.parametrize(
    ("split", "other"), [("random", True), ("groups", True), ("given", False), ("time", False)]
)
def test_rows_that_no_seed_draws_are_the_same(records: SyntheticRecords, split: str, other: bool) -> None:
    """Another seed holds back other rows only where it draws them; the same settings say which it was."""
    one, two = (
        replace(made_run(records, name, shift, search={"seed": seed}), split=split)
        for name, shift, seed in (("one", 0.0, 0), ("two", 9.0, 1))
    )
    found = compare(one, two)
    assert bool(found.other_rows) == other
    assert (found.verdict == "a") != other
    same = made_run(records, "two", 0.5, search={"seed": 1}, training={"timeout": float(ord("o"))})
    same = replace(same, split=split)
    told = card(Comparison(one, same, compare(one, same), {}))
    assert ("by their rows" in told.lead) == other
