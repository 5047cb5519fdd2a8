"""Curves of the search, and its losses with those that learned nothing at the loss before training."""

import numpy as np
import pandas as pd

from sweeper.answer.rows import published, search_trials, with_names
from sweeper.questions.run_data import RunData, once
from sweeper.trial import Outcome, cost, objective_value, start_metric
from sweeper.wording import count, number, whole


def of_search(trials: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``curves`` or ``layers`` that belong to `trials`, one row a trial, by trial and seed."""
    seeds = trials.set_index("trial")["seed"]
    return rows[rows["trial"].map(seeds) == rows["seed"]].reset_index(drop=True)


def initial(run: RunData) -> pd.DataFrame:
    """Loss before training of every search trial that has one: columns trial, initial.

    It is the objective at step 0: the validation loss, or 1 − validation accuracy. The training loss
    has no value before the first batch; the validation loss stands in.
    """
    rows = run.curves[(run.curves["metric"] == start_metric(run.study.objective)) & (run.curves["step"] == 0)]
    rows = of_search(search_trials(run.trials), rows)
    objective = run.study.objective
    initial = cost(objective, objective_value(objective, rows["value"]))
    return pd.DataFrame({"trial": rows["trial"], "initial": initial}).reset_index(drop=True)


@once
def capped_losses(run: RunData) -> pd.DataFrame:
    """Search trials that did not fail, by number, with the columns initial, loss, capped and published added.

    loss = min(ℓ, ℓ0) with ℓ the objective and ℓ0 the loss before training (Wortsman et al. 2023,
    arXiv 2309.14322): a trial that diverged, or never came below its start, counts as one that
    learned nothing, and `capped` says so (the objective is the best of all evaluations, that of step 0
    among them, so a trial that only got worse has ℓ = ℓ0); unless its score was the best possible one
    before (ℓ = 0), and others learned to reach it. A trial without a ℓ0 of its own takes the
    median of the others; where none is known, trials without objective are left out.
    """
    search = with_names(search_trials(run.trials), run.default_activation)
    search = search[search["outcome"] != "failed"]
    frame = search.merge(initial(run), on="trial", how="left")
    start = frame["initial"].astype(float)
    start = start.where(np.isfinite(start))
    start = start.fillna(start.median())
    reached = frame["objective"].astype(float)
    at_best = (reached == 0) & (reached[reached < start].min() == 0)
    loss, capped = np.fmin(reached, start), reached.isna() | ((reached >= start) & ~at_best)
    plain = published(frame, run.defaults)
    frame = frame.assign(initial=start, loss=loss, capped=capped, published=plain)
    return frame[np.isfinite(frame["loss"])].reset_index(drop=True)


def none_learned(run: RunData, frame: pd.DataFrame) -> str:
    """What became of trials, in `frame`, of which none learned. Lower rates are advised where half diverged,
    and no trial failed whose rate may have been lower."""
    search = search_trials(run.trials)
    failed = int((search["outcome"] == str(Outcome.FAILED)).sum())
    low, high = (number(frame["learning_rate"].agg(end)) for end in ("min", "max"))
    who = f"{count(len(frame), 'trial')} that did not fail with an error" if failed else "the rates tried"
    said = f"None of {who}, {'at rates from ' if failed else ''}{low} to {high}, learned anything: "
    lost = frame.loc[frame["outcome"] == str(Outcome.DIVERGED), "trial"]
    at_once = int((search.set_index("trial")["steps"].reindex(lost) == 0).sum())
    total = count(len(frame), "trial")
    if at_once:
        return f"{said}{whole(at_once)} of {total} diverged before the first step."
    if not len(lost):
        return f"{said}no trial was ever better than before training."
    advice = " Try much smaller rates." if 2 * len(lost) >= len(frame) and not failed else ""
    if len(lost) == len(frame):
        return f"{said}every one of them diverged.{advice}"
    others = "the others were never better than before training"
    return f"{said}{whole(len(lost))} of {total} diverged, {others}.{advice}"
