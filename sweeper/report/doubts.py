"""What has to be said before an answer: nothing was learned, no better than guessing, thin data."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweeper.answer.answer import Answer
from sweeper.answer.baseline import Against, like_on_test
from sweeper.answer.claims import GUESS, HOLLOW, UNLEARNED
from sweeper.answer.gain import VOID
from sweeper.answer.learning import Learning
from sweeper.answer.ranked import CENTRAL, Ranked
from sweeper.components.metric_words import metric_words
from sweeper.report.against_words import named, no_better
from sweeper.report.at_end import lost_at_end
from sweeper.report.majority import majority
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.study.command_line import run_again
from sweeper.study.data_keys import GIVEN, GROUPS, TIME
from sweeper.study.study import Study
from sweeper.wording import capital, count, distinct, ended, interval, listing, number, percent

FEW_ROWS = 30
"""Validation rows below which one row changes an error by more than three points."""
UNSHOWN = "not shown to be better than guessing"
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
    compared: str = ""
    """How the winner compares with guessing there: ``worse than guessing on test rows``; empty where nothing
    was learned."""

    @property
    def warning(self) -> str:
        """The same among the `warnings` of the answer, for what shows no headline."""
        return f"{self.headline} {self.lead}"


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
    text = UNSHOWN
    text = "no better than guessing" if all(math.isfinite(end) and end <= 0 for end in ends) else text
    text = "worse than guessing" if all(each.worse for each in weak) else text
    beaten = {each.part for each in (*scores, *answer.baseline.test) if each.better}
    where = _where(weak, answer.baseline.objective, like, beaten)
    seeds = min(each.seeds for each in weak)
    if text == UNSHOWN and seeds < ENOUGH_SEEDS:
        text = text.replace("shown", f"shown by {count(seeds, 'seed')}")
    lead = no_better(weak, answer.baseline.guess)
    compared = f"{text} {where}"
    return Doubt(GUESS, f"{capital(compared)}.", lead, where, compared)


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
        f"by {listing([named(each) for each in found])} on {part} rows"
        for part, found in parts.items()
        if part not in plain
    ]
    return ", and ".join([listing(said[:-1]), said[-1]]) if len(said) > 1 else said[0]


def _asked(study: Study) -> tuple[str, ...]:
    """Scores of the test rows that have to beat guessing, or there is no answer.

    Where a score is the objective, it alone, or the one like it: the loss may be that of a weighted training.
    """
    like = like_on_test(study.search.objective)
    return CENTRAL if like == "loss" else (like,)


def _unlearned(found: Learning, ranked: Ranked) -> str:
    seeds = "its one seed" if found.seeds == 1 else f"{found.seeds} seeds"
    if found.began_perfect:
        best = f"has the best value that it can have, {number(found.before)}, before training already"
        return f"The winner's {ranked.metric} {best}, on {seeds}, so no training can better it."
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
    if found.low > 0 and found.fell <= found.floor:
        text = f"The winner's {ranked.metric} {ends_word}s by too little to count as learning"
    if found.unclear and found.fell > found.floor:
        text = (
            f"The winner's {ranked.metric} {ends_word}s {side} its start, but not by more than seeds differ,"
        )
    above = listing([metric_words(name) for name in found.above_guess])
    yet = f" By {above}, guessing is beaten on these test rows; other rows may differ." if above else ""
    return f"{text} on {seeds}: {change}{where}{lucky}.{yet}"


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
    kinds = ("worse than guessing", worse), (UNSHOWN, unshown)
    own = answer.baseline.objective
    though = (
        f", though better by {metric_words(own.score)}, the score that ranks trials"
        if own and own.better
        else ""
    )
    return tuple(
        f"{capital(kind)} by {listing([named(each) for each in group])} on test rows{though}. "
        + no_better(group, answer.baseline.guess)
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
    if not lost:
        return ()
    text, alike = f"These settings {lost} of {count(answer.tried, 'fresh seed')}.", answer.lost_alike
    if not alike:
        return (text,)
    which = f"seed {alike[0]}" if len(alike) == 1 else f"seeds {listing([str(seed) for seed in alike])}"
    every = (
        f"Every other finalist lost {which}, too: what a seed draws (weights, order of batches, mostly the "
        "split) decides that, and none of these settings prevents it."
    )
    known = ended(f"Each ended so: {answer.lost_why}")
    return text, f"{every} {known if answer.lost_why else 'Look for the cause in model and data.'}"


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
            named.append(f"{count(len(few) - NAMED, 'more has', 'more have')} as few")
        alike = len(recorded.get("scores") or ()) < 2 or recorded.get("split") in (GIVEN, TIME)
        alike |= all(each["part"] == "test" for each in few)  # the same rows for every seed
        of_seeds = {str(each["part"]) for each in few} - {"test"}  # the test rows are the same for all
        where = f" ({listing(sorted(of_seeds))} rows: the fewest of all seeds, which split them differently)"
        found.append(f"Fewer than five rows of a class: {listing(named)}{'' if alike else where}.")
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
    first = () if doubted is None else (doubted.warning,)
    if doubted is not None:
        void = None if answer.gain is None else replace(answer.gain, verdict=VOID)
        answer = replace(answer, standing=doubted.standing, gain=void, doubted=doubted.compared)
    missing: tuple[str, ...] = ()
    if answer.unfinished:
        missing = (f"The run is not finished: {answer.unfinished}. What is said is of the trainings so far.",)
    elif not tested and baselines is not None and baselines["rows"]["test"]:
        missing = (_untested(study),)
    if baselines is None and answer.made and not answer.unfinished:  # earlier releases took none
        missing = (*missing, _unguessed(study))
    last = tuple(f"{text.removesuffix('.')}." for text in (broken, failed) if text)
    return replace(answer, warnings=(*first, *missing, *warnings(study, answer, baselines), *last))


def _unguessed(study: Study) -> str:
    return (
        "What guessing scores is not on record, or its file was lost, so nothing here says whether the "
        f"answer is better. This finds it, and trains nothing again: {run_again(study)}"
    )


def _untested(study: Study) -> str:
    return (
        "The winner's scores on the test rows are not on record: the run was interrupted before it took "
        f"them, or their file was lost. This takes them, and trains only what they need: {run_again(study)}"
    )
