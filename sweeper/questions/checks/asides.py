"""What stands beside the numbers of two trials that are compared: what else they differ in, and the race."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweeper.answer.comparison import UNSHOWN, Verdict, with_verdicts
from sweeper.answer.confirmed import confirmed
from sweeper.answer.rows import differing, published, with_kinds, with_names
from sweeper.questions.run_data import RunData
from sweeper.records.schema import decode
from sweeper.wording import listing, shown, spoken


def race_verdicts(run: RunData) -> dict[int, str]:
    """What the race calls each finalist, see `sweeper.answer.comparison.verdicts`; empty without one."""
    ranking = confirmed(run.trials)
    if ranking.empty:
        return {}
    named = with_verdicts(ranking)
    return dict(zip(named["trial"].astype(int), named["verdict"], strict=True))


def unshown(calls: Mapping[int, str], one: int, other: int) -> str:
    """That the race does not show the one to be worse than the other, in words: one is its winner and the
    other not shown to be worse, or neither is shown to be worse than it. Empty where the race tells them
    apart, or has too few seeds to call anything."""
    for winner, rival in ((one, other), (other, one)):
        call = calls.get(rival, "")
        if calls.get(winner) == Verdict.WINNER and call in UNSHOWN and call != Verdict.UNRANKED:
            how = "tied with" if call == Verdict.TIED else "not shown to be worse than"
            return f"among all finalists #{rival} is {how} the winner, #{winner}"
    both = {calls.get(one, ""), calls.get(other, "")}
    if both == {Verdict.TIED}:
        return "among all finalists both are tied with the winner"
    if both <= set(UNSHOWN) - {Verdict.UNRANKED}:
        return "among all finalists neither is shown to be worse than the winner"
    return ""


def aside(run: RunData, one: "pd.Series[Any]", other: "pd.Series[Any]", parameter: str) -> str:
    """Which of the two is an untuned default, in which other settings they differ, and a caveat where the
    answer is a third trial with the value of one of them."""
    pair = pd.DataFrame([one, other])
    plain = pair.loc[published(pair, run.defaults), "trial"].tolist()
    verb = "is a published default" if len(plain) == 1 else "are published defaults"
    trials = listing([f"#{trial}" for trial in plain])
    untuned = f"; {trials} {verb}, not tuned, so its value may do better" if plain else ""
    if len(plain) > 1:
        untuned = untuned.replace("its value", "their values")
    unlike = differences(run, pair, parameter)
    more = f"; they differ in {listing(unlike)} too" if unlike else ""
    return f"{untuned}{more}{_of_the_answer(run, one, other, parameter)}"


def differences(run: RunData, pair: pd.DataFrame, parameter: str) -> list[str]:
    """``learning rate [0.0145 against 0.001]`` for each setting of the two rows that is not the same, but for
    `parameter` and for what only one of them has: options of an optimizer. Compared settings first."""
    rows = with_kinds(with_names(pair))
    unlike, compared = differing(rows), run.study.search.scientific
    first = [name for name in compared if name in unlike]
    return [
        f"{spoken(name)} [{' against '.join(shown(decode(value)) for value in rows[name])}]"
        for name in dict.fromkeys([*first, *unlike])
        if name != parameter
    ]


def _of_the_answer(run: RunData, one: "pd.Series[Any]", other: "pd.Series[Any]", parameter: str) -> str:
    if run.answer is None or run.answer.trial in (one["trial"], other["trial"]):
        return ""
    if run.answer.parameters.get(parameter) not in [decode(row[parameter]) for row in (one, other)]:
        return ""
    return f"; the answer, #{run.answer.trial}, was picked by these seeds, which would flatter its value"
