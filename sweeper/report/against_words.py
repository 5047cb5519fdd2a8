"""The winner against guessing, in words: for a doubt, and for the card."""

import math
from collections.abc import Sequence

from sweeper.answer.answer import Answer
from sweeper.answer.baseline import BLIND, DRAWN, ONE_LABEL, ORDER, Against, Baseline, is_users, like_on_test
from sweeper.answer.bounds import HIGH, LOW, in_words, score_words
from sweeper.answer.ranked import Ranked, is_central
from sweeper.components.metric_words import metric_words
from sweeper.components.metrics import BY_MAE, MEDIAN, MIDDLE
from sweeper.wording import distinct, listing, same_on


def no_better(found: Sequence[Against], guess: str) -> str:
    """A sentence for each score; what guessing is stands in the first that needs it."""
    rivals = [_rival(each, guess) for each in found]
    brief = [
        "guessing" if rival in rivals[:k] and rival != DRAWN else rival for k, rival in enumerate(rivals)
    ]
    return " ".join(_beside(each, rival) for each, rival in zip(found, brief, strict=True))


def _beside(each: Against, rival: str) -> str:
    text = (
        f"On the {each.part} rows the winner's {named(each)} is {_value(each, each.winner)}, and that of "
        f"{rival} {_value(each, each.chance)}"
    )
    if not math.isfinite(each.low):
        return f"{text} ({_without(each)})."
    gain, low, high = in_words(*each.over_chance, each.cut)
    return f"{text} (gain {gain}, 95 % interval {low} to {high}{_lucky(each)})."


def _lucky(each: Against) -> str:
    """That an interval over seeds, which lies above 0, may be luck with the rows all the same."""
    if each.better or not each.above_seeds:
        return ""
    return f" over seeds; luck with these rows explains up to {distinct([each.luck])[0]}"


def _rival(each: Against, guess: str) -> str:
    words, middle = guess.removesuffix(BY_MAE), guess.endswith(BY_MAE) and each.score in MIDDLE
    return DRAWN if each.beyond else f"guessing {MEDIAN if middle else words}"


def named(each: Against) -> str:
    return metric_words(each.score)


def _value(each: Against, value: float) -> str:
    return score_words(each.score, value, 4)


def _drawn(each: Against) -> str:
    """What labels at random give, where that is known."""
    return "" if each.drawn is None else f" ({DRAWN}: {_value(each, each.drawn)})"


def guessing(answer: Answer, ranked: Ranked) -> tuple[str, str]:
    """Value and meaning of the line that shows the baseline."""
    found = answer.baseline
    if found is None:
        return "–", "no baseline on record: an earlier version made this run"
    if not found.guess:
        return "–", f"no baseline is known for this loss: {found.why or 'its scores are not on record'}"
    values = []
    if found.objective is not None:
        own = f"{named(found.objective)} {_of_guess(found.objective)}{_drawn(found.objective)}"
        values = [f"{found.objective.part} rows: {own}"]
    shown = [each for each in found.test if is_central(each.score, ranked.objective)]
    on_test = [f"{named(each)} {_of_guess(each)}{_drawn(each)}" for each in shown]
    values += [f"test rows: {', '.join(on_test)}"] if on_test else []
    if not values:
        return "–", "no baseline on record for the seeds of the winner"
    meaning = f"guessing {found.guess}, scored on the same rows{_blind(found, shown)}"
    if found.objective is not None:
        meaning += f"; on {found.objective.part} rows the winner is {_gained(found.objective)}"
        same = [each for each in found.test if each.score == like_on_test(ranked.objective)]
        meaning += "".join(f", on test rows its {named(each)} is {_gained(each)}" for each in same)
        unlearned = answer.learning is not None and not answer.learning.learned
        lasts = answer.learning is not None and ranked.cost(answer.learning.at_end) < ranked.cost(
            found.objective.guess
        )
        if found.objective.better and not lasts and (unlearned or not all(each.better for each in same)):
            meaning += f"; the {ranked.metric} is the best of several evaluations, so this may be luck"
    return "\n".join(values), meaning


def _blind(found: Baseline, shown: Sequence[Against]) -> str:
    """What blind labels are, of the scores beside which they stand; empty where they stand beside none."""
    values = [each for each in (found.objective, *shown) if each is not None and each.drawn is not None]
    own = list(dict.fromkeys(named(each) for each in values if is_users(each.score)))
    if not values:
        return ""
    if all(is_users(each.score) for each in values):
        return f"; {ONE_LABEL}"
    alone = f"; of {listing(own)} only one for all rows" if own else ""
    ranks = any(each.score == "average_precision" for each in values)
    return f"; {BLIND}{alone}{ORDER if ranks else ''}"


def _of_guess(each: Against) -> str:
    return _value(each, each.guess)


def _gained(each: Against) -> str:
    """How much better than guessing the winner is, with its interval."""
    gain, low, high = each.over_chance
    if gain == low == high == 0:
        return "as good as guessing on every seed"
    turned = {LOW: HIGH, HIGH: LOW}.get(each.cut, each.cut)
    known = (low, high, each.cut) if gain >= 0 else (-high, -low, turned)
    words = in_words(abs(gain), *known)
    size = f"{words[0]} {each.side}"
    size += f" than what {DRAWN} score" if each.beyond else ""
    spread = math.isfinite(low) and words[1] != words[2]
    over = f"95 % interval {words[1]} to {words[2]}{_lucky(each)}" if spread else _without(each)
    return f"{size} ({over})"


def _without(each: Against) -> str:
    """Why its gain has no interval."""
    return same_on(each.seeds) if each.seeds == 1 else f"a gain that is {same_on(each.seeds)}"
