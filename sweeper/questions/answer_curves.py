"""How the trainings of the answer ended, seed by seed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sweeper.answer.seed_curves import seed_curves
from sweeper.questions.curve_advice import Ended, advice, where_best
from sweeper.questions.losses import of_search
from sweeper.questions.run_data import RunData
from sweeper.statistics import curve_class as shapes
from sweeper.statistics.intervals import shows_majority
from sweeper.trial import objective_metric, objective_value
from sweeper.wording import count, listing, whole

OF_THE_ANSWER = ["trial", "seed", "class", "points", "steps", "best_step", "settled_step", "lowest", "end"]
OF_THE_ANSWER += ["objective_step"]


def answer_curves(run: RunData) -> pd.DataFrame:
    """One row per fresh seed of the answer, or of its one training in the search; columns as in
    `OF_THE_ANSWER`, which mean what they do in `curve_classes`. Failed trainings, which have no end, are left
    out."""
    if run.answer is None:
        return pd.DataFrame(columns=OF_THE_ANSWER)
    own = run.trials[run.trials["trial"] == run.answer.trial]
    confirm = own["phase"] == "confirm"
    own = own[confirm if confirm.any() else ~confirm].sort_values("seed")
    own = own[own["outcome"] != "failed"]
    rows, curves = [], run.curves[run.curves["trial"] == run.answer.trial]
    by_seed = own.drop_duplicates("seed").set_index("seed", drop=False)
    trained = list(seed_curves(curves[curves["seed"].isin(by_seed.index)]))
    found = shapes.over_seeds([each for _, _, each in trained])
    for (trial, seed, (steps, *_)), curve in zip(trained, found, strict=True):
        row = by_seed.loc[seed]
        name = shapes.DIVERGED if row["outcome"] == "diverged" else curve.name
        at = (len(steps), int(row["steps"]), curve.best_step, curve.settled_step)
        best = best_steps(run, own[own["seed"] == row["seed"]], curves).get(trial, (pd.NA, np.nan))[0]
        rows.append((trial, row["seed"], name, *at, curve.lowest, curve.end, best))
    return pd.DataFrame(rows, columns=OF_THE_ANSWER)


def best_steps(run: RunData, trials: pd.DataFrame, curves: pd.DataFrame) -> Mapping[int, tuple[int, float]]:
    """Trial -> the step of its best objective, the first where some tie, and that objective as people read
    it; `trials` are one row each, `curves` those of the run that may be theirs."""
    rows = of_search(trials, curves[curves["metric"] == objective_metric(run.objective)])
    rows = rows[np.isfinite(rows["value"])].sort_values(["trial", "step"])
    rows = rows.assign(value=objective_value(run.objective, rows["value"]))
    rows = rows.sort_values("value", ascending=not run.ranked.highest, kind="stable").drop_duplicates("trial")
    return {
        int(trial): (int(step), float(value))
        for trial, step, value in rows[["trial", "step", "value"]].itertuples(index=False)
    }


def ranks_by_loss(run: RunData) -> bool:
    """Whether the curves that are judged are of what ranks trials."""
    return run.objective == "validation_loss"


def of_the_answer(
    own: pd.DataFrame,
    settable: frozenset[str],
    *,
    by_loss: bool = True,
    slow: bool = False,
    best_high: bool = False,
    fresh: bool = True,
) -> str:
    """How most trainings of the answer ended, and what that asks for; enough steps are enough for all.

    Most are all of them, or so many that more than half of all seeds would end so, see `shows_majority`; else
    each class is counted, and nothing is advised. `slow`: its rate fell, see `slowed`.
    `best_high`: rates as high as its own scored best, at the end of the range. `fresh`: these are fresh
    seeds, not its one training in the search.
    """
    if own.empty:
        return ""
    names, total = own["class"].value_counts(), len(own)
    name, times = str(names.index[0]), int(names.iloc[0])
    who = f"The answer, trial #{own['trial'].iloc[0]},"
    if times < total and not shows_majority(times, total):
        parts = [f"{whole(n)} {part}" for part, n in names.items()]
        return f"{who} ended differently on its {count(total, 'fresh seed')}: {listing(parts)}."
    alone = "on its one fresh seed" if fresh else "on the one seed it was trained on"
    where = f"on {times} of {count(total, 'fresh seed')}" if total > 1 else alone
    text = _what_follows(own, name, settable, by_loss=by_loss, slow=slow, best_high=best_high)
    noise = ", as far as their noise shows" if name == shapes.SATURATED and _are_vague(own) else ""
    return f"{who} {ENDED.get(name, name)} {where}{noise}{f': {text}' if text else ''}."


def _are_vague(own: pd.DataFrame) -> bool:
    """Whether most of these trainings end above their lowest loss by what a surer curve is judged by."""
    return bool((own["end"] - own["lowest"] > shapes.GAIN * own["end"].abs()).mean() > 0.5)


def _what_follows(
    own: pd.DataFrame, name: str, settable: frozenset[str], *, by_loss: bool, slow: bool, best_high: bool
) -> str:
    """What an end of class `name`, which most trainings had, asks for; where nothing, why not."""
    steps, known = int(own["steps"].max()), own["objective_step"].dropna()
    late = int((known == own.loc[known.index, "steps"]).sum())
    alike, scored = own[own["class"] == name], steps if late > len(known) / 2 else None
    if name == shapes.OVERFITTING and not by_loss:
        lowest, scored_at = (alike[key].dropna().astype(int) for key in ("best_step", "objective_step"))
        return where_best([*lowest], steps, [*scored_at])
    if name == shapes.IMPROVING and not (by_loss or scored):
        many = f" on {len(known) - late} of {count(len(known), 'seed')}" if len(own) > 1 else ""
        before = f", but what ranks trials was best before the end{many}" if len(known) else ""
        return f"its loss still fell{before}"
    if name in (shapes.UNSTABLE, shapes.RISING, shapes.NOISY) and (best_high or not by_loss):
        beside = "" if by_loss else ", and another score than the loss ranks trials"
        why = f"but rates as high scored best{beside}" if best_high else "which need not score better"
        return f"a lower rate would be steadier, {why}"
    if len(own) < shapes.SEVERAL and name in (shapes.SATURATED, shapes.HIGHER):
        return ""  # other seeds may take longer
    if slow and name in (shapes.SATURATED, shapes.HIGHER):
        return "its rate had fallen by then, which levels off any training, so more steps may still help"
    settled = int(own["settled_step"].max())
    shape = shapes.Shape(name, int(alike["best_step"].median()), settled, 0.0, 0.0, 0.0, 0.0, 0.0)
    return advice(
        Ended(name, steps, steps, shape, by_loss=by_loss, slow=slow, scored=scored, settable=settable)
    )


ENDED = {
    shapes.IMPROVING: "was still improving when it ended",
    shapes.SATURATED: "had levelled off when it ended",
    shapes.UNCLEAR: "was too noisy at its end to show a trend",
    shapes.HIGHER: "ended above its lowest loss (not shown to overfit)",
    shapes.OVERFITTING: "overfitted",
    shapes.RISING: "ended with its validation and its train loss rising",
    shapes.UNSTABLE: "was unstable",
    shapes.NOISY: "was as noisy as its whole fall",
    shapes.MEMORIZED: "did not learn what holds for other rows",
    shapes.ROSE: "rose from the start",
    shapes.STUCK: "kept its validation loss about as it began",
    shapes.TOO_SHORT: "has too few points to judge",
}
"""Class -> how a training of it ended."""
