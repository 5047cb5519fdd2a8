"""Each finalist against the winner, pair by pair, and what choosing it would cost."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.confirmed import confirmed
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import labels, search_trials
from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.statistics.best_of_several import expected_regret, optimism

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
    "search_objective",
    "optimism",
    "mean_optimism",
    "mean_optimism_low",
    "mean_optimism_high",
    "metric",
]
WINNER, TIED, WORSE, ON_AVERAGE, FAILS = (
    "winner",
    "tied",
    "worse",
    "worse on average",
    "fails more often",
)
"""`verdict`: tied with the winner; worse by mean and on most seeds (`better` in `confirmed`); worse by
mean, but the winner is not shown to be ahead on most seeds; diverged or failed on more seeds."""
SIZES = ("model.depth", "model.width")


def comparison(trials: pd.DataFrame, ranked: Ranked) -> pd.DataFrame:
    """One row per finalist with a completed seed, the winner first; columns as in `COLUMNS`.

    `trials` have costs as their objective; the table has the objective as people read it.

    Most columns are those of `confirmed`. `simplest` marks one row among the winner and those tied with
    it: the smallest by `complexity`, then the better mean; its `difference` is the price of
    choosing it. `expected_regret` (null for finalists with more failures, or that dropped out): see
    `regret`. `optimism` is mean − search_objective, and `mean_optimism` its mean over finalists, those that
    dropped out included, on the seeds that all share. `seen` is the difference that would have been called
    with a probability of 80 %, `seen_share` the same over the winner's mean.
    """
    ranking = confirmed(trials)
    if ranking.empty:
        return pd.DataFrame(columns=COLUMNS)
    search = search_trials(trials).set_index("trial", drop=False).loc[ranking["trial"]]
    search = search.reset_index(drop=True)
    keys = complexity(search)
    frame = ranking.assign(
        rank=range(1, len(ranking) + 1),
        label=labels(search),
        verdict=_verdicts(ranking),
        extras=[key[1] for key in keys],
        search_objective=search["objective"].astype(float),
        seen_share=ranking["seen"] / (abs(ranked.value(ranking["mean"].iloc[0])) or np.nan),
        metric=ranked.objective,
    )
    frame["simplest"] = frame.index == min(frame.index[frame["tied"]], key=lambda k: (*keys[k], k))
    values = _scores(trials, frame)
    lasted = ~frame["dropped"].astype(bool)
    sound = (lasted & (frame["failures"] == frame.loc[lasted, "failures"].min())).to_numpy()
    frame["expected_regret"] = np.nan
    frame.loc[sound, "expected_regret"] = expected_regret(values[sound])
    kept = sound | frame["dropped"].to_numpy(dtype=bool)
    mean, low, high = optimism(values[kept], frame.loc[kept, "search_objective"].to_numpy())
    frame = frame.assign(optimism=frame["mean"] - frame["search_objective"], mean_optimism=mean)
    frame = frame.assign(mean_optimism_low=low, mean_optimism_high=high)[COLUMNS]
    spread = ("mean_optimism", "mean_optimism_low", "mean_optimism_high")
    apart = ("difference", "difference_low", "difference_high")
    return ranked.read(
        frame, "mean", "search_objective", ends=[("low", "high")], differences=[apart, ("optimism",), spread]
    )


def _verdicts(ranking: pd.DataFrame) -> list[str]:
    fewest = ranking["failures"].iloc[0]
    words = [
        TIED if row["tied"] else FAILS if row["failures"] > fewest else WORSE if row["better"] else ON_AVERAGE
        for row in ranking.to_dict("records")
    ]
    return [WINNER, *words[1:]]


def _scores(trials: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
    """Scores on the fresh seeds, (finalists, seeds), in the order of `frame`."""
    rows = trials[trials["phase"] == "confirm"]
    table = rows.pivot(index="trial", columns="seed", values="objective").astype(float)
    return table.loc[frame["trial"]].to_numpy()


def extras(row: Mapping[Hashable, Any]) -> int:
    """Number of parts that the settings have beyond plain gradient descent on ReLU layers.

    One for each of: an activation penalty above 0, weight decay above 0, dropout above 0, a schedule
    other than constant, an activation of the study that is not `straight`, momentum above 0 where the
    optimizer starts without; and one for each number that the optimizer stores for a weight (its `buffers`).
    """
    optimizer = OPTIMIZERS.get(str(row.get("optimizer")))
    parts = optimizer.buffers if optimizer else 0
    if optimizer and optimizer.published.get("momentum") == 0:
        parts += _above_zero(row.get("momentum"))
    parts += sum(
        _above_zero(row.get(name)) for name in ("activation_penalty", "weight_decay", "model.dropout")
    )
    schedule, activation = row.get("schedule"), row.get("activation")
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


def _above_zero(value: Any) -> int:
    return int(pd.notna(value) and float(value) > 0)
