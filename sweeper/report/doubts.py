"""What has to be said before an answer: nothing was learned, no better than guessing, thin data."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweeper.answer.answer import Answer
from sweeper.answer.baseline import BLIND, DRAWN, ORDER, Against, like_on_test
from sweeper.answer.bounds import HIGH, LOW, in_words, score_words
from sweeper.answer.claims import GUESS, HOLLOW, UNLEARNED
from sweeper.answer.gain import VOID
from sweeper.answer.learning import Learning
from sweeper.answer.ranked import CENTRAL, Ranked, is_central
from sweeper.components.metric_words import metric_words
from sweeper.components.metrics import BY_MAE, MEDIAN, MIDDLE
from sweeper.report.at_end import lost_at_end
from sweeper.report.majority import majority
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.study.command_line import run_again
from sweeper.study.data_keys import GROUPS
from sweeper.study.study import Study
from sweeper.wording import count, distinct, interval, listing, percent, same_on

FEW_ROWS = 30
"""Validation rows below which one row changes an error by more than three points."""
NAMED = 3
"""Classes that are named; further ones are counted."""


@dataclass(frozen=True)
class Doubt:
    """Why the answer is none; it takes the place of the headline."""

    standing: str
    """`UNLEARNED` or `GUESS`"""
    headline: str
    lead: str
    where: str = ""
    """Where it is no better than guessing: ``on validation and test rows``, ``by accuracy on test rows``."""


def doubt(study: Study, answer: Answer) -> Doubt | None:
    """Nothing is shown to be learned; else the winner is no better than guessing; else ``None``."""
    ranked = Ranked(study.objective)
    if answer.learning is not None and not answer.learning.learned and not _is_worse(answer):
        headline = "Nothing was learned."
        if answer.learning.above_guess:
            headline = f"The {ranked.metric} does not show that the winner learned anything."
        elif answer.learning.unclear:
            headline = f"{answer.learning.seeds} seeds do not show whether the winner learned anything."
        return Doubt(UNLEARNED, headline, _unlearned(answer.learning, ranked))
    if answer.baseline is None:
        return None
    like = like_on_test(study.search.objective)
    scores = [answer.baseline.objective] if answer.baseline.objective else []
    scores += [each for each in answer.baseline.test if each.score in _asked(study)]
    weak = [each for each in scores if not each.better]
    if not weak:
        return None
    ends = [each.over_chance[2] for each in weak]  # no single gain shows that it is no better
    text = "Not shown to be better than guessing"
    text = "No better than guessing" if all(math.isfinite(end) and end <= 0 for end in ends) else text
    text = "Worse than guessing" if all(each.worse for each in weak) else text
    beaten = {each.part for each in (*scores, *answer.baseline.test) if each.better}
    where = _where(weak, answer.baseline.objective, like, beaten)
    lead = _no_better(weak, answer.baseline.guess)
    return Doubt(GUESS, f"{text} {where}.", lead, where)


def _is_worse(answer: Answer) -> bool:
    """Whether it is not clear if the winner learned, but clear that guessing is better by its objective."""
    own = answer.baseline.objective if answer.baseline is not None else None
    found = answer.learning
    return found is not None and found.unclear and not found.above_guess and own is not None and own.worse


def _where(weak: Sequence[Against], own: Against | None, like: str, beaten: Collection[str]) -> str:
    """On whose rows; by which scores too where that of the objective, or `like` it, is better there, or any
    other one is: these parts are `beaten`."""
    parts: dict[str, list[Against]] = {}
    for each in weak:
        parts.setdefault(each.part, []).append(each)
    plain = [
        part
        for part, found in parts.items()
        if part not in beaten and any(x is own or x.score == like for x in found)
    ]
    said = [f"on {listing(plain)} rows"] if plain else []
    said += [
        f"by {listing([_named(each) for each in found])} on {part} rows"
        for part, found in parts.items()
        if part not in plain
    ]
    return listing(said)


def _asked(study: Study) -> tuple[str, ...]:
    """Scores of the test rows that have to beat guessing, or there is no answer.

    Where a score is the objective, it alone, or the one like it: the loss may be that of a weighted training.
    """
    like = like_on_test(study.search.objective)
    return CENTRAL if like == "loss" else (like,)


def _unlearned(found: Learning, ranked: Ranked) -> str:
    seeds = "its one seed" if found.seeds == 1 else f"{found.seeds} seeds"
    start = ranked.cost(found.before)
    later = (start - found.fell, start - found.at_best)
    before, after, best = distinct([found.before, *(ranked.value(each) for each in later)])
    other = "" if found.from_start else " (by the validation loss)"
    change, lucky = f"{before} before training{other}, {after} afterwards", ""
    if found.seeds == 1 or found.points == 1:
        change += " at best" * (found.points > 1)
    else:
        change += " at the evaluation that is best on the other seeds"
        several = f"the best of each seed's {found.points} evaluations after the start"
        moved = found.fell or found.at_best
        lucky = f"; {several}, {best} on average, may be luck" if moved else ""
    ends_word, side = ("rise", "above") if ranked.best == "highest" else ("fall", "below")
    _, low, high = interval(found.fell, found.low, found.high)
    ends = f" (95 % interval of the {ends_word} {low} to {high})"
    where = ends if math.isfinite(found.low) else ""
    text = f"The winner's {ranked.metric} does not {ends_word} {side} its start by more than noise"
    if found.unclear and found.fell > found.floor:
        text = (
            f"The winner's {ranked.metric} {ends_word}s {side} its start, but not by more than seeds differ,"
        )
    above = listing([metric_words(name) for name in found.above_guess])
    yet = f" By {above}, guessing is beaten on these test rows; other rows may differ." if above else ""
    return f"{text} on {seeds}: {change}{where}{lucky}.{yet}"


def _no_better(found: Sequence[Against], guess: str) -> str:
    """A sentence for each score; what guessing is stands in the first that needs it."""
    rivals = [_rival(each, guess) for each in found]
    brief = [
        "guessing" if rival in rivals[:k] and rival != DRAWN else rival for k, rival in enumerate(rivals)
    ]
    return " ".join(_beside(each, rival) for each, rival in zip(found, brief, strict=True))


def _beside(each: Against, rival: str) -> str:
    text = (
        f"On the {each.part} rows the winner's {_named(each)} is {_value(each, each.winner)}, and that of "
        f"{rival} {_value(each, each.chance)}"
    )
    if not math.isfinite(each.low):
        return f"{text} ({_without(each)})."
    gain, low, high = in_words(*each.over_chance, each.cut)
    return f"{text} (gain {gain}, 95 % interval {low} to {high})."


def _rival(each: Against, guess: str) -> str:
    words, middle = guess.removesuffix(BY_MAE), guess.endswith(BY_MAE) and each.score in MIDDLE
    return DRAWN if each.beyond else f"guessing {MEDIAN if middle else words}"


def _named(each: Against) -> str:
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
        own = f"{_named(found.objective)} {_of_guess(found.objective)}{_drawn(found.objective)}"
        values = [f"{found.objective.part} rows: {own}"]
    shown = [each for each in found.test if is_central(each.score, ranked.objective)]
    on_test = [f"{_named(each)} {_of_guess(each)}{_drawn(each)}" for each in shown]
    values += [f"test rows: {', '.join(on_test)}"] if on_test else []
    if not values:
        return "–", "no baseline on record for the seeds of the winner"
    blind = any(each.drawn is not None for each in (*found.test, found.objective) if each is not None)
    meaning = f"guessing {found.guess}, scored on the same rows" + (f"; {BLIND}" if blind else "")
    ranks = any(_named(each) == metric_words("average_precision") for each in shown)
    meaning += ORDER if blind and ranks else ""
    if found.objective is not None:
        meaning += f"; on {found.objective.part} rows the winner is {_gained(found.objective)}"
        same = [each for each in found.test if each.score == like_on_test(ranked.objective)]
        meaning += "".join(f", on test rows its {_named(each)} is {_gained(each)}" for each in same)
        if found.objective.better and answer.learning is not None and not answer.learning.learned:
            meaning += f"; the {ranked.metric} is the best of several evaluations, so this may be luck"
    return "\n".join(values), meaning


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
    return f"{size} ({f'95 % interval {words[1]} to {words[2]}' if math.isfinite(low) else _without(each)})"


def _without(each: Against) -> str:
    """Why its gain has no interval."""
    return same_on(each.seeds) if each.seeds == 1 else f"a gain that is {same_on(each.seeds)}"


def warnings(study: Study, answer: Answer, baselines: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Sentences about seeds, scores and rows; those about rows need what the run recorded."""
    of_rows = () if baselines is None else _rows(study, baselines)
    others = () if answer.standing in HOLLOW else _other_scores(study, answer)
    of_scores = (*majority(study, answer), *lost_at_end(study, answer))
    return (*_seeds(answer), *others, *of_scores, *of_rows)


def _other_scores(study: Study, answer: Answer) -> tuple[str, ...]:
    """Scores of the test rows that no doubt tells of: those worse than guessing, and central ones that are
    not shown to be better."""
    if answer.baseline is None:
        return ()
    others = [each for each in answer.baseline.test if each.score not in _asked(study)]
    worse = [each for each in others if each.worse]
    unshown = [each for each in others if not each.worse and not each.better and each.score in CENTRAL]
    kinds = ("Worse than guessing", worse), ("Not shown to be better than guessing", unshown)
    return tuple(
        f"{kind} by {listing([_named(each) for each in group])}. "
        + _no_better(group, answer.baseline.guess)
        + _of_weights(study, answer)
        for kind, group in kinds
        if group
    )


def _of_weights(study: Study, answer: Answer) -> str:
    """That the trainings weighed classes, and these scores do not."""
    weights = answer.parameters.get("training.class_weight", study.training.class_weight)
    if weights is None:
        return ""
    return (
        " The study weighs classes (training.class_weight), which moves outputs away from their shares; "
        "these scores do not weigh them."
    )


def _seeds(answer: Answer) -> tuple[str, ...]:
    lost = _lost(answer)
    if answer.confirmed is None or answer.confirmed.seeds >= ENOUGH_SEEDS:
        return lost
    if answer.confirmed.seeds == 1:
        return (*lost, "One fresh seed confirms nothing: its spread is unknown.")
    few = f"{answer.confirmed.seeds} fresh seeds"
    if lost:
        why = f"Only {few} were completed: too few to call the answer confirmed"
        return (*lost, f"{why}, which takes {ENOUGH_SEEDS}.")
    return (f"Only {few}: too few to call the answer confirmed; use at least {ENOUGH_SEEDS}.",)


def _lost(answer: Answer) -> tuple[str, ...]:
    """That these settings are unstable: the seeds that they lost say nothing else about their score."""
    lost = listing([f"{what} on {times}" for what, times in answer.lost.items() if times])
    tried = sum(answer.lost.values()) + (answer.confirmed.seeds if answer.confirmed else 0)
    return (f"These settings {lost} of {count(tried, 'fresh seed')}.",) if lost else ()


def _rows(study: Study, recorded: Mapping[str, Any]) -> tuple[str, ...]:
    found, rows = [], recorded["rows"]
    if recorded["labels"]:
        found.append(
            f"The targets look like {recorded['labels']} class labels, but the loss {_loss(study)} "
            "treats them as amounts; for classes use cross_entropy."
        )
    if recorded["few"]:
        few = sorted(recorded["few"], key=lambda each: each["rows"])
        by_class: dict[str, list[str]] = {}
        for each in few[:NAMED]:
            by_class.setdefault(str(each["class"]), []).append(f"{each['rows']} in {each['part']}")
        named = [f"class {name} has {listing(parts)}" for name, parts in by_class.items()]
        if len(few) > NAMED:
            named.append(f"{len(few) - NAMED} more have as few")
        found.append(f"Fewer than five rows of a class: {listing(named)}.")
    if study.objective != "train_loss" and rows["validation"] < FEW_ROWS:
        objective_rows, share = count(rows["validation"], "validation row"), percent(1 / rows["validation"])
        unlike = recorded.get("split") == GROUPS  # each seed draws groups of other sizes
        rows_words, most = (f"{objective_rows} or more", "up to ") if unlike else (objective_rows, "")
        found.append(f"The objective is measured on {rows_words}, so one row is {most}{share} of it.")
    if not rows["test"]:
        found.append("No test rows: nothing shows how the winner does on rows that no choice was made on.")
    return tuple(found)


def _loss(study: Study) -> str:
    loss = study.training.loss
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)


def with_warnings(
    study: Study,
    answer: Answer | None,
    baselines: Mapping[str, Any] | None,
    *,
    tested: bool = True,
    broken: str = "",
    failed: str = "",
) -> Answer | None:
    """`answer` with its `warnings`, a doubt first.

    `tested`: whether its test scores are on record. `broken`: how many stacks failed, and why. `failed`: how
    many trials did, and why.
    """
    if answer is None:
        return None
    doubted = doubt(study, answer)
    first = () if doubted is None else (f"{doubted.headline} {doubted.lead}",)
    if doubted is not None:
        void = None if answer.gain is None else replace(answer.gain, verdict=VOID)
        answer = replace(answer, standing=doubted.standing, gain=void, doubted=doubted.headline)
    missing: tuple[str, ...] = ()
    if answer.unfinished:
        missing = (f"The run is not finished: {answer.unfinished}. What is said is of the trainings so far.",)
    elif not tested and baselines is not None and baselines["rows"]["test"]:
        missing = (_untested(study),)
    last = tuple(f"{text.removesuffix('.')}." for text in (broken, failed) if text)
    return replace(answer, warnings=(*first, *missing, *warnings(study, answer, baselines), *last))


def _untested(study: Study) -> str:
    return (
        "The winner's scores on the test rows are not on record: the run was interrupted before it took "
        f"them, or their file was lost. This takes them, and trains only what they need: {run_again(study)}"
    )
