"""Fresh seeds without a score: how the winner lost them, and whether every other finalist lost them, too."""

from collections.abc import Collection

import pandas as pd

from sweeper.answer.outcomes import reasons

MANY = 0.2
"""Share of its fresh seeds from which on a winner that loses them is called unstable."""


def lost_by(trials: pd.DataFrame, winner: int) -> dict[str, int]:
    """Fresh seeds of the winner by how they were lost; both counts wherever one was trained."""
    own = trials.loc[(trials["phase"] == "confirm") & (trials["trial"] == winner), "outcome"]
    return {name: int((own == name).sum()) for name in ("diverged", "failed")} if len(own) else {}


def lost_alike(trials: pd.DataFrame, winner: int) -> tuple[int, ...]:
    """The seeds that the winner lost, where every other finalist that was trained on them lost them, too;
    empty where that is not so, or where no other finalist was.

    A seed draws the initial weights, the order of batches and mostly the split: where these decide which
    trainings end, the settings that were compared do not.
    """
    fresh = trials[trials["phase"] == "confirm"]
    lost = fresh[fresh["outcome"] != "completed"]
    own = set(lost.loc[lost["trial"] == winner, "seed"])
    others = fresh[fresh["trial"] != winner]
    shared = all(
        set(lost.loc[lost["trial"] == trial, "seed"]) >= own & set(rows["seed"])
        for trial, rows in others.groupby("trial")
    )
    alike = shared and not others[others["seed"].isin(own)].empty
    return tuple(sorted(int(seed) for seed in own)) if alike else ()


def lost_why(trials: pd.DataFrame, seeds: Collection[int]) -> str:
    """The reason of every training that was lost on one of these fresh `seeds`, where they all failed with
    one but for its numbers: that of the first; else empty."""
    if not seeds:
        return ""
    fresh = trials[(trials["phase"] == "confirm") & trials["seed"].isin(seeds)]
    kinds = reasons(fresh)
    return str(kinds["reason"].iloc[0]) if kinds["outcome"].tolist() == ["failed"] else ""
