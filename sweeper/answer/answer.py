"""The answer of a run: the winner, how sure it is, and what is tied with it."""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sweeper.answer.baseline import Baseline, baseline, by_seed
from sweeper.answer.bounds import bounded
from sweeper.answer.claims import AHEAD, ALONE, CONFIRMED, GUESS, PROVISIONAL, TIES
from sweeper.answer.comparison import LOST_MORE, UNSHOWN, Verdict, verdicts
from sweeper.answer.confirmed import confirmed
from sweeper.answer.gain import Gain, gain
from sweeper.answer.learning import Learning, learning
from sweeper.answer.lost_seeds import MANY, lost_alike, lost_by, lost_why
from sweeper.answer.luck import Luck, luck
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import as_costs, parameters_of
from sweeper.statistics.intervals import interval as interval_of
from sweeper.statistics.race import ENOUGH_SEEDS


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its 95 % interval, in the unit of the objective.

    `low` and `high` are NaN where its spread is not known: of one seed, or two or three alike.
    """

    mean: float
    low: float
    high: float
    seeds: int

    def to_dict(self) -> dict[str, float | None]:
        """For JSON, which has no NaN."""
        ends = {"low": self.low, "high": self.high}
        known = {k: None if math.isnan(v) else v for k, v in ends.items()}
        return {"mean": self.mean, **known, "seeds": self.seeds}


@dataclass(frozen=True)
class Answer:
    """What to use. `confirmed` and `test` are ``None`` where nothing was retrained or no test rows exist."""

    trial: int
    parameters: Mapping[str, Any]
    objective: float
    """Score in the search, on one seed: the best of many, so it flatters (winner's curse)."""
    confirmed: Interval | None
    test: Mapping[str, float] | None
    """Mean scores of the winner on the test rows over the fresh seeds, e.g. loss and accuracy."""
    tied: tuple[int, ...]
    """Other finalists that the winner is not shown to be better than: their paired difference is too small
    for a call, which takes more than an interval that leaves 0 out. Empty below `ENOUGH_SEEDS` fresh seeds,
    which can call no two settings alike."""
    unranked: tuple[int, ...] = ()
    """Other finalists on the same seeds, where these are too few to rank anything."""
    peers: tuple[int, ...] = ()
    """All others that lost no more seeds than the winner."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """Fresh seeds of the winner without a score: ``diverged`` and ``failed``."""
    lost_alike: tuple[int, ...] = ()
    """These seeds, where all other finalists lost them, too, see `sweeper.answer.lost_seeds`."""
    lost_why: str = ""
    """The reason of each, where there is one."""
    test_seeds: int = 0
    """Fresh seeds that `test` is the mean of."""
    test_ends: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """95 % intervals of `test` over these seeds; one of one seed, or two or three alike, has none."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of each part; empty in runs of earlier versions, which did not record them."""
    positive: str = ""
    """Name of class 1 of two, which F1 and average precision are about; empty where it is not known."""
    positives: Mapping[str, int] = field(default_factory=dict)
    """Rows of it in each part; empty where they are not known."""
    luck: Luck | None = None
    """Share of the variance among the finalists on fresh seeds that is not between settings; ``None``: not
    known."""
    made: Mapping[str, str] = field(default_factory=dict)
    """Where it was trained: device, processor, versions, commit, data; empty in runs of earlier versions."""
    learning: Learning | None = None
    """What training did to the objective; ``None`` where no curve says."""
    baseline: Baseline | None = None
    """What guessing scores; ``None`` in runs of earlier versions, which did not record it."""
    gain: Gain | None = None
    """Over the published defaults; ``None`` where none of them was confirmed"""
    least_loss: float = -math.inf
    """No loss lies below it, as far as is known"""
    standing: str = PROVISIONAL
    """Its status in one word: `CONFIRMED`, `TIES`, `AHEAD`, `ALONE`, `PROVISIONAL`, or what
    `sweeper.report.doubts.doubt` puts in their place."""
    doubted: str = ""
    """How it compares with guessing where that is its `standing`: ``worse than guessing on test rows``, see
    `sweeper.report.doubts.doubt`; else empty."""
    scriptless: str = ""
    """Why no script can be written that trains it; empty where one can, or where that is not known."""
    unfinished: str = ""
    """What the run has still to do, in words; empty where nothing is known to be missing."""
    warnings: tuple[str, ...] = ()
    """What else to know before the answer is trusted, in sentences."""

    @property
    def tried(self) -> int:
        """Fresh seeds that the winner was trained on, lost ones included."""
        return sum(self.lost.values()) + (self.confirmed.seeds if self.confirmed else 0)

    @property
    def unstable(self) -> bool:
        """Whether it lost many of its fresh seeds (`MANY`)."""
        return sum(self.lost.values()) >= MANY * max(self.tried, 1)

    @property
    def above_chance(self) -> bool:
        """Whether it learned, and is shown to beat guessing, as far as is known: else nothing is advised."""
        return not self.why_nothing_is_advised

    @property
    def why_nothing_is_advised(self) -> str:
        """A clause; empty where it is `above_chance`."""
        if self.learning is not None and not self.learning.learned:
            unclear = "the objective does not show that the winner learned anything"
            return unclear if self.learning.unclear else "nothing was learned"
        if self.standing == GUESS:
            return f"the winner is {self.doubted}"
        scored = self.baseline.objective if self.baseline is not None else None
        if scored is None or scored.better:
            return ""
        return f"the winner is not shown to be better than guessing on {scored.part} rows"

    def to_dict(self) -> dict[str, Any]:
        """The contract of ``best --json``."""
        ranks = self.above_chance
        tied, unranked = (self.tied, self.unranked) if ranks else ((), self.peers)
        return {
            "trial": self.trial,
            "parameters": {k: list(v) if isinstance(v, tuple) else v for k, v in self.parameters.items()},
            "objective": self.objective,
            "confirmed": None if self.confirmed is None else {**self.confirmed.to_dict(), **self.lost},
            "test": None if self.test is None else dict(self.test),
            "tied": list(tied),
            "not_ranked": list(unranked),
            "standing": self.standing,
            "learned": None if self.learning is None else self.learning.learned,
            "baseline": None if self.baseline is None else self.baseline.to_dict(),
            "gain": None if self.gain is None else self.gain.to_dict(),
            "warnings": list(self.warnings),
        }


def answer(
    trials: pd.DataFrame,
    test: Mapping[str, Any] | None,
    curves: pd.DataFrame | None = None,
    baselines: Mapping[str, Any] | None = None,
    objective: str = "validation_loss",
    defaults: Sequence[Mapping[str, Any]] = (),
    least_loss: float = -math.inf,
) -> Answer | None:
    """The winner of the recorded `trials`; ``None`` when no trial of the search was completed.

    `test` is ``{"trial": number, "scores": [{metric: value}, …]}``, kept only for the present winner.
    `curves` and the recorded `baselines` say whether it learned, and how it compares with guessing;
    `defaults` are the parameters of published defaults, for what was gained over them. No interval reaches
    below `least_loss`, see `loss_floor`.
    """
    ranked, costs = Ranked(objective, least_loss), as_costs(trials, objective)
    search = costs[(costs["phase"] != "confirm") & (costs["outcome"] == "completed")]
    if search.empty:
        return None
    finalists = _Finalists.of(costs)
    number = finalists.first if len(finalists.ranking) else _best_of(search)
    row = search[search["trial"] == number].iloc[0]
    tested = test["scores"] if test and test["trial"] == number else []
    scores = _scores_of(trials, number, fresh=len(finalists.ranking) > 0)
    compared = None
    if baselines is not None:
        on_test, seed = by_seed(tested, list(scores)), int(row["seed"])
        tied = [_scores_of(trials, peer, fresh=True) for peer in finalists.tied if peer != number]
        compared = baseline(baselines, objective, scores, on_test, least_loss, seed, tied)
    return Answer(
        trial=number,
        parameters=parameters_of(row),
        objective=float(trials.loc[row.name, "objective"]),
        confirmed=_interval(finalists.ranking, ranked),
        test=_mean_scores(tested),
        tied=finalists.called({Verdict.TIED}),
        unranked=finalists.called({Verdict.UNRANKED}),
        peers=finalists.called({*finalists.verdicts} - {Verdict.WINNER, *LOST_MORE}),
        lost=lost_by(costs, number),
        lost_alike=(alike := lost_alike(costs, number)),
        lost_why=lost_why(costs, alike),
        test_seeds=len(tested),
        test_ends=_ends_of(tested, least_loss),
        rows=_counts(baselines, "rows"),
        positive=str((baselines or {}).get("positive", "")),
        positives=_counts(baselines, "positives"),
        luck=luck(costs, number),
        learning=None if curves is None else learning(curves, number, list(scores), objective, compared),
        baseline=compared,
        gain=gain(search, finalists.ranking, defaults, ranked),
        least_loss=least_loss,
        standing=finalists.standing,
    )


@dataclass(frozen=True)
class _Finalists:
    """`confirmed`, and its verdicts; both empty where nothing was retrained."""

    ranking: pd.DataFrame
    verdicts: Sequence[Verdict]

    @classmethod
    def of(cls, costs: pd.DataFrame) -> "_Finalists":
        ranking = confirmed(costs)
        return cls(ranking, verdicts(ranking) if len(ranking) else [])

    @property
    def first(self) -> int:
        return int(self.ranking["trial"].iloc[0])

    @property
    def tied(self) -> list[int]:
        """Those that the winner was picked among, itself included."""
        return [int(trial) for trial in self.ranking.loc[self.ranking["tied"].astype(bool), "trial"]]

    def called(self, verdicts: Container[str]) -> tuple[int, ...]:
        """Those with one of these verdicts."""
        rivals = zip(self.ranking["trial"].tolist(), self.verdicts, strict=True)
        return tuple(trial for trial, verdict in rivals if verdict in verdicts)

    @property
    def standing(self) -> str:
        if self.ranking.empty or self.ranking["n"].iloc[0] < ENOUGH_SEEDS:
            return PROVISIONAL
        if len(self.ranking) == 1:
            return ALONE
        if Verdict.TIED in self.verdicts:
            return TIES
        return AHEAD if any(verdict in UNSHOWN for verdict in self.verdicts) else CONFIRMED


def _best_of(search: pd.DataFrame) -> int:
    """The completed trial of the search with the lowest cost, the first of several."""
    return int(search.sort_values(["objective", "trial"])["trial"].iloc[0])


def _interval(ranking: pd.DataFrame, ranked: Ranked) -> Interval | None:
    """The winner's mean over its fresh seeds; ``None`` where nothing was retrained."""
    if ranking.empty:
        return None
    first = ranking.iloc[0]
    ends = ranked.ends(float(first["low"]), float(first["high"]))
    low, high = bounded(ranked.objective, *ends, ranked.least_loss)
    return Interval(ranked.value(float(first["mean"])), low, high, seeds=int(first["n"]))


def _scores_of(trials: pd.DataFrame, winner: int, *, fresh: bool) -> dict[int, float]:
    """Objective by seed: of the fresh seeds that the winner completed, or of its search."""
    rows = trials[(trials["trial"] == winner) & (trials["outcome"] == "completed")]
    rows = rows[(rows["phase"] == "confirm") == fresh]
    scores = zip(rows["seed"].tolist(), rows["objective"].astype(float).tolist(), strict=True)
    return {int(seed): value for seed, value in sorted(scores) if math.isfinite(value)}


def _counts(baselines: Mapping[str, Any] | None, key: str) -> dict[str, int]:
    """By part."""
    return {part: int(count) for part, count in (baselines or {}).get(key, {}).items()}


def _ends_of(scores: Sequence[Mapping[str, float]], least_loss: float) -> dict[str, tuple[float, float]]:
    frame = pd.DataFrame(list(scores)).astype(float).dropna(axis="columns")
    ends = {str(name): bounded(str(name), *interval_of(frame[name].to_numpy()), least_loss) for name in frame}
    return {name: pair for name, pair in ends.items() if math.isfinite(sum(pair))}


def _mean_scores(scores: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    """Means over seeds; a score that is not a number (``null`` in the file) makes its mean NaN."""
    frame = pd.DataFrame(list(scores)).astype(float)
    return {name: float(frame[name].mean(skipna=False)) for name in frame} if len(frame) else None
