"""Tables of two runs beside each other. Columns `a` and `b` hold the values of the two."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import (
    OWN,
    as_costs,
    as_texts,
    by_size,
    completed_search,
    search_labels,
    search_trials,
    with_names,
)
from sweeper.commands.compare.pairing import Run, setting, shared_seeds
from sweeper.study.override import dotted
from sweeper.study.settings import default_activation
from sweeper.trial import Outcome
from sweeper.wording import given

SETTINGS = ["setting", "a", "b"]
SCORES = ["run", "label", "seed", "objective", "mean", "low", "high", "metric"]
CURVES = ["run", "step", "low", "median", "high", "seeds", "fresh", "metric"]
DIFFERENCES = ["key", "a", "b"]
SPENT = ["run", "trials", *(str(o) for o in Outcome), "confirmations", "seconds", "steps"]
BEST = ["parameter", "value", "best_a", "trials_a", "best_b", "trials_b"]


def settings(a: Run, b: Run) -> pd.DataFrame:
    """Parameters of the two winners, searched or fixed; null where one has no such parameter."""
    names = dict.fromkeys([*a.answer.parameters, *b.answer.parameters])
    rows = [(name, setting(a, name), setting(b, name)) for name in names]
    return pd.DataFrame(rows, columns=SETTINGS, dtype=object)


def differences(a: Run, b: Run) -> pd.DataFrame:
    """Keys of the study files with different values, name and question aside; null where a key is absent, or
    its values are searched."""
    every = [dotted(run.study.to_dict()) for run in (a, b)]
    one, other = (
        {key: _told(key, value) for key, value in each.items() if f"search.space.{key}" not in each}
        for each in every
    )
    keys = [key for key in dict.fromkeys([*one, *other]) if key not in ("name", "question")]
    rows = [(key, one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)]
    return pd.DataFrame(rows, columns=DIFFERENCES, dtype=object)


def _told(key: str, value: Any) -> Any:
    """A range as text; a list of one value as that value, since both say the same."""
    if isinstance(value, Mapping):
        more = [f"{k} {v}" for k, v in value.items() if k not in ("low", "high", "log") and v]
        ends = f"{given(value['low'])} to {given(value['high'])}"
        return ", ".join([ends, *["log"] * bool(value.get("log")), *more])
    searched = key.startswith("search.space.") and isinstance(value, list | tuple) and len(value) == 1
    return value[0] if searched else value


def scores(a: Run, b: Run) -> pd.DataFrame:
    """One row per run and fresh seed of its winner; mean, low and high are those of its confirmation."""
    parts = []
    for run in (a, b):
        on_seeds, sure = run.scores, run.answer.confirmed
        ends = (np.nan,) * 3 if sure is None else (sure.mean, sure.low, sure.high)
        frame = pd.DataFrame({"seed": on_seeds.index, "objective": on_seeds.to_numpy()})
        frame = Ranked(run.study.objective).read(frame, "objective")
        frame = frame.assign(run=run.name, label=winner_label(run), metric=run.study.objective)
        parts.append(frame.assign(mean=ends[0], low=ends[1], high=ends[2])[SCORES])
    return pd.concat(parts, ignore_index=True)


def winner_label(run: Run) -> str:
    """The winner in a few words."""
    return search_labels(run.records.trials)[run.answer.trial]


def curves(a: Run, b: Run) -> pd.DataFrame:
    """Validation loss of both winners by step: median and quartiles over the fresh seeds that completed.

    Where a seed means the same in both runs, over those that completed in both, as scores are compared.
    `fresh` is false where a winner was not retrained: then it is the one training of the search.
    """
    parts, shared = [], shared_seeds(a, b)
    for run in (a, b):
        trials = run.records.trials
        rows = trials[(trials["trial"] == run.answer.trial) & (trials["outcome"] == "completed")]
        fresh = rows[rows["phase"] == "confirm"]
        chosen = fresh[fresh["seed"].isin(shared)] if len(shared) else fresh if len(fresh) else rows
        lines = run.records.curves
        lines = lines[(lines["metric"] == "validation_loss") & np.isfinite(lines["value"])]
        steps = lines.merge(chosen[["trial", "seed"]], on=["trial", "seed"]).groupby("step")["value"]
        shares = {"low": 0.25, "median": 0.5, "high": 0.75}
        frame = pd.DataFrame({name: steps.quantile(share) for name, share in shares.items()})
        frame = frame.assign(run=run.name, seeds=steps.size(), fresh=len(fresh) > 0, metric="validation_loss")
        parts.append(frame.reset_index()[CURVES])
    return pd.concat(parts, ignore_index=True)


def spent(a: Run, b: Run) -> pd.DataFrame:
    """Trials of the search by outcome, confirmations, seconds and steps of all trainings together."""
    rows = []
    for run in (a, b):
        trials, search = run.records.trials, search_trials(run.records.trials)
        counts = {str(outcome): int((search["outcome"] == outcome).sum()) for outcome in Outcome}
        more = int((trials["phase"] == "confirm").sum())
        sums = float(trials["seconds"].sum()), int(trials["steps"].sum())
        rows.append((run.name, len(search), *counts.values(), more, *sums))
    return pd.DataFrame(rows, columns=SPENT)


def best_by_value(a: Run, b: Run) -> pd.DataFrame:
    """For each value of a scientific parameter of either run: best search score, and the trials behind it.

    Trials count whatever their outcome; null where a run has no completed trial of the value.
    """
    names = dict.fromkeys([*a.study.search.scientific, *b.study.search.scientific])
    parts = [_best(run, name).add_suffix(end) for name in names for run, end in ((a, "_a"), (b, "_b"))]
    frames = []
    for name, one, other in zip(names, parts[::2], parts[1::2], strict=True):
        frame = one.join(other, how="outer").reset_index(names="value").assign(parameter=name)
        frame = frame.sort_values("value", key=lambda values: values.map(by_size))
        frames.append(frame[[column for column in BEST if column in frame]])
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=BEST)
    for column in ("trials_a", "trials_b"):
        frame[column] = frame[column].fillna(0).astype("int64")
    return frame[(frame["trials_a"] + frame["trials_b"]) > 0].reset_index(drop=True)


def _best(run: Run, parameter: str) -> pd.DataFrame:
    """Columns best, trials; index: values as text."""
    trials = as_costs(run.records.trials, run.study.objective)
    own = default_activation(run.study) or OWN
    search, done = with_names(search_trials(trials), own), with_names(completed_search(trials), own)
    if parameter not in search:
        return pd.DataFrame(
            {"best": pd.Series(dtype=float), "trials": pd.Series(dtype=float)},
            index=pd.Index([], dtype="str"),
        )
    sizes = search.groupby(as_texts(search[parameter].dropna())).size()
    best = done.groupby(as_texts(done[parameter].dropna()))["objective"].min().astype(float)
    frame = pd.DataFrame({"best": best.reindex(sizes.index), "trials": sizes.astype(float)})
    return Ranked(run.study.objective).read(frame, "best")


TABLES = {
    "settings": settings,
    "differences": differences,
    "scores": scores,
    "curves": curves,
    "spent": spent,
    "best_by_value": best_by_value,
}
"""Name of the CSV file -> table."""
