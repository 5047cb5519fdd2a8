"""Measures by layer in the trials of the search, and their profiles before and after training."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sweeper.answer.rows import completed_search, search_trials
from sweeper.questions.losses import of_search
from sweeper.questions.run_data import RunData, once
from sweeper.questions.structures import alike, like, structures
from sweeper.wording import count, whole

ROWS = ["trial", "seed", "step", "layer", "value"]
START, END = "initialisation", "end of training"
COLUMNS = [
    "moment",
    "activation",
    "layer",
    "layer_name",
    "measure",
    "low",
    "median",
    "high",
    "trials",
    "depth",
]


BETWEEN = 2
"""Layers that a network has at least, for anything to lie between them."""
FEW = 5
"""Completed trials of the answer's depth from which on the page is about these, however many others have."""
DEPTH_BY = "gradient_norm"
"""The measure whose layers are the depth of a network; of runs without it, each measure's own are."""


@once
def layer_rows(run: RunData, measure: str) -> pd.DataFrame:
    """Finite rows of `measure` of search trials: columns trial, seed, step, layer, value, activation, depth,
    which is the number of layers.

    Where trials differ in depth, those of one depth are taken, the same for every measure, so that a layer
    means the same in every line: see `_depth_taken`. Where they differ in other parts of their structure,
    `activation` names these too, see `structures`.
    """
    rows = _rows_of(run, measure)
    rows = rows[np.isfinite(rows["value"]) & rows["trial"].isin(alike(run))]
    kinds = pd.Categorical(rows["trial"].map(structures(run).astype("category")))
    rows = rows.assign(activation=kinds)
    if rows.empty:
        return rows.assign(depth=0)
    kept = rows[rows["trial"].isin(_networks_with(run, measure, frozenset(rows["trial"])))]
    return kept.assign(depth=kept["layer"].nunique())


@once
def _rows_of(run: RunData, measure: str) -> pd.DataFrame:
    """All rows of `measure` of the trials of the search."""
    rows = run.layers[ROWS][(run.layers["measure"] == measure).to_numpy()]
    return of_search(search_trials(run.trials).drop_duplicates("trial"), rows)


@once
def _depths(run: RunData, measure: str) -> pd.DataFrame:
    """trial -> last, the last layer of its network, and layers, the number of them: by `DEPTH_BY`, where
    that is on record."""
    rows = _rows_of(run, DEPTH_BY)
    rows = _rows_of(run, measure) if rows.empty else rows
    return rows.groupby("trial")["layer"].agg(last="max", layers="nunique")


def _networks_with(run: RunData, measure: str, trials: frozenset[int]) -> "pd.Index[int]":
    """Those of `trials`, which have `measure`, whose networks have the depth that is taken: that of all
    networks; where none of them has `measure`, as none of their activations can die, that of `trials`."""
    depths = _depths(run, measure)
    alike_ones = depths[depths.index.isin(alike(run))]
    own = alike_ones[alike_ones.index.isin(trials)]
    kept = own[own["last"] == _depth_taken(run, alike_ones)]
    return (kept if len(kept) else own[own["last"] == _depth_taken(run, own)]).index


def _depth_taken(run: RunData, depths: pd.DataFrame) -> int:
    """The last layer of the networks that are taken: of the answer's depth, where `FEW` completed trials have
    it, else of the depth that most of them have; of equally many the answer's own, then the deeper. Networks
    of fewer than `BETWEEN` layers only where there are no others.
    """
    done = depths.index.isin(completed_search(run.trials)["trial"])
    own = depths.index == (run.answer.trial if run.answer else -1)
    marked = depths.assign(enough=depths["layers"] >= BETWEEN, completed=done, own=own)
    order = marked.groupby("last").agg({"enough": "max", "completed": "sum", "own": "max"}).reset_index()
    order = order.assign(answers=order["own"] & (order["completed"] >= FEW))
    return int(order.sort_values(["enough", "answers", "completed", "own", "last"])["last"].iloc[-1])


def layer_profile(run: RunData, measures: tuple[str, ...]) -> pd.DataFrame:
    """Median and quartiles over trials for each moment, activation, layer and measure.

    Columns as in `COLUMNS`; layer_name is empty where the run kept none; `trials` counts the trials behind a
    row. Trials are those of `layer_rows` that count at the moment, see `at_moments`.
    """
    frames = [rows for measure in measures if len(rows := _profile_of(run, measure))]
    return named_layers(run, pd.concat(frames, ignore_index=True) if frames else pd.DataFrame())


@once
def _profile_of(run: RunData, measure: str) -> pd.DataFrame:
    return profile_of(at_moments(run, layer_rows(run, measure)), measure)


def profile_of(moments: Mapping[str, pd.DataFrame], measure: str) -> pd.DataFrame:
    """Median and quartiles of rows as those of `layer_rows`, for each moment, activation and layer."""
    frames = [_summary(part).assign(moment=moment, measure=measure) for moment, part in moments.items()]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def named_layers(run: RunData, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of `profile_of` with the names of their layers, initialisation first; columns as in `COLUMNS`."""
    if frame.empty:
        return pd.DataFrame(columns=COLUMNS)
    order = {moment: place for place, moment in enumerate((START, END))}
    names = [layer_names(run, str(measure)) for measure in frame["measure"].unique()]
    frame = frame.merge(pd.concat(names), "left", NAMED_BY)
    frame = frame.assign(layer_name=frame["layer_name"].fillna(""))[COLUMNS]
    return frame.sort_values("moment", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def at_moments(run: RunData, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`rows` at initialisation (step 0) and at the end of training; a moment without rows is left out.

    At initialisation all trials count that were measured there; at the end (the trial's last
    measured step, above 0) completed ones.
    """
    done = rows[rows["trial"].isin(completed_search(run.trials)["trial"])]
    last = done.groupby("trial")["step"].transform("max")
    moments = {START: rows[rows["step"] == 0], END: done[(done["step"] == last) & (done["step"] > 0)]}
    return {moment: part for moment, part in moments.items() if len(part)}


NAMED_BY = ["moment", "activation", "measure", "layer"]


@once
def layer_names(run: RunData, measure: str) -> pd.DataFrame:
    """Columns `NAMED_BY` and layer_name: what the networks of `layer_rows` call their layers.

    Of those alone that a line of this moment and activation may be about: completed ones at the end of
    training. Several names of one layer are joined by "or".
    """
    columns = [*NAMED_BY, "layer_name"]
    if "layer_name" not in run.layers:
        return pd.DataFrame(columns=columns).astype({"layer": "int64"})
    rows = run.layers.loc[run.layers["measure"] == measure, ["trial", "layer", "layer_name"]]
    rows = rows[rows["trial"].isin(layer_rows(run, measure)["trial"])].drop_duplicates(["trial", "layer"])
    rows = rows[rows["layer_name"].notna()]
    rows = rows.assign(measure=measure, activation=rows["trial"].map(structures(run)).astype("str"))
    done = rows[rows["trial"].isin(completed_search(run.trials)["trial"])]
    named = pd.concat([rows.assign(moment=START), done.assign(moment=END)]).drop_duplicates(columns)
    return named.groupby(NAMED_BY)["layer_name"].agg(_either).reset_index()


def _either(names: "pd.Series[str]") -> str:
    """The names of one layer in unlike networks, in one order whatever that of the trials."""
    return " or ".join(sorted(names, key=lambda name: [(len(part), part) for part in name.split(".")]))


def _summary(rows: pd.DataFrame) -> pd.DataFrame:
    groups = rows.groupby(["activation", "layer", "depth"], observed=True)["value"]
    quartiles = groups.quantile(np.array([0.25, 0.5, 0.75])).unstack()
    quartiles.columns = ["low", "median", "high"]
    frame = quartiles.assign(trials=groups.size()).reset_index()
    return frame.assign(activation=frame["activation"].astype("str"))


def of_depth(run: RunData, measure: str) -> str:
    """`` with 3 layers and model.norm = batch``, the networks that `layer_rows` takes; empty where these are
    all of them. Where others lie between them, `` with an activation in 3 layers``."""
    shown = layer_rows(run, measure)
    if shown.empty or len(_with(run, measure)) == shown["trial"].nunique():
        return ""
    layers = count(int(shown["depth"].iloc[0]), "layer")
    numbers = shown["layer"]
    if numbers.max() - numbers.min() >= numbers.nunique():  # between them lie layers that have none
        layers = f"an activation in {layers}"
    return f" with {layers}{like(run)}"


def other_depths(run: RunData, measure: str) -> str:
    """A sentence about the networks that `layer_rows` leaves out; empty where it takes all."""
    if not (which := of_depth(run, measure)):
        return ""
    seen, shown = _with(run, measure), layer_rows(run, measure)["trial"]
    done = seen.isin(completed_search(run.trials)["trial"])
    kept = seen.isin(shown)
    said = f"These are the networks{which}, {whole(kept.sum())} of {count(len(seen), 'measured trial')}"
    said += "" if done.all() else f", {whole((kept & done).sum())} of {whole(done.sum())} completed ones"
    own = run.answer.trial if run.answer else -1
    answers = f" The answer's is {'one' if (shown == own).any() else 'none'} of them."
    return f"{said}.{answers if (seen == own).any() else ''}"


def _with(run: RunData, measure: str) -> "pd.Series[int]":
    """Trials of the search that have a finite value of `measure`."""
    rows = _rows_of(run, measure)
    return rows.loc[np.isfinite(rows["value"]), "trial"].drop_duplicates()


PER_DECADE = 4
"""Looks in a decade of steps, as they are recorded."""


def over_time(run: RunData, measure: str) -> pd.DataFrame:
    """Medians of `measure` over the completed search trials, for each activation, look and layer.

    Columns activation, look, layer, depth, median, trials and step. Looks of trials of unlike length are put
    together by quarter decades of the step, each trial with its last one there, and `step` is their median;
    the last look is the end of every trial, whatever its length, and `step` the largest of them. Completed
    trials alone, so that a line is about the same trials at its start and at its end.
    """
    rows = layer_rows(run, measure)
    rows = rows[rows["trial"].isin(completed_search(run.trials)["trial"])]
    rows = rows.assign(look=_looks(rows)).sort_values("step", kind="stable")
    rows = rows.drop_duplicates(["trial", "layer", "look"], keep="last")
    groups = rows.groupby(["activation", "look", "layer", "depth"], observed=True)
    frame = groups["value"].agg(median="median", trials="size").reset_index()
    at = rows.groupby("look")["step"].median().astype("int64")
    at.iloc[-1:] = int(rows["step"].max()) if len(rows) else 0  # ends come last, however early some are
    return frame.assign(step=frame["look"].map(at), activation=frame["activation"].astype("str"))


def _looks(rows: pd.DataFrame) -> np.ndarray:
    """The place of each step among those of all trials, or its quarter decade where trials differ in them:
    then the last place is that of the last step of each."""
    steps = rows["step"].to_numpy(float)
    known = np.unique(steps)
    if len(rows) and (rows.groupby("trial")["step"].nunique() == len(known)).all():
        return np.searchsorted(known, steps)
    looks = np.where(steps > 0, 1 + np.round(PER_DECADE * np.log10(np.maximum(steps, 1))), 0).astype(int)
    last = (steps > 0) & (steps == rows.groupby("trial")["step"].transform("max").to_numpy())
    return np.where(last, looks.max(initial=0) + 1, looks)
