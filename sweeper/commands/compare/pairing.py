"""The two runs of a comparison: whether their scores can be compared, and whether a seed means the same."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.answer.confirmed import FEW
from sweeper.answer.rows import as_costs
from sweeper.questions.run import name_of
from sweeper.records.store import Records
from sweeper.study.data_keys import GIVEN, GROUPS, RANDOM, SPLIT_KEYS, STRATIFIED, TIME
from sweeper.study.sections import TRAINED
from sweeper.study.study import Study
from sweeper.toml_text import for_set
from sweeper.wording import count, given, shown

TRAINED_ON = ("class_weight", "label_smoothing")
"""Options of losses that validation losses are without."""


@dataclass(frozen=True)
class Run:
    """One of the two: a run with an answer."""

    name: str
    study: Study
    records: Records
    answer: Answer
    split: str = ""
    """How rows were split; empty where that is not on record, see `sweeper.study.data_keys`."""

    @property
    def scores(self) -> "pd.Series[float]":
        """What ranks the winner on each fresh seed (the index), lower is better; NaN where it was lost."""
        trials = as_costs(self.records.trials, self.study.objective)
        rows = trials[(trials["phase"] == "confirm") & (trials["trial"] == self.answer.trial)]
        return rows.set_index("seed")["objective"].astype(float).sort_index()

    @property
    def completed(self) -> int:
        """Fresh seeds that the winner completed."""
        return int(self.scores.count())

    @property
    def contenders(self) -> int:
        """Finalists that the winner was picked from without being told from them."""
        return 1 + len(self.answer.tied) + len(self.answer.unranked)


def incomparable(a: Run, b: Run) -> str:
    """Why scores of the two runs are not in the same unit or about the same data; empty if they are."""
    one, other = a.study, b.study
    if one.objective != other.objective:
        return f"{a.name} ranks by {one.search.objective}, {b.name} by {other.search.objective}"
    source = (str(_source(one)), str(_source(other)))
    if source[0] != source[1] and not _same_hash(a, b):
        return f"{a.name} has the data {source[0]}, {b.name} has {source[1]}"
    if one.data.target != other.data.target:
        return f"data.target is {one.data.target} in {a.name} and {other.data.target} in {b.name}"
    mine, theirs = dict(one.data.options), dict(other.data.options)
    for key in () if _same_hash(a, b) else sorted({*mine, *theirs}):
        if mine.get(key) != theirs.get(key):
            said = (shown(each.get(key)) if key in each else "not set" for each in (mine, theirs))
            return f"data.{key} is {next(said)} in {a.name} and {next(said)} in {b.name}"
    from sweeper.answer.units import BY_LOSS, of_the_target  # loaded late: it loads torch

    is_loss = one.search.objective in BY_LOSS
    if is_loss and (why := _other_loss(a, b)):
        return why
    standardized = one.data.standardize_target != other.data.standardize_target
    if standardized and of_the_target(one.search.objective):
        scores = "losses" if is_loss else "scores"
        return f"the targets are standardized in one of them only, so {scores} are in other units"
    return ""


def _same_hash(a: Run, b: Run) -> bool:
    """Whether both are known to have read the same rows, wherever these lay: a project may have moved."""
    one, other = (run.answer.made.get("data") for run in (a, b))
    return bool(one) and one == other


def _other_loss(a: Run, b: Run) -> str:
    """Why the losses of the two winners are no values of one function; empty where they are."""
    from sweeper.components.losses import LOSSES  # loaded late: it loads torch

    losses = [name_of(setting(run, "training.loss")) for run in (a, b)]
    if losses[0] != losses[1]:
        return f"{a.name} has the loss {losses[0]}, {b.name} has {losses[1]}"
    for key in LOSSES[losses[0]].options if losses[0] in LOSSES else ():
        values = [setting(run, f"training.{key}") for run in (a, b)]
        if values[0] != values[1] and (key not in TRAINED_ON or a.study.search.objective == "train_loss"):
            one, other = ("not set" if value is None else value for value in values)
            return f"training.{key} is {one} in {a.name} and {other} in {b.name}, so losses differ"
    return ""


def setting(run: Run, name: str) -> Any:
    """What the winner has of ``training.KEY``, ``model.KEY`` or another parameter, searched or fixed."""
    section, _, key = name.partition(".")
    fixed = {"training": vars(run.study.training), "model": run.study.model.options}.get(section, {})
    return run.answer.parameters.get(name, fixed.get(key))


def _source(study: Study) -> Any:
    """Built-in name; file or function with the folder that it is looked up from."""
    source = name_of(study.data.source)
    local = study.folder is not None and (":" in source or "." in source)
    return f"{source} (from {study.folder})" if local else source


def on_other_rows(a: Run, b: Run) -> str:
    """Why the two train, validate and test on other rows; empty where they do not."""
    given_rows = all(run.split == GIVEN for run in (a, b))
    by_time = all(run.split == TIME or run.study.data.time for run in (a, b))
    if a.study.search.seed != b.study.search.seed and not given_rows and not by_time:
        seeds = a.study.search.seed, b.study.search.seed
        return f"search.seed is {seeds[0]} and {seeds[1]}, so they hold back other test rows"
    if a.study.data.split != b.study.data.split and not given_rows:
        return f"data.split is {_shares(a.study)} and {_shares(b.study)}, so they validate on other rows"
    if a.split and b.split and a.split != b.split:
        return f"rows were split {BY[a.split]} and {BY[b.split]}, so they validate on other rows"
    if unlike := () if given_rows else unlike_splits(a, b):
        key, one, other = unlike[0]
        return f"data.{key} is {_said(one)} and {_said(other)}, so they validate on other rows"
    return ""


BY = {
    RANDOM: "at random",
    STRATIFIED: "class by class",
    GROUPS: "by groups",
    TIME: "by time",
    GIVEN: "beforehand",
}
"""How rows are split, in words."""


def unlike_splits(a: Run, b: Run) -> list[tuple[str, Any, Any]]:
    """Keys by which rows are split otherwise in the two, with the value of each."""
    found = [(key, getattr(a.study.data, key), getattr(b.study.data, key)) for key in SPLIT_KEYS]
    both_on_record = a.split and b.split  # then an unset key that means the same is known to
    return [
        (key, one, other)
        for key, one, other in found
        if one != other and not (key == "stratify" and both_on_record and {one, other} <= {None, True, False})
    ]


def _said(value: str | bool | None) -> str:
    return "not set" if value is None else for_set(value)


def unpaired_because(a: Run, b: Run) -> str:
    """Why a seed does not mean the same in both runs; empty if it does."""
    if why := on_other_rows(a, b):
        return why
    shared = len(_both(a, b))
    if shared < FEW:
        return f"they share {count(shared, 'completed fresh seed')}"
    return ""


def shared_seeds(a: Run, b: Run) -> "pd.Index[int]":
    """The fresh seeds that completed in both, where a seed means the same in both; else none."""
    both = _both(a, b)
    return both[:0] if unpaired_because(a, b) else both


def _both(a: Run, b: Run) -> "pd.Index[int]":
    return a.scores.dropna().index.intersection(b.scores.dropna().index)


def same_settings(a: Run, b: Run) -> bool:
    """Whether the two winners are trained in the same way: then they differ by seeds and rounding alone.

    Code of the user is the same where both studies look it up from the same folder.
    """
    kept = [[run.study.to_dict().get(section) for section in TRAINED] for run in (a, b)]
    code = (a.study.names_code or b.study.names_code) and a.study.folder != b.study.folder
    return dict(a.answer.parameters) == dict(b.answer.parameters) and kept[0] == kept[1] and not code


def _shares(study: Study) -> str:
    return "/".join(given(share) for share in study.data.split)
