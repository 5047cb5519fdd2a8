"""Each finalist against the winner, pair by pair, and what choosing it would cost."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.confirmed import FEW, confirmed
from sweeper.answer.ranked import Ends, Ranked
from sweeper.answer.rows import completed_search, fresh_scores, labels, published, search_trials
from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.statistics.best_of_several import expected_regret, optimism
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.study.parameters import SCHEDULE_KEYS

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
WINNER, TIED, UNRANKED, WORSE, ON_AVERAGE, BETTER, LEFT, FAILS = (
    "winner",
    "tied",
    "not ranked",
    "worse",
    "worse on average",
    "better where shared",
    "left the race",
    "fails more often",
)
"""`verdict`, see `verdicts`."""
UNSHOWN = (TIED, UNRANKED, BETTER, LEFT)
"""Those of finalists that the winner is not shown to be better than."""
SIZES, DROPOUT = ("model.depth", "model.width"), "model.dropout"


def comparison(
    trials: pd.DataFrame, ranked: Ranked, defaults: Sequence[Mapping[str, Any]] = ()
) -> pd.DataFrame:
    """One row per finalist with a completed seed, the winner first; columns as in `COLUMNS`.

    `trials` have costs as their objective; the table has the objective as people read it. `defaults` are the
    parameters of the published ones.

    Most columns are those of `confirmed`; `tied` is true of the winner and of those that `verdict` calls
    so. `simplest` marks those among the winner and those tied with it (`verdict`) that are the smallest by
    `complexity`, and none where it is not known whose model is the smallest; the `difference` of the first,
    which has the best mean of them, is the price of choosing it; `cut` names the ends of its interval
    beyond which the score cannot go. `expected_regret` (null for finalists with more failures, or that
    dropped out): see there; it is over the `regret_seeds` that all others completed. `optimism` is mean −
    search_objective, null where another score picked it (`_unpicked`), and `mean_optimism` its mean over the
    `optimism_finalists`, those that dropped out or lost seeds included, on the `optimism_seeds` that they
    share; where that leaves fewer than `FEW`, without those that lost more of them. `seen` is the difference
    that would have been called with a probability of 80 %, null where the winner has too few seeds for a
    call; `seen_share` the same over the winner's mean.
    """
    ranking = confirmed(trials)
    if ranking.empty:
        return pd.DataFrame(columns=COLUMNS)
    search = search_trials(trials).set_index("trial", drop=False).loc[ranking["trial"]]
    search = search.reset_index(drop=True)
    keys = complexity(search)
    ranking = ranking.assign(seen=_callable(ranking))
    frame = with_verdicts(ranking).assign(
        rank=range(1, len(ranking) + 1),
        label=labels(search),
        extras=[key[1] for key in keys],
        search_objective=search["objective"].astype(float),
        seen_share=ranking["seen"] / (abs(ranked.value(ranking["mean"].iloc[0])) or np.nan),
        metric=ranked.objective,
    )
    alike = frame["verdict"].isin([WINNER, TIED])
    least = min(keys[alike]) if sizes_known(search[alike.to_numpy()]) else None
    frame["simplest"] = alike & np.array([key == least for key in keys])
    values = _scores(trials, frame)
    lasted = ~frame["dropped"].astype(bool)
    sound = (lasted & (frame["failures"] == frame.loc[lasted, "failures"].min())).to_numpy()
    frame["expected_regret"] = np.nan
    frame.loc[sound, "expected_regret"] = expected_regret(values[sound])
    frame["regret_seeds"] = _shared(values[sound])
    kept = ~_unpicked(trials, search, defaults)
    if _shared(values[kept]) < FEW:
        kept &= sound | ~lasted.to_numpy()
    mean, low, high = optimism(values[kept], frame.loc[kept, "search_objective"].to_numpy())
    own = (frame["mean"] - frame["search_objective"]).where(kept)
    frame = frame.assign(optimism=own, mean_optimism=mean)
    frame = frame.assign(mean_optimism_low=low, mean_optimism_high=high)
    frame = frame.assign(optimism_finalists=int(kept.sum()), optimism_seeds=_shared(values[kept]))
    spread = ("mean_optimism", "mean_optimism_low", "mean_optimism_high")
    apart = ("difference", "difference_low", "difference_high")
    found = [ranked.within(*ends) for ends in _ends(frame)]
    frame = frame.assign(**dict(zip((*apart[1:], "cut"), zip(*found, strict=True), strict=True)))[COLUMNS]
    return ranked.read(
        frame, "mean", "search_objective", ends=[("low", "high")], differences=[apart, ("optimism",), spread]
    )


def _shared(values: np.ndarray) -> int:
    """Seeds on which all of ``values`` (finalists, seeds) have a score; none of no finalist."""
    return int(np.isfinite(values).all(axis=0).sum()) if len(values) else 0


def _callable(ranking: pd.DataFrame) -> "pd.Series[float]":
    """`seen` where the winner has the seeds that a call takes."""
    return ranking["seen"] if ranking["n"].iloc[0] >= ENOUGH_SEEDS else ranking["seen"] * np.nan


def _ends(frame: pd.DataFrame) -> list[tuple[Ends, Ends, Ends]]:
    """Of each finalist the intervals of its difference to the winner, of its cost, and of the winner's."""
    apart, own = (
        list(zip(frame[low].astype(float), frame[high].astype(float), strict=True))
        for low, high in (("difference_low", "difference_high"), ("low", "high"))
    )
    return [(difference, value, own[0]) for difference, value in zip(apart, own, strict=True)]


def verdicts(ranking: pd.DataFrame) -> list[str]:
    """What these seeds show of each finalist of `confirmed`, the winner first: the first that holds.

    `FAILS`: diverged or failed on more seeds. `UNRANKED`: the winner completed fewer than `ENOUGH_SEEDS`.
    `TIED`: see `confirmed`. `LEFT`: called worse than the leader of its time, while the interval to the
    winner does not lie above 0. `BETTER`: better on the shared seeds; possible only where both lost others.
    `WORSE`: worse on average and on most seeds (`better` in `confirmed`). `ON_AVERAGE`: worse on average
    alone.
    """
    first, *others = ranking.to_dict("records")
    return [WINNER, *(_verdict(row, first) for row in others)]


def with_verdicts(ranking: pd.DataFrame) -> pd.DataFrame:
    """`confirmed` with the `verdicts`; `tied` is true of the winner and of those that are called so."""
    known = verdicts(ranking)
    return ranking.assign(verdict=known, tied=[each in (WINNER, TIED) for each in known])


def _verdict(row: Mapping[Hashable, Any], winner: Mapping[Hashable, Any]) -> str:
    if row["failures"] > winner["failures"]:
        return FAILS
    if winner["n"] < ENOUGH_SEEDS:
        return UNRANKED
    if row["tied"]:
        return TIED
    if not row["difference_low"] > 0:
        return LEFT if row["dropped"] else BETTER
    return WORSE if row["better"] else ON_AVERAGE


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


def extras(row: Mapping[Hashable, Any]) -> int:
    """Number of parts that the settings have beyond plain gradient descent on ReLU layers.

    One for each of: an activation penalty above 0, weight decay above 0 (the optimizer's own, too), dropout
    above 0, a schedule other than constant, an activation of the study that is not `straight`, momentum above
    0 where the optimizer starts without; and one for each number that the optimizer stores for a weight (its
    `buffers`).
    """
    optimizer = OPTIMIZERS.get(str(row.get("optimizer")))
    parts = optimizer.buffers if optimizer else 0
    if optimizer and optimizer.published.get("momentum") == 0:
        parts += _above_zero(row.get("momentum"))
    decay = row.get("weight_decay")
    if optimizer and pd.isna(decay):
        decay = optimizer.published.get("weight_decay")  # its own
    parts += sum(map(_above_zero, (row.get("activation_penalty"), decay, row.get(DROPOUT))))
    schedule = next((row[key] for key in SCHEDULE_KEYS if key in row), None)
    activation = row.get("activation")
    parts += int(pd.notna(schedule) and schedule != "constant")
    entry = ACTIVATIONS.get(str(activation))
    return parts + int(pd.notna(activation) and not (entry and entry.straight))


def complexity(trials: pd.DataFrame) -> "pd.Series[Any]":
    """Sort key of each row: (size of the model, `extras`), the smaller the simpler.

    The size is the product of those of `SIZES` that were searched; a smaller model goes before fewer extras.
    """
    sizes = trials.reindex(columns=list(SIZES)).apply(pd.to_numeric, errors="coerce").fillna(1).prod(axis=1)
    counts = [extras(row) for row in trials.to_dict("records")]
    return pd.Series(list(zip(sizes, counts, strict=True)), index=trials.index, dtype=object)


def sizes_known(finalists: pd.DataFrame) -> bool:
    """Whether `finalists` differ in no argument of their model that may change its size, beside `SIZES`."""
    known = (*SIZES, DROPOUT)
    others = [name for name in finalists if name.startswith("model.") and name not in known]
    return len(finalists[others].astype(str).drop_duplicates()) <= 1 if others else True


def marked(frame: pd.DataFrame) -> list[str]:
    """Labels of a `comparison`; of those tied the simplest is marked, where the winner is not as simple."""
    simplest = frame["simplest"].astype(bool)
    mark = " (simplest)" if simplest.sum() == 1 else " (one of the simplest)"
    shown = simplest & ~frame.loc[simplest, "verdict"].eq(WINNER).any()
    return [f"{label}{mark if own else ''}" for label, own in zip(frame["label"], shown, strict=True)]


def _above_zero(value: Any) -> int:
    return int(pd.notna(value) and float(value) > 0)
