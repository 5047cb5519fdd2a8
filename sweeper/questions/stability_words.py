"""Where finalists and diverged trials lay beside the limit of stability, in sentences."""

import math
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.rows import schedules, search_trials
from sweeper.components.losses import LOSSES
from sweeper.questions.question import Tables
from sweeper.questions.run import name_of
from sweeper.questions.run_data import RunData
from sweeper.study.study import Study
from sweeper.trial import raised
from sweeper.wording import capital, count, every, given, listing, number

ABOVE = 1.0
"""A ratio over this is above the limit, wherever the page says so; any other is below it."""
JUST = (0.8, 1.25)
"""Ratios in between are just above or just below the limit."""
INTACT = 2.0
"""A loss up to this multiple of the first one has not begun to explode."""
FULL = ("full",)
RULE = (
    f"Above the limit is a ratio over {given(ABOVE)}, just above or just below it one from "
    f"{given(JUST[0])} to {given(JUST[1])}."
)


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """Where the finalists ended, how many diverged trials were above the limit before, and what holds."""
    trials = tables["stability_trials"]
    measured = tables["stability"].drop_duplicates("trial")
    lost = trials[trials["outcome"] == "diverged"]
    best = trials[(trials["outcome"] != "diverged") & (trials["points"] > 0)]
    if trials.empty:
        said = ["There is no limit to compare with: no measured trial has an optimizer with a linear theory."]
    else:
        others = int((measured["outcome"] != "diverged").sum()) > len(best)
        said = [_finalists(run, best, others=others)] if len(best) else []
        if len(lost):
            others = int((measured["outcome"] == "diverged").sum()) > len(lost)
            survived = int(best["above_intact"].eq(True).sum())
            said.append(_diverged(lost, tables["stability"], survived, others=others))
        else:
            said.append(_none_lost(run, measured))
        said.append(_validity(run, tables))
    return (*said, *unfinished(run))


def unfinished(run: RunData) -> tuple[str, ...]:
    """That sharpness is still to be measured, where the run is not finished."""
    left = "" if run.answer is None else run.answer.unfinished
    if not left:
        return ()
    return (f"The run is not finished: {left}. Sharpness is measured at its end, as far as that is cheap.",)


def _none_lost(run: RunData, measured: pd.DataFrame) -> str:
    """Why no diverged trial is compared with a limit."""
    lost = int((search_trials(run.trials)["outcome"] == "diverged").sum())
    if not lost:
        fresh = run.trials[run.trials["phase"] == "confirm"]
        later = int((fresh["outcome"] == "diverged").sum())
        but = f"; of {count(len(fresh), 'training')} on fresh seeds {later:,} did, which are not measured"
        return f"No trial of the search diverged{but if later else ''}."
    if (measured["outcome"] == "diverged").any():
        return "No diverged trial that was measured has an optimizer with a limit."
    none = "it was not" if lost == 1 else "none was"
    return f"{count(lost, 'trial')} of the search diverged; {none} measured."


def _diverged(lost: pd.DataFrame, looks: pd.DataFrame, survived: int, *, others: bool) -> str:
    """What was measured of the diverged trials while their loss was intact: of some, nothing was.

    Args:
        lost: rows of `stability_trials`.
        looks: rows of `stability`.
        survived: trials that were above the limit at such a loss and did not diverge; they part no outcomes.
        others: whether diverged trials without a limit were measured too.
    """
    above, unknown = int(lost["above_intact"].eq(True).sum()), int(lost["above_intact"].isna().sum())
    below = len(lost) - above - unknown
    which = f"that {'was' if len(lost) == 1 else 'were'} measured"
    which += " and whose optimizer has a limit" if others else ""
    everyone = f"{every(len(lost), 'trial', of='diverged ')} {which}"
    some, limit = f"Of {count(len(lost), 'diverged trial')} {which},", "the limit of the optimizer"
    early = f"while the loss was still below {given(INTACT)} × its first value"
    perhaps = _later(looks[looks["trial"].isin(lost.loc[lost["above_intact"].eq(False), "trial"])])
    if unknown == len(lost):
        what = "the divergence" if unknown == 1 else "these divergences"
        said = [f"Of {everyone}, no ratio was found {early}: nothing tells whether the limit explains {what}"]
    elif below == len(lost):
        said = [f"No measurement of {everyone} was above {limit} {early}{perhaps}"]
    elif above:
        who = capital(everyone) if above == len(lost) else f"{some} {above}"
        said = [f"{who} had a learning rate × sharpness above {limit} {early}"]
        were = "was" if below == 1 else "were"
        said += [f"{below} {were} measured that early and not above it{perhaps}"] if below else []
    else:
        said = [f"{some} {below} had no ratio above {limit} {early}{perhaps}"]
    if 0 < unknown < len(lost):
        said.append(f"of {unknown} no ratio that early is known")
    if above and survived:
        others_were = count(survived, "trial that did not diverge was", "trials that did not diverge were")
        said.append(
            f"{others_were} above it that early, so the limit alone does not tell which trials diverge"
        )
    may = above == len(lost) and not survived
    why = " By the linear theory such steps grow, so they may be why." if may else ""
    return f"{'; '.join(said)}.{why}"


def _later(looks: pd.DataFrame) -> str:
    """Of trials that were not above the limit while the loss was intact: when they were later, and what may
    be why they diverged all the same.

    One that is above it again at a loss that has come back may have diverged for that; the others may have
    passed it between two measurements, where these are more than an update apart.
    """
    trials = [trial for _, trial in looks.groupby("trial", sort=False)]
    found = [f"#{trial['trial'].iloc[0]} {when}" for trial in trials if (when := _above_when(trial))]
    later = f", only later ({'; '.join(found)})" if found else ""
    left = [trial for trial in trials if not _back(trial)]
    if not left:
        return later
    it, its = ("it", "it") if len(left) == 1 else ("they", "them")
    others = ("the other" if len(left) == 1 else "the others") if len(left) < len(trials) else it
    if not any(_between(trial) for trial in left):
        return f"{later}: the limit alone does not explain {its if others == it else others}"
    return (
        f"{later}: {others} may have passed it between two measurements, or the limit alone does not "
        f"explain {its}"
    )


def _starts(trial: pd.DataFrame) -> pd.DataFrame:
    """The measurements of a trial at which it came above the limit."""
    above = trial["ratio"] > ABOVE
    return trial[above & ~above.shift(fill_value=False)]


def _above_when(trial: pd.DataFrame) -> str:
    """``at step 1, when its loss was 2.15 × the first, and again at step 14, when it was 0.387 ×``"""
    starts, first = _starts(trial), float(trial["loss"].iloc[0])
    words: list[str] = []
    for step, loss in zip(starts["step"], starts["loss"], strict=True):
        told = f"at step {step}"
        if first > 0 and math.isfinite(loss):
            size, beginning = number(loss / first), not words
            told += f", when its loss was {size} × the first" if beginning else f", when it was {size} ×"
        words.append(told)
    return ", and again ".join(words)


def intact(losses: "pd.Series[float]", first: float) -> "pd.Series[bool]":
    """Whether losses are below `INTACT` times the first one; of one below 0, no further above it than its
    size."""
    return losses <= raised(first, INTACT)


def _back(trial: pd.DataFrame) -> bool:
    """Whether it came above the limit at a loss that was low again."""
    return bool(intact(_starts(trial)["loss"], trial["loss"].iloc[0]).any())


def _between(trial: pd.DataFrame) -> bool:
    """Whether there were updates without a measurement until the loss exploded, or after the last one."""
    exploded = ~intact(trial["loss"], trial["loss"].iloc[0]).to_numpy()
    steps = trial["step"].to_numpy()[: int(exploded.argmax()) + 1] if exploded.any() else trial["step"]
    return not exploded.any() or bool((np.diff(steps) > 1).any())


def _changes(run: RunData, measured: pd.DataFrame) -> bool:
    """Whether the rate of `measured` trials changes in training: at the end, a schedule may have taken it to
    0."""
    search = search_trials(run.trials)
    own = search[search["trial"].isin(measured["trial"])]
    return bool((schedules(own, run.study.training.schedule) != "constant").any())


def _finalists(run: RunData, best: pd.DataFrame, *, others: bool) -> str:
    """Where they were at the last measurement, or at most where rates change; in the figure's order.

    Args:
        run: it says whether they were confirmed.
        best: rows of `stability_trials`.
        others: whether such without a ratio were measured too.
    """
    asked = "largest" if (changing := _changes(run, best)) else "last"
    confirmed = run.trials.loc[run.trials["phase"] == "confirm", "trial"]
    noun = "finalist" if best["trial"].isin(confirmed).all() else "completed trial"
    which = f"measured{' whose ratio is known' if others else ''}"
    who = f"the {len(best)} {noun}s {which}"
    who = f"the {noun} {which}, #{best['trial'].iloc[0]}," if len(best) == 1 else who
    ratios = [_ratio(ratio) for ratio in best[asked]]
    places = [_place(ratio) for ratio in best[asked]]
    if len(set(places)) == 1:
        together = {1: "", 2: "both "}.get(len(best), "all ")
        named = [f"{ratio} (#{trial})" for ratio, trial in zip(ratios, best["trial"], strict=True)]
        told = (
            f"{listing(named if len(best) > 1 else ratios)} times the stability limit, {together}{places[0]}"
        )
    else:
        rows = zip(ratios, best["trial"], places, strict=True)
        named = [f"{ratio} (#{trial}, {place})" for ratio, trial, place in rows]
        told = f"{listing(named)} times the stability limit"
    if changing:
        return f"Learning rate × sharpness of {who} reached {told}."
    said = f"At the last measurement, learning rate × sharpness of {who} was {told}."
    under = best[best[asked] <= ABOVE]
    came = int((under["largest"] > ABOVE).sum())
    return said if not came else f"{said} {_came_down(came, len(under), len(best))}"


def _ratio(value: float) -> str:
    """Two digits; as many more as tell it from the limit."""
    written = (number(value, digits) for digits in range(2, 6))
    return next((text for text in written if text != number(ABOVE)), number(value, 2))


def _place(ratio: float) -> str:
    low, high = JUST
    return f"{'just ' if low <= ratio <= high else ''}{'above' if ratio > ABOVE else 'below'} it"


def _came_down(came: int, below: int, measured: int) -> str:
    """How many of those `below` the limit at the end were above it before."""
    where = "" if below == measured else " that ended below it"
    who = f"{came} of the {below}{where}"
    if came == below:
        who = {1: "The one", 2: "Both"}.get(below, f"All {below}") + where
        who = "It" if measured == 1 else who
    return f"{who} {'was' if came == 1 else 'were'} above it (over {given(ABOVE)}) before."


def _validity(run: RunData, tables: Tables) -> str:
    training, reasons = run.study.training, []
    if any(size not in FULL for size in _values(run.study, "training.batch_size", training.batch_size)):
        reasons.append("mini-batches add noise, which destabilises earlier")
    losses = map(name_of, _values(run.study, "training.loss", training.loss))
    reasons += [curvature(loss) for loss in dict.fromkeys(losses) if loss != "mse"]
    if _changes(run, tables["stability"]):
        reasons.append("the rate changes during training")
    base = "The limit is exact for full-batch steps on a quadratic"
    if not reasons:
        return f"{base}; elsewhere it says where a step starts to grow, not that the loss explodes."
    return (
        f"{base}. Here it is a yardstick only: {'; '.join(reasons)}. Training can settle below it, and can "
        "survive above it."
    )


def _values(study: Study, name: str, fixed: Any) -> list[Any]:
    """What trials have of a setting, by any optimizer; ``None`` of a continuous range."""
    keyed = study.space.keyed(name, fixed).values()
    return [value for values in keyed for value in values.values or (None,)]


def curvature(loss: str) -> str:
    """Why a loss is no quadratic: one of logits flattens towards 0, where its probabilities become sure."""
    known = LOSSES.get(loss)
    falls = known is not None and known.inside
    if falls:
        return f"the curvature of the loss {loss} falls once the rows are fitted"
    return f"the loss {loss} is not quadratic everywhere"
