"""Every curve of the search classified, the best apart from the rest, and what that advises."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sweeper.answer.rows import best_trials, search_trials
from sweeper.statistics import curve_class as shapes
from sweeper.tables.curves import SHOWN, of_search
from sweeper.tables.source import Source, once

COLUMNS = [
    "trial",
    "group",
    "class",
    "outcome",
    "points",
    "steps",
    "best_step",
    "settled_step",
    "lowest",
    "end",
    "gain",
    "noise",
    "advice",
]
BEST, REST = "best", "rest"
EARLY = 0.1
"""Divergence within this share of the steps may be mended by a warm-up."""


@once
def curve_classes(source: Source) -> pd.DataFrame:
    """One row per search trial that was evaluated; columns as in `COLUMNS`.

    best_step … noise: see `curve_class.Shape`. group: the `SHOWN` trials of lowest objective are ``best``,
    all others ``rest`` (the selection hides what goes wrong there). class: that of the validation loss, see
    `curve_class.shape`; trials that diverged or were pruned (``cut short``) are that, whatever
    their curve. Failed trials are left out.
    """
    search = search_trials(source.trials)
    search = search[search["outcome"] != "failed"]
    full = int(search["steps"].max()) if len(search) else 0
    outcomes = search.set_index("trial")[["outcome", "steps"]].to_dict("index")
    best = set(best_trials(source.trials, SHOWN)["trial"])
    rows = []
    for trial, steps, losses, train in _curves(source, search):
        found = shapes.shape(steps, losses, train)
        outcome, made = outcomes[trial]["outcome"], int(outcomes[trial]["steps"])
        name = {"diverged": shapes.DIVERGED, "pruned": shapes.CUT_SHORT}.get(outcome, found.name)
        group, at = BEST if trial in best else REST, (found.best_step, found.settled_step)
        numbers = (found.lowest, found.end, found.gain, found.noise)
        text = advice(name, made, full, found)
        rows.append((trial, group, name, outcome, len(steps), made, *at, *numbers, text))
    return pd.DataFrame(rows, columns=COLUMNS)


def curve_summary(source: Source) -> pd.DataFrame:
    """Columns group, class, trials, share (of the group); best first, classes in the order of `CLASSES`."""
    frame = curve_classes(source)
    counts = frame.groupby(["group", "class"]).size().rename("trials").reset_index()
    order = {name: place for place, name in enumerate(shapes.CLASSES)}
    counts = counts.sort_values("class", key=lambda names: names.map(order), kind="stable")
    counts = counts.sort_values("group", kind="stable", ignore_index=True)
    share = counts["trials"] / counts.groupby("group")["trials"].transform("sum")
    return counts.assign(share=share)


def _curves(source: Source, search: pd.DataFrame) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Trial, steps, validation losses and train losses (NaN at step 0), trial by trial."""
    validation, train = (
        of_search(search, source.curves[source.curves["metric"] == name])[["trial", "step", "value"]]
        for name in ("validation_loss", "train_loss")
    )
    wide = validation.merge(train, on=["trial", "step"], how="left", suffixes=("", "_train"))
    wide = wide[np.isfinite(wide["value"])].sort_values(["trial", "step"])
    trials = wide["trial"].to_numpy()
    cuts = np.flatnonzero(np.diff(trials)) + 1
    steps, *losses = (wide[name].to_numpy(float) for name in ("step", "value", "value_train"))
    for part in np.split(np.arange(len(trials)), cuts) if len(trials) else ():
        yield int(trials[part[0]]), steps[part].astype(int), losses[0][part], losses[1][part]


def advice(name: str, steps: int, full: int, found: shapes.Shape) -> str:
    """What a class asks for, with a ready ``--set`` where there is one; empty where nothing follows.

    `steps` were made of the `full` length of the longest trial.
    """
    if name == shapes.IMPROVING:
        return f"train longer: --set training.steps={2 * steps}"
    if name == shapes.SATURATED and found.settled_step <= 0.6 * steps:
        enough = max(int(np.ceil(1.25 * found.settled_step)), 1)
        return f"fewer steps would do: --set training.steps={enough}"
    if name == shapes.OVERFITTING:
        decay = "--set 'search.space.weight_decay={low = 1e-6, high = 1e-2, log = true, zero = 0.25}'"
        return f"best at step {found.best_step} of {steps}: stop there, or regularize: {decay}"
    if name == shapes.UNSTABLE:
        return "lower learning rate, or one that falls: --set search.space.schedule=cosine"
    if name == shapes.STUCK:
        return "higher learning rate, or see whether the gradient vanishes"
    if name == shapes.DIVERGED:
        warm = ", or warm up: --set search.space.schedule=warmup_cosine" if steps <= EARLY * full else ""
        return f"lower learning rate{warm}"
    return ""
