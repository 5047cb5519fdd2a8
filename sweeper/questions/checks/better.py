"""Is one value better than another, or no worse? Does a weight lower the loss? Are more units dead?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import completed_search, having, published, search_trials
from sweeper.questions.checks.asides import aside, race_verdicts, unshown
from sweeper.questions.checks.verdict import CONTRARY, FOUND, NOT_FOUND, CheckResult, judge, spread, unknown
from sweeper.questions.losses import capped_losses
from sweeper.questions.run_data import RunData
from sweeper.records.schema import decode
from sweeper.statistics.intervals import interval
from sweeper.study.expect import Better, DeadShare, Lowers, NoWorse
from sweeper.wording import given, listing, number, shown

KEY = ["trial", "seed"]


def objective(run: RunData) -> pd.DataFrame:
    """What ranks trials, lower is better: the best at the evaluation points; completed trainings."""
    done = run.trials[run.trials["outcome"] == "completed"]
    return _sound(done[KEY].assign(value=done["objective"].astype(float)))


def gap(run: RunData) -> pd.DataFrame:
    """Validation loss − training loss at the last evaluation point, the penalty left out of both."""
    rows = run.curves[run.curves["metric"].isin(["validation_loss", "train_loss"])]
    rows = rows[rows["step"] == rows.groupby(KEY)["step"].transform("max")]
    wide = rows.pivot(index=KEY, columns="metric", values="value").reset_index()
    wide = wide.reindex(columns=[*KEY, "validation_loss", "train_loss"])
    return _sound(_completed(run, wide[KEY].assign(value=wide["validation_loss"] - wide["train_loss"])))


def dead(run: RunData) -> pd.DataFrame:
    """Share of dead units at the last measured step, mean over layers, in [0, 1]."""
    rows = run.layers[(run.layers["measure"] == "dead") & (run.layers["step"] > 0)]
    rows = rows[rows["step"] == rows.groupby(KEY)["step"].transform("max")]
    return _sound(_completed(run, rows.groupby(KEY)["value"].mean().reset_index()))


QUANTITIES: dict[str, Callable[[RunData], pd.DataFrame]] = {"objective": objective, "gap": gap, "dead": dead}
WORDS = {"gap": "generalisation gap (validation − training loss)", "dead": "share of dead units"}
"""In sentences; the objective has a name of its own."""


def _completed(run: RunData, frame: pd.DataFrame) -> pd.DataFrame:
    done = run.trials.loc[run.trials["outcome"] == "completed", KEY].drop_duplicates()
    return frame.merge(done, on=KEY)


def _sound(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[np.isfinite(frame["value"].astype(float))].reset_index(drop=True)


FEWEST = 5
"""Search trials of each value below which their medians are not compared."""
PAIRS = 3
"""Fresh seeds that both must have completed; below, the search trials are compared instead."""
RESAMPLES = 10_000


@dataclass(frozen=True)
class Difference:
    """value − than in a quantity, with its 95 % interval; NaN where that is not known."""

    mean: float
    low: float
    high: float
    value: float
    """The quantity at `value_name` …"""
    than: float
    """… and at `than_name`."""
    value_name: str
    than_name: str
    basis: str
    more_failures: bool = False
    """`value` diverged or failed on more of the fresh seeds than `than`."""
    doubted: str = ""
    """Why it decides nothing: another finalist with the value that did worse, or the race's call of the two,
    in words; empty where nothing does."""


def read(found: Difference, ranked: Ranked) -> Difference:
    """A difference of costs as one of the objective, as people read it."""
    if not ranked.highest:
        return found
    value, than = ranked.value(found.value), ranked.value(found.than)
    return replace(found, mean=-found.mean, low=-found.high, high=-found.low, value=value, than=than)


def difference(run: RunData, parameter: str, value: Any, than: Any, quantity: str) -> Difference | None:
    """`value` − `than`, of the objective in costs; ``None`` if neither fresh seeds nor the search can tell.

    On fresh seeds each value is represented by the finalist of lowest objective *in the search*, so the seeds
    that compare have chosen nothing; ``None`` as a value stands for the best of the others. The answer was
    chosen by these seeds, so it stands for its value only where the search had it first: else that value
    would look better than it is. The difference is taken seed by seed. Without enough seeds, or where a
    default that nobody tuned would speak against its value, medians over the trials of the search: see
    `_of_search`.
    """
    fresh = _paired(run, parameter, value, than, quantity)
    if isinstance(fresh, Difference):
        return fresh
    found = _of_search(run, parameter, value, than, quantity)
    return replace(found, basis=f"{found.basis}; {fresh}") if found and fresh else found


def _paired(run: RunData, parameter: str, value: Any, than: Any, quantity: str) -> Difference | str:
    """On fresh seeds; why they decide nothing, or an empty text where they are too few."""
    fresh, ranked = run.trials[run.trials["phase"] == "confirm"], _finalists(run)
    one, other = _best(ranked, parameter, value, than), _best(ranked, parameter, than, value)
    if one is None or other is None:
        return ""
    found = QUANTITIES[quantity](run).merge(fresh[["trial", "seed"]], on=["trial", "seed"])
    by_trial = found.pivot(index="seed", columns="trial", values="value").reindex(columns=ranked["trial"])
    pairs = by_trial[[one["trial"], other["trial"]]].dropna().to_numpy(dtype=float)
    if len(pairs) < PAIRS:
        return ""
    apart = pairs[:, 0] - pairs[:, 1]
    better, worse = (other, one) if apart.mean() > 0 else (one, other)
    if quantity == "objective" and _is_untuned(run, parameter, worse):
        return (
            f"fresh seeds decide nothing: #{worse['trial']}, a published default that nobody tuned, stands "
            f"for {_name(worse[parameter])} there, of which another trial was better in the search"
        )
    bad = fresh[fresh["outcome"] != "completed"]["trial"].value_counts()
    calls = race_verdicts(run) if quantity == "objective" else {}
    low, high = interval(apart)
    rivals = ranked[(ranked[parameter] == worse[parameter]) & (ranked["trial"] != worse["trial"])]["trial"]
    return Difference(
        doubted=_doubt(by_trial, int(better["trial"]), rivals.tolist() if calls else ())
        or unshown(calls, int(one["trial"]), int(other["trial"])),
        mean=float(apart.mean()),
        low=low,
        high=high,
        value=float(pairs[:, 0].mean()),
        than=float(pairs[:, 1].mean()),
        value_name=_name(one[parameter]),
        than_name=_name(other[parameter]),
        basis=f"each by the finalist that was best in the search, #{one['trial']} and #{other['trial']}, on "
        f"{len(pairs)} fresh seeds, pair by pair{aside(run, one, other, parameter)}",
        more_failures=bool(bad.get(one["trial"], 0) > bad.get(other["trial"], 0)),
    )


def _finalists(run: RunData) -> pd.DataFrame:
    """Their trials of the search, the best there first."""
    fresh, search = run.trials.loc[run.trials["phase"] == "confirm", "trial"], search_trials(run.trials)
    return search[search["trial"].isin(fresh)].sort_values(["objective", "trial"])


def _doubt(by_trial: pd.DataFrame, better: int, rivals: Sequence[int]) -> str:
    """The first of the `rivals` that is not shown to be worse than the trial `better`, by its costs."""
    for rival in rivals:
        apart = (by_trial[rival] - by_trial[better]).dropna().to_numpy(dtype=float)
        if len(apart) >= PAIRS and not interval(apart)[0] > 0:
            return f"#{rival}, with the value that did worse, is not shown to be worse"
    return ""


def _is_untuned(run: RunData, parameter: str, loser: "pd.Series[Any]") -> bool:
    """Whether the value that is worse has a published default for its finalist, which a tuned trial of the
    search beat: then nothing speaks against the value."""
    done = completed_search(run.trials)
    own = done[done[parameter].astype("str") == str(loser[parameter])]
    plain = published(own, run.defaults)
    return bool(plain[own["trial"] == loser["trial"]].any()) and bool(
        (own.loc[~plain, "objective"] < loser["objective"]).any()
    )


def _of_search(run: RunData, parameter: str, value: Any, than: Any, quantity: str) -> Difference | None:
    """Difference of medians over the evenly spread trials of the explore phase, with a bootstrap interval.

    Of the objective a trial that diverged counts as one that learned nothing: with its first loss;
    a pruned one with the best it had reached.
    """
    search = search_trials(run.trials)
    explored = search[search["phase"] == "explore"]
    rows = explored if len(explored) else search
    if quantity == "objective":
        found = capped_losses(run).rename(columns={"loss": "value"})[["trial", "value"]]
    else:
        found = QUANTITIES[quantity](run)[["trial", "value"]].drop_duplicates("trial")
    frame = rows[["trial", "outcome", parameter]].merge(found, on="trial")
    frame = frame.assign(early=frame["outcome"] == "pruned")
    ranked = frame.sort_values(["early", "value", "trial"])
    one, other = _best(ranked, parameter, value, than), _best(ranked, parameter, than, value)
    if one is None or other is None:
        return None
    names = one[parameter], other[parameter]
    groups = [frame.loc[frame[parameter] == name, "value"].to_numpy(dtype=float) for name in names]
    if min(map(len, groups)) < FEWEST:
        return None
    medians = [float(np.median(group)) for group in groups]
    drawn = [_medians(group, place) for place, group in enumerate(groups)]
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    return Difference(
        mean=medians[0] - medians[1],
        low=float(low),
        high=float(high),
        value=medians[0],
        than=medians[1],
        value_name=_name(names[0]),
        than_name=_name(names[1]),
        basis=f"medians over {len(groups[0])} and {len(groups[1])} trials of the search, one seed each",
    )


def _medians(values: np.ndarray, seed: int) -> np.ndarray:
    places = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    return np.asarray(np.median(values[places], axis=1))


def _best(ranked: pd.DataFrame, parameter: str, wanted: Any, other: Any) -> "pd.Series[Any] | None":
    """First row with the `wanted` value; for ``None`` the first with any but `other`."""
    mine = having(ranked, parameter, wanted) if wanted is not None else ~having(ranked, parameter, other)
    rows = ranked[mine & ranked[parameter].notna()]
    return rows.iloc[0] if len(rows) else None


def _name(value: Any) -> str:
    return shown(decode(value))


def better(run: RunData, asked: Better) -> CheckResult:
    """Found: the whole interval of objective(value) − objective(than) lies on the better side of 0."""
    return _better(run, asked, 0.0)


def no_worse(run: RunData, asked: NoWorse) -> CheckResult:
    """Found: no end of the interval is worse by `margin` times the objective of `than` (non-inferiority)."""
    return _better(run, asked, asked.margin)


def _better(run: RunData, asked: Better | NoWorse, margin: float) -> CheckResult:
    unit = f"difference in {run.metric}"
    contrast = difference(run, asked.parameter, asked.value, asked.than, "objective")
    if contrast is None:
        return unknown(unit, _why_not(run, asked.parameter, asked.value, asked.than))
    limit = margin * abs(run.ranked.value(contrast.than))
    verdict, but = _judged(contrast, limit)
    contrast = read(contrast, run.ranked)
    said = f"{compared(contrast, asked.parameter, run.metric)}"
    if margin:
        said += f"; up to {number(limit)} worse ({given(100 * margin)} %) counts as no worse"
    return CheckResult(
        verdict, contrast.mean, contrast.low, contrast.high, unit, contrast.basis, f"{said}{but}."
    )


def _judged(contrast: Difference, limit: float) -> tuple[str, str]:
    """The verdict on "the difference lies below `limit`", and in words what speaks against it."""
    verdict = judge(contrast.low, contrast.high, limit, below=True)
    but = f"; but {contrast.value_name} diverged or failed on more seeds" if contrast.more_failures else ""
    if verdict == FOUND and contrast.more_failures:
        return NOT_FOUND, but
    if contrast.doubted and (verdict == CONTRARY or (verdict == FOUND and not limit)):
        return NOT_FOUND, f"{but}; but {contrast.doubted}"
    return verdict, but


def _why_not(run: RunData, parameter: str, value: Any, than: Any, which: str = "of these values of") -> str:
    """Why two values cannot be compared by the objective."""
    ranked = _finalists(run)
    pair = (_best(ranked, parameter, value, than), _best(ranked, parameter, than, value))
    plain = [row for row in pair if row is not None and published(pd.DataFrame([row]), run.defaults)[0]]
    few = _few(f"{which} {parameter}")
    if not plain or any(row is None for row in pair):
        return few
    stands = listing([f"#{row['trial']} stands for {parameter} = {shown(row[parameter])}" for row in plain])
    return (
        f"On fresh seeds {stands}: a published default was not tuned, so it tells nothing of its value. "
        f"Exploration has too few trainings {which} {parameter}."
    )


def _few(of_what: str) -> str:
    return f"Neither fresh seeds nor exploration have enough trainings {of_what} to compare."


def compared(contrast: Difference, parameter: str, quantity: str) -> str:
    """Both values, the difference and its interval, in words."""
    middle, ends = spread(contrast.mean, contrast.low, contrast.high)
    return (
        f"With {parameter} = {contrast.value_name} the {quantity} is {number(contrast.value)}, with "
        f"{contrast.than_name} {number(contrast.than)}: a difference of {middle} (95 % interval "
        f"{ends}; {contrast.basis})"
    )


def lowers(run: RunData, asked: Lowers) -> CheckResult:
    """Found: the whole interval of quantity(best weight above 0) − quantity(0) lies below 0."""
    quantity = WORDS.get(asked.quantity, run.metric)
    contrast = difference(run, asked.parameter, None, 0, asked.quantity)
    unit = f"difference in {quantity}"
    if contrast is None:
        return unknown(unit, _why_not(run, asked.parameter, None, 0, "with and without"))
    verdict, but = _judged(contrast, 0.0)
    if asked.quantity == "objective":
        contrast = read(contrast, run.ranked)
    said = f"{compared(contrast, asked.parameter, quantity)}{but}."
    return CheckResult(verdict, contrast.mean, contrast.low, contrast.high, unit, contrast.basis, said)


def dead_share(run: RunData, asked: DeadShare) -> CheckResult:
    """Found: the whole interval of dead(value) − dead(than) at the end of training lies above 0."""
    unit = "difference in the share of dead units"
    contrast = difference(run, asked.parameter, asked.value, asked.than, "dead")
    if contrast is None:
        return unknown(unit, _few(f"of these values of {asked.parameter}"))
    said = f"{compared(contrast, asked.parameter, WORDS['dead'])}."
    verdict = judge(contrast.low, contrast.high, 0.0, below=False)
    return CheckResult(verdict, contrast.mean, contrast.low, contrast.high, unit, contrast.basis, said)
