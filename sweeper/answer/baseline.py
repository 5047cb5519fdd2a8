"""The winner against guessing, pair by pair on the same seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sweeper.answer.bounds import bounded_gain, which_cut
from sweeper.components.metrics import known_score
from sweeper.statistics.intervals import interval
from sweeper.statistics.random_order import spread_of_average_precision
from sweeper.statistics.standing import winners_interval
from sweeper.trial import HIGHER, is_maximized

ROUNDING = 1e-6
"""Share of the guess's score below which a difference is rounding."""
LUCKY = 2.0
"""Standard errors up to which luck with a few rows explains a gain."""
SURE = 4.0
"""Standard errors beyond which it explains nothing, however many scores are looked at."""
HUGE = 1e100
"""Scores from here on say nothing: R² of rows whose targets are all alike; their squares may overflow."""


DRAWN = "the best blind labels"
"""What `Against.drawn` is of, in words."""
ONE_LABEL = "blind labels: one for all rows"
"""What that means of a score of the user's."""
BLIND = f"{ONE_LABEL}, or drawn by their shares, whichever scores better"
"""What that means of other scores."""
ORDER = "; of average precision, rows in random order if they do"
"""What is added where average precision is shown."""


@dataclass(frozen=True)
class Against:
    """A score of the winner and that of guessing, means over the same `seeds`."""

    part: str
    """validation | train | test: whose rows."""
    score: str
    """loss, error, accuracy …"""
    winner: float
    guess: float
    gain: float
    """How much better the winner is; below 0 where it is worse."""
    low: float
    high: float
    """95 % interval of the mean paired `gain`; NaN for one seed, or two or three alike. That of the score
    which picked the winner allows for it."""
    seeds: int
    higher: bool
    """Whether higher values are better."""
    drawn: float | None = None
    """What labels score that know nothing of their rows, one for all or (not by a score of the user's) drawn
    at random with their shares; ``None`` where targets are no labels, and in runs of earlier versions."""
    beyond: float = 0.0
    """By how much `drawn` beats `guess` on these seeds; 0 where it is not shown to. One constant has an
    F1 of 0 that any labels beat."""
    cut: str = ""
    """Which ends of the interval were cut off where the score ends, see `sweeper.answer.bounds`."""
    luck: float = 0.0
    """The gain over `chance` that luck with the test rows explains, see `luck_of_rows`; 0 where that is not
    known. All seeds are scored on the same rows, so an interval over seeds knows nothing of it."""

    @property
    def chance(self) -> float:
        """The better of `guess` and `drawn`: what a score has to beat."""
        return self.drawn if self.drawn is not None and self.beyond > 0 else self.guess

    @property
    def over_chance(self) -> tuple[float, float, float]:
        """`gain` and its interval over `chance`."""
        return self.gain - self.beyond, self.low - self.beyond, self.high - self.beyond

    @property
    def side(self) -> str:
        """Where the winner lies, seen from `chance`: higher | lower, by this score and not the objective:
        an error falls where the accuracy rises."""
        return "higher" if (self.over_chance[0] >= 0) == self.higher else "lower"

    @property
    def better(self) -> bool:
        """The interval of the gain over `chance` lies above 0; without one, the gain. It exceeds `luck`."""
        return self.above_seeds and self.over_chance[0] > self.luck

    @property
    def above_seeds(self) -> bool:
        """The same, whatever luck with rows explains."""
        gain, low, _ = self.over_chance
        return (low if math.isfinite(low) else gain) > ROUNDING * abs(self.chance)

    @property
    def worse(self) -> bool:
        """The same on the other side of 0. One seed shows nothing worse."""
        return self.over_chance[2] < -ROUNDING * abs(self.chance)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no NaN; `better` is of the interval, so none where there is none."""
        low, high = (None if math.isnan(end) else end for end in (self.low, self.high))
        better = None if low is None else self.better
        more = {} if self.drawn is None else {"drawn": self.drawn}
        more |= {"luck": self.luck} if self.luck else {}
        found = {"guess": self.guess, "gain": self.gain, "low": low, "high": high, "better": better}
        return {**found, **more}


@dataclass(frozen=True)
class Baseline:
    """What guessing scores beside the winner."""

    guess: str
    """The constant prediction in words; empty where none is known."""
    why: str
    """Why none is known."""
    objective: Against | None
    """In the unit of the objective, on the rows that it is taken on."""
    test: tuple[Against, ...]
    """Each score on the test rows."""
    of_search: float = math.nan
    """What guessing scores by the objective on the rows of the search; NaN where that is not on record."""
    test_rows: int = 0
    """Of one seed; 0 where that is not on record."""

    @property
    def beyond_rows(self) -> tuple[str, ...]:
        """Scores that beat guessing on the test rows, by far more than luck with rows explains."""
        explained = luck_of_rows(self.test, self.test_rows, SURE)
        above = self.scores_above
        gains = {each.score: each.over_chance[0] for each in self.test if each.score in above}
        return tuple(name for name, luck in explained.items() if gains.get(name, 0.0) > luck)

    @property
    def beaten(self) -> bool:
        """Whether the winner beats guessing by its objective, with an interval, and by the same score on the
        test rows: the objective is the best of several evaluations, the test rows had no part in any choice.
        """
        own = self.objective
        if own is None:
            return False
        same = [each for each in self.test if each.score == like_on_test(f"{own.part}_{own.score}")]
        scores = [own, *same]
        return bool(same) and all(each.better and math.isfinite(each.low) for each in scores)

    @property
    def follows(self) -> bool:
        """Whether targets are shown to follow from their rows: a score beats guessing by more than luck."""
        return self.beaten or bool(self.beyond_rows)

    @property
    def scores_above(self) -> tuple[str, ...]:
        """Scores on the test rows that beat guessing, with an interval over seeds and by more than luck with
        the rows explains; none where of those for which that is known none does."""
        known = [each for each in self.test if each.luck]
        if known and not any(each.better for each in known):
            return ()
        return tuple(each.score for each in self.test if each.better and math.isfinite(each.low))

    def to_dict(self) -> dict[str, Any]:
        """``{"guess": words, "objective": {…}, "test": {score: {…}}}``"""
        objective = None if self.objective is None else self.objective.to_dict()
        return {
            "guess": self.guess or None,
            "objective": objective,
            "test": {each.score: each.to_dict() for each in self.test},
        }


def baseline(
    recorded: Mapping[str, Any],
    objective: str,
    own: Mapping[int, float],
    tested: Mapping[int, Mapping[str, float]],
    least_loss: float = -math.inf,
    searched: int | None = None,
    tied: Sequence[Mapping[int, float]] = (),
) -> Baseline:
    """The winner against the `recorded` guesses (``baselines.json``).

    Args:
        recorded: as `sweeper.records.run_files` reads it.
        objective: what ranks trials, with its direction.
        own: objective of the winner by seed; only its completed ones.
        tested: its scores on the test rows by seed.
        least_loss: no loss lies below it.
        searched: the seed of the search.
        tied: as `own`, of the finalists that the winner was picked among.
    """
    part, _, score = objective.removesuffix(HIGHER).partition("_")
    higher = is_maximized(objective)
    names = dict.fromkeys(name for scores in tested.values() for name in scores)
    test = [
        _against(
            "test",
            name,
            {seed: scores[name] for seed, scores in tested.items()},
            recorded["scores"],
            way,
            least_loss,
        )
        for name in names
        if (way := higher if name == score else _higher_is_better(name)) is not None
        # where it is not a number, it may have been at its best: the other seeds say nothing of the mean
        and all(scores.get(name) is not None for scores in tested.values())
    ]
    shown, rows = [each for each in test if each is not None], int(recorded.get("rows", {}).get("test", 0))
    luck = luck_of_rows(shown, rows, LUCKY)
    return Baseline(
        recorded["guess"] or "",
        recorded["why"],
        _against(part, score, own, recorded["scores"], higher, least_loss, tied),
        tuple(replace(each, luck=luck.get(each.score, 0.0)) for each in shown),
        next(
            (_guess(each, part, score) for each in recorded["scores"] if each["seed"] == searched), math.nan
        ),
        rows,
    )


def luck_of_rows(test: Sequence[Against], rows: int, errors: float) -> dict[str, float]:
    """score -> the gain that so many standard errors of luck with the test rows explain, where it is known.

    Predictions that know nothing of their rows score there what guessing does, with a standard error: of the
    share p of labels that is right √(p (1 − p) / rows), of MCC 1 / √rows, of the AUC of two classes 1 / √(12
    p (1 − p) rows) (Mann and Whitney 1947), of their balanced accuracy at most 1 / (4 √(p (1 − p) rows));
    that of average precision is drawn. R² of the best multiple of such predictions is r², with a mean of 1 /
    rows, so its square root counts.
    """
    if not rows:
        return {}
    names = {each.score: each for each in test}
    found = {"mcc": errors / math.sqrt(rows), "r2": errors**2 / rows}
    if (right := names.get("accuracy")) is not None and 0 < right.chance < 1:
        spread = right.chance * (1 - right.chance)
        found["accuracy"] = errors * math.sqrt(spread / rows)
        if "f1" in names:  # of two classes alone
            found["auc"] = errors / math.sqrt(12 * spread * rows)
            found["balanced_accuracy"] = errors / (4 * math.sqrt(spread * rows))
    if (ordered := names.get("average_precision")) is not None and 0 < ordered.chance < 1:
        found["average_precision"] = errors * spread_of_average_precision(rows, ordered.chance)
    return {name: luck for name, luck in found.items() if name in names}


def like_on_test(objective: str) -> str:
    """The score of the test rows that says what the `objective` does: of an error the accuracy."""
    score = objective.removesuffix(HIGHER).partition("_")[2]
    return {"error": "accuracy"}.get(score, score)


def is_users(score: str) -> bool:
    """Whether a score is the user's own."""
    return score not in ("loss", "error") and known_score(score) is None


def _higher_is_better(name: str) -> bool | None:
    """``None`` of a score of the user's, of which only the direction of the objective is known."""
    if name in ("loss", "error"):
        return False
    known = known_score(name)
    return None if known is None else known.maximize


def _guess(scores: Mapping[str, Any], part: str, score: str) -> float:
    of_part = scores.get(part, {})
    if score == "error":
        return 1 - float(of_part["accuracy"]) if "accuracy" in of_part else math.nan
    return float(of_part.get(score, math.nan))


def _against(
    part: str,
    score: str,
    winner: Mapping[int, float],
    recorded: Sequence[Mapping[str, Any]],
    higher: bool,
    least_loss: float,
    tied: Sequence[Mapping[int, float]] = (),
) -> Against | None:
    """``None`` where no seed has both; `higher` values are better, or lower ones.

    `winner` has its scores by seed, `recorded` what guessing, and labels drawn at random, score on each;
    `tied` are finalists that the winner was picked among by these scores.
    """
    guess = {int(each["seed"]): _guess(each, part, score) for each in recorded}
    seeds = [seed for seed in winner if math.isfinite(guess.get(seed, math.nan))]
    seeds = [seed for seed in seeds if abs(winner[seed]) < HUGE]
    if not seeds:
        return None
    theirs = np.array([guess[seed] for seed in seeds])
    scores = np.array([[each.get(seed, math.nan) for seed in seeds] for each in (winner, *tied)])
    scores[np.abs(scores) >= HUGE] = np.nan
    ours, costs = scores[0], theirs - scores if higher else scores - theirs
    gains = ours - theirs if higher else theirs - ours
    low, high = winners_interval(costs, np.ones(len(costs), dtype=bool))
    plain = 0.0 - high, 0.0 - low
    low, high = bounded_gain(score, *plain, float(theirs.mean()), higher, least_loss)
    means = {"winner": float(ours.mean()), "guess": float(theirs.mean()), "gain": float(gains.mean())}
    same = [each for each in recorded if int(each["seed"]) in seeds]
    cut, (drawn, beyond) = which_cut(plain, (low, high)), _drawn(part, score, same, higher)
    return Against(
        part,
        score,
        **means,
        low=low,
        high=high,
        seeds=len(seeds),
        higher=higher,
        cut=cut,
        drawn=drawn,
        beyond=beyond,
    )


def _drawn(
    part: str, score: str, recorded: Sequence[Mapping[str, Any]], higher: bool
) -> tuple[float | None, float]:
    """What labels drawn at random score, and by how much they beat guessing: `Against.drawn` and `beyond`.

    Of the seeds in `recorded`, those of the winner; one seed shows what it has, as in `Against.better`.
    """
    both = [(_guess(each.get("drawn", {}), part, score), _guess(each, part, score)) for each in recorded]
    known = [pair for pair in both if math.isfinite(sum(pair))]
    if not known:
        return None, 0.0
    drawn, guess = np.array(known).T
    beyond = drawn - guess if higher else guess - drawn
    low, mean = interval(beyond)[0], float(beyond.mean())
    return float(drawn.mean()), mean if (low if math.isfinite(low) else mean) > 0 else 0.0


def by_seed(scores: Sequence[Mapping[str, float]], seeds: Sequence[int]) -> dict[int, Mapping[str, float]]:
    """`scores` of ``test.json`` under the `seeds` that completed; nothing if they are not as many."""
    return dict(zip(seeds, scores, strict=True)) if len(scores) == len(seeds) else {}
