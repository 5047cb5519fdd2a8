"""Who leads at the last evaluation: finalists are ranked by the best of several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeper.questions.run_data import RunData, once
from sweeper.statistics.intervals import interval, standard_error
from sweeper.statistics.race import ENOUGH_SEEDS, unimportant
from sweeper.trial import objective_metric, objective_value
from sweeper.wording import distinct, listing
from sweeper.wording import interval as interval_words


@once
def last_scores(run: RunData) -> pd.DataFrame:
    """Columns trial, seed, last: the objective at the last evaluation of each training that has one."""
    rows = run.curves[run.curves["metric"] == objective_metric(run.objective)]
    rows = rows[np.isfinite(rows["value"]) & (rows["step"] > 0)].sort_values("step", kind="stable")
    rows = rows.drop_duplicates(["trial", "seed"], keep="last")
    return rows.assign(last=objective_value(run.objective, rows["value"]))[["trial", "seed", "last"]]


def leads_at_the_end(run: RunData, finalists: pd.DataFrame) -> Iterator[str]:
    """A sentence where another finalist than the winner is ahead at the last evaluation: shown, or by more
    than the standard error of the difference. None where nothing is shown to have been learned, or where
    both differ by less than `confirm.matters` says.

    `finalists`: a row per finalist and fresh seed, the winner first, with the columns rank, label, seed,
    outcome and last. Differences are paired, over the seeds that both completed.
    """
    done = finalists[finalists["outcome"] == "completed"]
    by_seed = done.pivot(index="seed", columns="rank", values="last").dropna(axis="columns", how="all")
    if 1 not in by_seed or not run.advises:
        return
    rivals = max(len(by_seed.columns) - 1, 1)
    labels = dict(zip(finalists["rank"], finalists["label"], strict=True))
    shown, ahead = list[_Lead](), list[_Lead]()
    for rank in by_seed.columns[1:]:
        pairs = by_seed[[1, rank]].dropna().to_numpy(dtype=float)
        costs = np.array([[run.ranked.cost(value) for value in pair] for pair in pairs]).reshape(-1, 2)
        gains = costs[:, 0] - costs[:, 1]
        if len(gains) < ENOUGH_SEEDS or not gains.mean() > standard_error(gains):
            continue  # nearer to the winner than luck puts equal ones, mostly
        if abs(gains.mean()) < unimportant(run.study.confirm.matters, costs.mean()):
            continue
        low, high = interval(gains, 1 - 0.05 / rivals)  # of the best of several rivals
        own, other = distinct([pairs[:, 0].mean(), pairs[:, 1].mean()])
        apart, *ends = interval_words(gains.mean(), low, high)
        if low > 0:
            by = f" ({apart} apart, 95 % interval {ends[0]} to {ends[1]}, {len(gains)} seeds)"
            shown.append(_Lead(labels[rank], other, own, by))
        else:
            ahead.append(_Lead(labels[rank], other, own))
    if shown:
        only = "the winner is first by its best evaluation alone, so stop its training there"
        yield f"{_told(shown)}: {only}."
    elif ahead:
        yield f"{_told(ahead)}, which luck may explain."


@dataclass(frozen=True)
class _Lead:
    """A finalist that is ahead of the winner at the last evaluation, on the seeds of both."""

    label: str
    other: str
    own: str
    """The mean of the winner."""
    by: str = ""


def _told(leads: Sequence[_Lead]) -> str:
    """The mean of the winner once where it is the same beside all; else beside each, on the seeds of both."""
    if len({lead.own for lead in leads}) == 1:
        others = listing([f"{lead.label} has {lead.other}{lead.by}" for lead in leads])
        return f"At the last evaluation the winner has {leads[0].own} on average, {others}"
    pairs = [f"{lead.label} has {lead.other} on average and the winner {lead.own}{lead.by}" for lead in leads]
    return f"At the last evaluation {listing(pairs)}"
