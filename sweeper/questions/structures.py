"""Networks of unlike structure, which no median may mix: normalized or not, residual or not."""

from typing import Any

import pandas as pd

from sweeper.answer.rows import best_trials, with_names
from sweeper.questions.run_data import RunData, once
from sweeper.records.schema import decode
from sweeper.wording import listing, shown

APART = " ("
"""Between an activation and the other settings of the structure in a label."""
MOST = 8
"""Labels that lines and panels can tell apart."""


def structures(run: RunData) -> "pd.Series[str]":
    """trial -> its activation and the other settings that make networks unlike: ``sigmoid (norm batch)``.

    These are the searched settings of the model that are no numbers. Where the labels would be more than
    `MOST`, they have the activation alone, and `alike` says of which networks.
    """
    return _kinds(run)["label"]


@once
def _kinds(run: RunData) -> pd.DataFrame:
    """A row per trial: label, see `structures`; taken, see `alike`; like, one text for all, see `like`."""
    trials = with_names(run.trials, run.default_activation).drop_duplicates("trial").set_index("trial")
    names, settings = trials["activation"].astype("str"), structure_of(trials)
    if settings.columns.empty:
        return pd.DataFrame({"label": names, "taken": True, "like": ""})
    parts = [(name.removeprefix("model.") + " ") + settings[name] for name in settings]
    labels = names + APART + parts[0].str.cat(parts[1:], sep=", ") + ")"
    if labels.nunique() <= MOST:
        return pd.DataFrame({"label": labels, "taken": True, "like": ""})
    own = _own(run)
    if own is None:
        return pd.DataFrame({"label": names, "taken": True, "like": ""})
    taken = (settings == settings.loc[own]).all(axis=1)
    words = listing([f"{name} = {settings.loc[own, name]}" for name in settings])
    return pd.DataFrame({"label": names, "taken": taken, "like": f" and {words}"})


def structure_of(trials: pd.DataFrame) -> pd.DataFrame:
    """Columns of `trials` that are settings of the model, vary and are no numbers; as text."""
    own = [str(name) for name in trials if str(name).startswith("model.")]
    own = [name for name in own if trials[name].nunique(dropna=False) > 1 and not _is_number(trials[name])]
    frame = trials[own].astype("object")
    return frame.where(frame.notna(), "unset").map(lambda value: shown(decode(value))).astype("str")


def _is_number(values: "pd.Series[Any]") -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)


def alike(run: RunData) -> frozenset[int]:
    """Trials that may be taken together under the labels of `structures`: all, or those with the structure of
    the answer (of the best trial where there is none)."""
    kinds = _kinds(run)
    return frozenset(kinds.index[kinds["taken"]])


def like(run: RunData) -> str:
    """What the networks of `alike` have in common, `` and model.norm = batch``; empty where all are taken."""
    return str(_kinds(run)["like"].iloc[0])


def _own(run: RunData) -> int | None:
    best = best_trials(run.trials, 1)["trial"].tolist()
    return run.answer.trial if run.answer is not None else best[0] if best else None


def base_of(label: str) -> str:
    """The activation of a label of `structures`."""
    return label.partition(APART)[0]
