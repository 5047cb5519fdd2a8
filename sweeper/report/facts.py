"""Numbers of the card with what they mean: the scores of the winner."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.answer.baseline import DRAWN, ORDER, Against
from sweeper.answer.bounds import CUT, LOW, cut_ends, in_decimals_of, in_words, score_words
from sweeper.answer.ranked import Ranked, is_central
from sweeper.answer.rows import search_trials, with_names
from sweeper.answer.summary import Summary
from sweeper.components.losses import LOSSES
from sweeper.components.metric_words import metric_words
from sweeper.components.metrics import OF_CLASS_1
from sweeper.records.schema import decode
from sweeper.study.study import Study
from sweeper.wording import capital, count, interval, listing, number, same_on, shown, spoken


@dataclass(frozen=True)
class Fact:
    """A number with what it means."""

    label: str
    value: str
    meaning: str


def scores_of(study: Study, answer: Answer, summary: Summary) -> tuple[Fact, ...]:
    """The lines of the card that say how well the answer did."""
    scores, ranked = [], Ranked(study.objective)
    if answer.confirmed:
        sure = answer.confirmed
        cut = cut_ends(ranked.objective, sure.mean, sure.low, sure.high, answer.least_loss)
        mean, low, high = in_words(sure.mean, sure.low, sure.high, cut)
        if not math.isfinite(sure.low):
            fresh = same_on(sure.seeds, "fresh seed")
            meaning = f"{fresh}{_best_of(answer, sure.seeds)}, so its spread is unknown"
        else:
            best, alike = _best_of(answer, sure.seeds), same_on(sure.seeds, "fresh seed")
            meaning = f"95 % interval {low} to {high}; mean over {sure.seeds} fresh seeds{best}"
            meaning = f"{alike}{best}" if low == high else meaning
            meaning += _at_end(answer, mean)
        scores.append(Fact(capital(ranked.metric), mean, meaning))
    if answer.test:
        scores.append(_tested(ranked, answer, answer.test))
    if answer.confirmed is None:
        done = len(summary.completed)
        meaning = "one seed, the only trial that completed"
        if done > 1:
            meaning = f"one seed; picked as the {ranked.best} of {done:,} completed trials, so it may flatter"
        scores.append(Fact("In the search", ranked.text(ranked.cost(answer.objective)), meaning))
    return tuple(scores)


def in_no_finalist(study: Study, trials: pd.DataFrame) -> tuple[Fact, ...]:
    """Values of compared settings that trials of the search had and no finalist has: none was retrained."""
    fresh, search = trials[trials["phase"] == "confirm"], with_names(search_trials(trials))
    if fresh.empty:
        return ()
    found, values, retrained = [], 0, search[search["trial"].isin(fresh["trial"])]
    for name in dict.fromkeys(("optimizer", "activation", *study.search.scientific)):
        if name in search:
            known, tried = (rows[name].dropna().map(_written).unique() for rows in (retrained, search))
            left = sorted(set(tried) - set(known))
            found += [f"{_setting(name, len(left))} {listing(left)}"] if left else []
            values += len(left)
    them = "them" if values > 1 else "it"
    meaning = f"what is known of {them} is from the search, one seed a trial; no fresh seed compares {them}"
    return (Fact("In no finalist", "; ".join(found), meaning),) if found else ()


def _written(value: Any) -> str:
    return shown(decode(value))


def _setting(name: str, values: int) -> str:
    """``optimizers``, ``penalty kind``, ``model.depth =``."""
    words = spoken(name)
    return f"{name} =" if "." in name else words + "s" * (values > 1 and not words.endswith("s"))


def unit_of(study: Study) -> tuple[Fact, ...]:
    """That scores are those of standardized targets, where they are: a reader takes them for the target's."""
    if not study.data.standardize_target or _is_regression(study) is False:
        return ()
    meaning = (
        "losses and errors here, in figures and in tables are those of targets with mean 0 and standard "
        "deviation 1 on the training rows (data.standardize_target)"
    )
    return (Fact("Unit", "standardized targets", meaning),)


def _is_regression(study: Study) -> bool | None:
    """Whether the loss is one of amounts; ``None`` of a loss that is not known."""
    loss = study.training.loss
    known = LOSSES.get(loss) if isinstance(loss, str) else None
    return None if known is None else known.task == "regression"


UNUSUAL = {"mse": 100.0}
"""Losses before training from which targets are far from a scale of 1; 10 for the losses not named."""
SMALL = {"mse": 0.01, "huber": 0.005, "l1": 0.1, "quantile": 0.1}
"""Losses of guessing below which they are far from it too: their deviation is below about a tenth."""


def off_scale(study: Study, curves: pd.DataFrame | None, answer: Answer | None = None) -> str:
    """A clause on the loss that targets far from a scale of 1 make unusual, as they came: large before
    training, median over trials, or small by guessing. Else empty."""
    if study.data.standardize_target or not _is_regression(study):
        return ""
    loss = str(study.training.loss)
    known = answer.baseline if answer is not None else None
    guesses = [known.objective, *known.test] if known is not None else []
    guess = next((each.guess for each in guesses if each is not None and each.score == "loss"), math.nan)
    if loss in SMALL and guess < SMALL[loss]:
        return f"guessing has a loss of {number(guess)}"
    if curves is None or curves.empty:
        return ""
    first = curves[(curves["metric"] == "validation_loss") & (curves["step"] == 0)]["value"].astype(float)
    before = float(first.median())
    return f"the loss before training is {number(before)}" if before > UNUSUAL.get(loss, 10.0) else ""


def _best_of(answer: Answer, seeds: int) -> str:
    """That a score is the best of several along its training, which flatters it beside that on test rows."""
    found = answer.learning
    several = found is not None and found.points + found.from_start > 1
    of = "the best of" if seeds == 1 else "on each the best of"
    return f", {of} {found.evaluations}" if found is not None and several else ""


def _at_end(answer: Answer, mean: str) -> str:
    """The mean at the last evaluation, to the decimals of `mean`; empty where it reads as that does."""
    found = answer.learning
    if found is None or not math.isfinite(found.at_end):
        return ""
    plain = "e" not in mean and abs(found.at_end) < TOO_LONG
    last = in_decimals_of(mean, found.at_end) if plain else number(found.at_end)
    return "" if last == mean else f"; at the last one {last} on average"


TOO_LONG = 1e6
"""Numbers from here on have no decimals."""


def _tested(ranked: Ranked, answer: Answer, tested: Mapping[str, float]) -> Fact:
    """The main scores on the test rows, each with its interval over seeds, and how many rows there are."""
    central = {name: value for name, value in tested.items() if is_central(name, ranked.objective)}
    values = ", ".join(_score(name, value, answer.test_ends.get(name)) for name, value in central.items())
    known = {
        name: _ends(name, value, *answer.test_ends[name], answer.least_loss)
        for name, value in central.items()
        if name in answer.test_ends
    }
    apart = {name: ends for name, ends in known.items() if ends[0] != ends[1]}  # else rounding alone differs
    ends = [f"{metric_words(name)} {low} to {high}" for name, (low, high) in apart.items()]
    seeds = f"mean over {answer.test_seeds} seeds" if answer.test_seeds > 1 else "one seed"
    rows = f" on {count(answer.rows['test'], 'row')}" if answer.rows.get("test") else ""
    spread = f", 95 % interval over seeds: {', '.join(ends)}" if ends else ""
    alike = [metric_words(name) for name in central if name not in apart and math.isfinite(central[name])]
    if alike and answer.test_seeds > 1:
        spread += f"; {listing(alike)} {same_on(answer.test_seeds)}, so without an interval"
    if none := [metric_words(name) for name, value in central.items() if math.isnan(value)]:
        where = "on every seed, so without a mean" if answer.test_seeds > 1 else "there"
        spread += f"; {listing(none)} {'is' if len(none) == 1 else 'are'} not a number {where}"
    at_best = ", each at its best evaluation" if answer.test_seeds > 1 else ", at its best evaluation"
    at_best = at_best if _best_of(answer, answer.test_seeds) else ""
    about = f"{seeds}{rows}{at_best}{spread}{_positive(central, answer)}"
    return Fact("Test set", values, f"{about}; no choice was made on these rows")


def _ends(name: str, value: float, low: float, high: float, least: float) -> tuple[str, str]:
    """The ends in words; one that the score cannot pass says so."""
    cut = cut_ends(name, value, low, high, least)
    words = in_words(value, low, high, cut)[1:]
    return (number(low) + CUT, words[1]) if LOW in cut else words


def other_scores(ranked: Ranked, answer: Answer) -> tuple[Fact, ...]:
    """All that was measured on the test rows and is not among the main scores, beside what guessing gives."""
    tested = answer.test or {}
    others = {name: value for name, value in tested.items() if not is_central(name, ranked.objective)}
    if not others:
        return ()
    guesses = {each.score: each for each in answer.baseline.test} if answer.baseline else {}
    values = [
        _score(name, value) + (f" ({_guessed(guesses[name])})" if name in guesses else "")
        for name, value in others.items()
    ]
    drawn = any(each.drawn is not None for name, each in guesses.items() if name in others)
    labels = f", and {DRAWN}" if drawn else ""
    known = "" if set(others) <= set(guesses) else " where it is known which way is better"
    meaning = "on the test set" + (f"; in brackets, what guessing scores{labels}{known}" if guesses else "")
    meaning += ORDER if drawn and "average_precision" in others else ""
    return (Fact("Other scores", ", ".join(values), f"{meaning}{_positive(others, answer)}"),)


def _positive(names: Iterable[str], answer: Answer) -> str:
    """Which class those of some scores are about that are about one of two."""
    about = [metric_words(name) for name in names if name in OF_CLASS_1]
    if not about or not answer.positive:
        return ""
    which = "class 1" if answer.positive == "1" else f"class 1, “{answer.positive}”"
    ones = f", with {count(answer.positives['test'], 'test row')}" if "test" in answer.positives else ""
    return f"; {listing(about)} {'is' if len(about) == 1 else 'are'} of {which}{ones}"


def _guessed(each: Against) -> str:
    both = [each.guess] if each.drawn is None else [each.guess, each.drawn]
    return ", ".join(score_words(each.score, value) for value in both)


def _score(name: str, value: float, ends: tuple[float, float] | None = None) -> str:
    return f"{metric_words(name)} {interval(value, *ends)[0] if ends else score_words(name, value)}"
