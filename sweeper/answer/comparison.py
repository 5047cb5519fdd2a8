"""Each finalist against the winner, pair by pair, and what choosing it would cost."""

from collections.abc import Hashable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from sweeper.answer.complexity import complexity, sizes_known
from sweeper.answer.confirmed import FEW, confirmed
from sweeper.answer.ranked import Ends, Ranked
from sweeper.answer.rows import completed_search, fresh_scores, published, search_labels, search_trials
from sweeper.statistics.best_of_several import expected_regret, optimism
from sweeper.statistics.race import ENOUGH_SEEDS

COLUMNS = [
    "rank",
    "trial",
    "label",
    "verdict",
    "mean",
    "low",
    "high",
    "n",
    "failures",
    "difference",
    "difference_low",
    "difference_high",
    "pairs",
    "even",
    "cut",
    "p_better",
    "p_low",
    "p_high",
    "seen",
    "seen_share",
    "tied",
    "better",
    "dropped",
    "extras",
    "simplest",
    "expected_regret",
    "regret_seeds",
    "search_objective",
    "optimism",
    "mean_optimism",
    "mean_optimism_low",
    "mean_optimism_high",
    "optimism_finalists",
    "optimism_seeds",
    "metric",
]


class Verdict(StrEnum):
    """What fresh seeds show of a finalist: of several, the first of these that holds."""

    WINNER = "winner"
    FAILS = "fails more often"
    """Diverged or failed on more seeds, by more than luck explains (`BY_LUCK`), or is worse where both
    completed."""
    UNSTEADY = "lost more seeds"
    """On more seeds, and neither is shown."""
    UNRANKED = "not ranked"
    """The winner completed fewer than `ENOUGH_SEEDS`."""
    TIED = "tied"
    """See `confirmed`."""
    LEFT = "left the race"
    """Called worse than the leader of its time, while the interval to the winner does not lie above 0."""
    BETTER = "better where shared"
    """Better on the shared seeds; possible only where both lost others."""
    WORSE = "worse"
    """On average and on most seeds (`better` in `confirmed`)."""
    ON_AVERAGE = "worse on average"


UNSHOWN = (Verdict.TIED, Verdict.UNRANKED, Verdict.BETTER, Verdict.LEFT, Verdict.UNSTEADY)
"""Those of finalists that the winner is not shown to be better than."""
LOST_MORE = (Verdict.FAILS, Verdict.UNSTEADY)
"""Those of finalists that lost more seeds than the winner."""
BY_LUCK = 0.05
"""Probability from which on luck alone explains that one lost more seeds than another (Fisher 1922)."""


def comparison(
    trials: pd.DataFrame, ranked: Ranked, defaults: Sequence[Mapping[str, Any]] = ()
) -> pd.DataFrame:
    """One row per finalist with a completed seed, the winner first; columns as in `COLUMNS`.

    `trials` have costs as their objective; the table has the objective as people read it. `defaults` are the
    parameters of the published ones.

    Most columns are those of `confirmed`; `tied` is true of the winner and of those that `verdict` calls so.
    `simplest` marks those among the winner and those tied with it (`verdict`) that are the smallest by
    `complexity`, and none where nobody is tied or it is not known whose model is the smallest; the
    `difference` of the first, which has the best mean of them, is the price of choosing it; `cut` names the
    ends of its interval beyond which the score cannot go. `expected_regret` (null for finalists with more
    failures, or that dropped out): see there; it is over the `regret_seeds` that all others completed.
    `optimism` is mean − search_objective, null where another score picked it (`_unpicked`), and
    `mean_optimism` its mean over the `optimism_finalists` on the `optimism_seeds` that they share, see
    `_optimism`. `seen` is the difference that would have been called with a probability of 80 %, null where
    the winner has too few seeds for a call; `seen_share` the same over the winner's mean.
    """
    ranking = confirmed(trials)
    if ranking.empty:
        return pd.DataFrame(columns=COLUMNS)
    search = search_trials(trials).set_index("trial", drop=False).loc[ranking["trial"]]
    search = search.reset_index(drop=True)
    ranking = ranking.assign(seen=_seen_where_called(ranking))
    frame = with_verdicts(ranking).assign(
        rank=range(1, len(ranking) + 1),
        label=search_labels(trials)[ranking["trial"]].to_numpy(),
        search_objective=search["objective"].astype(float),
        seen_share=ranking["seen"] / (abs(ranked.value(ranking["mean"].iloc[0])) or np.nan),
        metric=ranked.objective,
    )
    scores, soundest = _scores(trials, frame), _with_fewest_failures(frame)
    frame = frame.assign(**_simplest(frame, search), **_regret(scores, soundest))
    frame = frame.assign(**_optimism(frame, scores, soundest, ~_unpicked(trials, search, defaults)))
    apart, ends = ("difference", "difference_low", "difference_high"), _ends(frame)
    within = zip(*(ranked.within(*each) for each in ends), strict=True)
    frame = frame.assign(**dict(zip((*apart[1:], "cut"), within, strict=True)))[COLUMNS]
    spread = ("mean_optimism", "mean_optimism_low", "mean_optimism_high")
    return ranked.read(
        frame, "mean", "search_objective", ends=[("low", "high")], differences=[apart, ("optimism",), spread]
    )


def _with_fewest_failures(frame: pd.DataFrame) -> np.ndarray:
    """Which finalists stayed in the race and failed on the fewest seeds."""
    lasted = ~frame["dropped"].to_numpy(bool)
    failures = frame["failures"].to_numpy()
    return np.asarray(lasted & (failures == failures[lasted].min(initial=failures.max())))


def _simplest(frame: pd.DataFrame, search: pd.DataFrame) -> dict[str, Any]:
    """`simplest`, see `comparison`, and `extras`; `search` has the settings."""
    keys, alike = complexity(search), frame["verdict"].isin([Verdict.WINNER, Verdict.TIED])
    least = min(keys[alike]) if sizes_known(search[alike.to_numpy()]) else None
    return {
        "extras": [key[1] for key in keys],
        "simplest": alike
        & frame["verdict"].eq(Verdict.TIED).any()
        & np.array([key == least for key in keys]),
    }


def _regret(scores: np.ndarray, soundest: np.ndarray) -> dict[str, Any]:
    """`expected_regret` of the soundest, and `regret_seeds`."""
    regret = np.full(len(scores), np.nan)
    regret[soundest] = expected_regret(scores[soundest])
    return {"expected_regret": regret, "regret_seeds": _shared(scores[soundest])}


def _optimism(
    frame: pd.DataFrame, scores: np.ndarray, soundest: np.ndarray, picked: np.ndarray
) -> dict[str, Any]:
    """How much lower the search scores of those `picked` by them were than their means on fresh seeds.

    Those that dropped out or lost seeds count too; where all of them share fewer than `FEW` seeds, those that
    lost more than the soundest do not.
    """
    kept = picked
    if _shared(scores[kept]) < FEW:
        kept = kept & (soundest | frame["dropped"].to_numpy(bool))
    mean, low, high = optimism(scores[kept], frame.loc[kept, "search_objective"].to_numpy())
    return {
        "optimism": (frame["mean"] - frame["search_objective"]).where(kept),
        "mean_optimism": mean,
        "mean_optimism_low": low,
        "mean_optimism_high": high,
        "optimism_finalists": int(kept.sum()),
        "optimism_seeds": _shared(scores[kept]),
    }


def _shared(values: np.ndarray) -> int:
    """Seeds on which all of ``values`` (finalists, seeds) have a score; none of no finalist."""
    return int(np.isfinite(values).all(axis=0).sum()) if len(values) else 0


def _seen_where_called(ranking: pd.DataFrame) -> "pd.Series[float]":
    """`seen` where the winner has the seeds that a call takes."""
    return ranking["seen"] if ranking["n"].iloc[0] >= ENOUGH_SEEDS else ranking["seen"] * np.nan


def _ends(frame: pd.DataFrame) -> list[tuple[Ends, Ends, Ends]]:
    """Of each finalist the intervals of its difference to the winner, of its cost, and of the winner's."""
    apart, own = (
        list(zip(frame[low].astype(float), frame[high].astype(float), strict=True))
        for low, high in (("difference_low", "difference_high"), ("low", "high"))
    )
    return [(difference, value, own[0]) for difference, value in zip(apart, own, strict=True)]


def verdicts(ranking: pd.DataFrame) -> list[Verdict]:
    """What these seeds show of each finalist of `confirmed`, the winner first."""
    first, *others = ranking.to_dict("records")
    return [Verdict.WINNER, *(_verdict(row, first) for row in others)]


def with_verdicts(ranking: pd.DataFrame) -> pd.DataFrame:
    """`confirmed` with the `verdicts`; `tied` is true of the winner and of those that are called so."""
    known = verdicts(ranking)
    return ranking.assign(verdict=known, tied=[each in (Verdict.WINNER, Verdict.TIED) for each in known])


def _verdict(row: Mapping[Hashable, Any], winner: Mapping[Hashable, Any]) -> Verdict:
    if row["failures"] > winner["failures"]:
        return Verdict.FAILS if row["difference_low"] > 0 or _loses_more(row, winner) else Verdict.UNSTEADY
    if winner["n"] < ENOUGH_SEEDS:
        return Verdict.UNRANKED
    if row["tied"]:
        return Verdict.TIED
    if not row["difference_low"] > 0:
        return Verdict.LEFT if row["dropped"] else Verdict.BETTER
    return Verdict.WORSE if row["better"] else Verdict.ON_AVERAGE


def _loses_more(row: Mapping[Hashable, Any], winner: Mapping[Hashable, Any]) -> bool:
    """Whether luck hardly explains so many more lost seeds: Fisher's exact test, one-sided."""
    table = [[int(each["failures"]), int(each["n"])] for each in (row, winner)]
    return bool(fisher_exact(table, alternative="greater").pvalue < BY_LUCK)


def _unpicked(
    trials: pd.DataFrame, finalists: pd.DataFrame, defaults: Sequence[Mapping[str, Any]]
) -> np.ndarray:
    """Which of the `finalists`, rows of the search, are published defaults with a worse score than some trial
    that is no finalist: it is not that score which picked them, so luck need not have lowered it."""
    done = completed_search(trials)
    others = done.loc[~done["trial"].isin(trials.loc[trials["phase"] == "confirm", "trial"]), "objective"]
    behind = (finalists["objective"].astype(float) > others.min()).to_numpy()
    return published(finalists, defaults) & behind


def _scores(trials: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
    """Scores on the fresh seeds, (finalists, seeds), in the order of `frame`."""
    fresh = fresh_scores(trials)
    return fresh.scores[np.searchsorted(fresh.trials, frame["trial"].to_numpy())]


def marked(frame: pd.DataFrame) -> list[str]:
    """Labels of a `comparison`; of those tied the simplest is marked, where the winner is not as simple."""
    simplest = frame["simplest"].astype(bool)
    mark = " (simplest)" if simplest.sum() == 1 else " (one of the simplest)"
    shown = simplest & ~frame.loc[simplest, "verdict"].eq(Verdict.WINNER).any()
    return [f"{label}{mark if own else ''}" for label, own in zip(frame["label"], shown, strict=True)]
