"""Which value of each compared setting the fresh seeds leave: confirmed, or tied with others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeper.answer.claims import BEST, CONFIRMED, OPEN, Claim
from sweeper.answer.confirmed import ENOUGH_SEEDS, confirmed
from sweeper.answer.rows import search_trials, with_names
from sweeper.wording import count, listing


def best_values(trials: pd.DataFrame, names: Sequence[str], section: str = "") -> tuple[Claim, ...]:
    """One claim for each of the settings `names` of which finalists had several values.

    Confirmed where the winner completed `ENOUGH_SEEDS` fresh seeds and no finalist with another value is
    tied with it; open otherwise. `trials` have costs as their objective.
    """
    ranking = confirmed(trials)
    if len(ranking) < 2:
        return ()
    search = with_names(search_trials(trials)).set_index("trial").loc[ranking["trial"]]
    claims = (_claim(name, search[name].astype("str"), ranking, section) for name in names if name in search)
    return tuple(claim for claim in claims if claim is not None)


def _claim(name: str, values: "pd.Series[str]", ranking: pd.DataFrame, section: str) -> Claim | None:
    first, seeds = values.iloc[0], int(ranking["n"].iloc[0])
    others = list(dict.fromkeys(value for value in values if value != first))
    if not others:
        return None
    few = seeds < ENOUGH_SEEDS
    open_ = (values != first).to_numpy() & (ranking["tied"].astype(bool).to_numpy() | few)
    ties = tuple(dict.fromkeys(values[open_]))
    return Claim(
        BEST,
        name,
        first,
        OPEN if ties else CONFIRMED,
        section,
        evidence=count(_shared(ranking, open_ if ties else (values != first).to_numpy()), "fresh seed"),
        seeds=max(seeds, 2),
        alternatives=ties,
        detail=f"better than {listing(others)} among the finalists" if not few else "",
    )


def _shared(ranking: pd.DataFrame, rivals: np.ndarray) -> int:
    """Fewest seeds that the winner shares with one of some rivals: those that left the race have fewer."""
    return int(ranking.loc[rivals, "pairs"].min())
