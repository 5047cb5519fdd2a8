"""The learning-rate range test: which rate to start from, and where divergence begins.

After Smith 2015 (arXiv 1506.01186, section 3.3), except that every rate has a training of its own: what a
rate does is not mixed with what the rates before it did to the network.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import median_filter

from sweeper.commands.lr_range.trials import VALIDATION
from sweeper.study.rates import search_rates
from sweeper.trial import Outcome, TrialResult

WINDOW = 5
"""Neighbouring rates in the running median; with 64 rates over six decades, half a decade."""
NEAR = 0.1
"""Share by which a loss may lie above the best one and still count as good."""
RISEN = 0.05
"""A loss that ends by more than this share above its start counts as divergence."""
FLAT = 0.05
"""A test whose loss falls by less than this share of its start at every rate cannot rank rates; nor can one
that does not get this share below what guessing loses."""
SAFETY = 2.0
"""The suggestion stays below the divergence boundary divided by this: longer trainings turn sharper."""
TRAINED = ["learning_rate", "outcome", "start", "loss"]
MEASURED = [*TRAINED, "diverged", "smooth"]


class RangeVerdict(StrEnum):
    """What a range test shows; the last three suggest nothing."""

    FOUND = "found"
    OPEN = "nothing diverged"
    """Higher rates may do as well."""
    FLAT = "flat"
    """No rate lowers the loss by `FLAT`: too few steps."""
    GUESSED = "at guessing"
    """No rate gets by `FLAT` below what guessing loses."""
    DIVERGED = "all diverged"
    """Smaller rates are needed."""


@dataclass(frozen=True)
class Suggestion:
    """One range test in numbers; NaN is what it does not show."""

    rates: int
    """How many were tested."""
    start: float
    """Loss before training."""
    guessing: float
    """Loss of the best constant prediction."""
    best_rate: float
    best_loss: float
    """Lowest smoothed loss, see `smoothed`."""
    boundary: float
    """First rate from which on most diverge, see `boundary_index`."""
    suggestion: float
    """The largest rate whose smoothed loss is good, and at most boundary / `SAFETY`. Good is at most `NEAR`
    above the best: of the best loss, or of the fall from `start` to it if that is less. Large, because short
    trainings and small rates look alike, and a large rate gets further."""
    low: float
    high: float
    """The range to search, `search_rates` with the suggestion as a good rate, and the boundary."""
    verdict: RangeVerdict

    def to_dict(self) -> dict[str, Any]:
        """Columns of a table, in plain values."""
        return {**asdict(self), "verdict": self.verdict.value}


SUGGESTED = [field.name for field in fields(Suggestion)]
BESIDE_RATES = [name for name in SUGGESTED if name not in ("rates", *MEASURED)]
"""What stands beside each measured rate of the suggestion."""


def lr_range(
    results: Sequence[TrialResult],
    names: Sequence[str],
    guessing: float = np.nan,
    metric: str = VALIDATION,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The measured rates, and one `Suggestion` per combination of the parameters `names`.

    The first frame has the columns `names`, group (all of these but the optimizer, in words), learning_rate,
    outcome, start (loss before training), loss (after it; null if not finite), diverged (also: ended more
    than `RISEN` above its start, as methods with bounded steps do), smooth (see `smoothed`) and those of
    `Suggestion`, by rate within each combination. Failed trials are left out. `guessing`: the loss of the
    best constant prediction, if that is known.

    `metric` says which losses these are. Those of training are means over the batches before an evaluation:
    the start is the first of them at the lowest rate, which has hardly moved.
    """
    rows = [_measured(result, names, metric) for result in results if result.outcome != Outcome.FAILED]
    frame = pd.DataFrame(rows, columns=[*names, *TRAINED])
    parts, suggestions = [], []
    for key, part in frame.groupby(list(names), dropna=False, sort=False):
        flagged = _flagged(part, metric)
        suggestion = {"group": _group(names, key), **_suggested(flagged, guessing).to_dict()}
        suggestions.append({**dict(zip(names, key, strict=True)), **suggestion})
        parts.append(flagged.assign(**{name: suggestion[name] for name in ("group", *BESIDE_RATES)}))
    columns = [*names, "group", *MEASURED, *BESIDE_RATES]
    measured = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    return measured, pd.DataFrame(suggestions, columns=[*names, "group", *SUGGESTED])


def _flagged(part: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The trainings of one combination by rate, with the columns diverged and smooth."""
    ordered = part.sort_values("learning_rate", ignore_index=True)
    if metric != VALIDATION:
        ordered = ordered.assign(start=ordered["start"].iloc[0])
    risen = ordered["start"] + RISEN * ordered["start"].abs()
    ordered = ordered.assign(diverged=~(ordered["loss"] <= risen))
    smooth = smoothed(ordered["loss"].to_numpy(), ordered["diverged"].to_numpy())
    return ordered.assign(smooth=np.where(np.isfinite(smooth), smooth, np.nan))


def _suggested(flagged: pd.DataFrame, guessing: float) -> Suggestion:
    rates, losses, lost = (flagged[name].to_numpy() for name in ("learning_rate", "loss", "diverged"))
    start, optimizer = float(flagged["start"].median()), str(flagged["optimizer"].iloc[0])
    return suggest(optimizer, rates, losses, lost, start, guessing)


def _group(names: Sequence[str], key: Sequence[object]) -> str:
    """``gelu`` or ``gelu, depth 6``."""
    words = []
    for name, value in zip(names, key, strict=True):
        if name == "activation" and pd.notna(value):
            words.append(str(value))
        elif name != "optimizer" and pd.notna(value):
            words.append(f"{name.rpartition('.')[2].replace('_', ' ')} {value}")
    return ", ".join(words) or "all"


def _measured(result: TrialResult, names: Sequence[str], metric: str) -> list[object]:
    steps, losses = result.objectives(metric)
    start = losses[0] if losses and (steps[0] == 0 or metric != VALIDATION) else np.nan
    loss = losses[-1] if result.outcome != Outcome.DIVERGED and len(losses) > 1 else np.nan
    chosen = [result.trial.parameters.get(name) for name in names]
    return [*chosen, float(result.trial.parameters["learning_rate"]), str(result.outcome), start, loss]


def smoothed(losses: np.ndarray, diverged: np.ndarray) -> np.ndarray:
    """Running median of the losses over `WINDOW` neighbouring rates; diverged ones count as +∞.

    A median keeps cliffs where they are and is not moved by one outlier or NaN, as a mean or an
    exponential average would be; of the loss or of its logarithm, it is the same.
    """
    values = np.where(np.asarray(diverged, dtype=bool) | ~np.isfinite(losses), np.inf, losses)
    return np.asarray(median_filter(values, size=WINDOW, mode="reflect"))


def suggest(
    optimizer: str,
    rates: np.ndarray,
    losses: np.ndarray,
    diverged: np.ndarray,
    start: float,
    guessing: float = np.nan,
) -> Suggestion:
    """What one range test shows; `rates` ascend, `losses` and `diverged` belong to them."""
    rates, smooth = np.asarray(rates, dtype=float), smoothed(losses, diverged)
    first = boundary_index(diverged)
    boundary = float(rates[first]) if first < len(rates) else np.nan
    nan = np.nan
    shown = Suggestion(
        len(rates), start, guessing, nan, nan, boundary, nan, nan, nan, verdict=RangeVerdict.DIVERGED
    )
    alive = np.isfinite(smooth) & (np.arange(len(rates)) < first)
    if not alive.any():
        return shown
    best = int(np.argmin(np.where(alive, smooth, np.inf)))
    shown = replace(shown, best_rate=float(rates[best]), best_loss=float(smooth[best]))
    fall = start - smooth[best]
    if not fall > FLAT * abs(start):
        return replace(shown, verdict=RangeVerdict.FLAT)
    if smooth[best] > guessing - FLAT * abs(guessing):
        return replace(shown, verdict=RangeVerdict.GUESSED)
    good = alive & (smooth <= smooth[best] + NEAR * min(abs(smooth[best]), fall))
    suggestion = float(np.fmin(rates[good].max(), boundary / SAFETY))
    beyond = boundary if np.isfinite(boundary) else None
    low, high = search_rates(optimizer, good=[suggestion], too_high=beyond)
    verdict = RangeVerdict.FOUND if np.isfinite(boundary) else RangeVerdict.OPEN
    return replace(shown, suggestion=suggestion, low=low, high=high, verdict=verdict)


def ranges(suggestions: pd.DataFrame) -> pd.DataFrame:
    """The range to search for each optimizer: columns optimizer, low, high.

    Wide enough for all its combinations that have a suggestion; optimizers without one are left out.
    """
    known = suggestions.dropna(subset=["suggestion"])
    ends = known.groupby("optimizer", sort=False).agg(low=("low", "min"), high=("high", "max"))
    return ends.reset_index()


def boundary_index(diverged: np.ndarray) -> int:
    """The place k of the cliff in trials ordered by rate: from `diverged[k]` on, most diverged.

    k is where the fewest trials lie on the wrong side: (diverged before k) + (survivors from k on). So a
    lone NaN among survivors, or a lone survivor beyond the cliff, moves nothing. Of several such places
    the last is taken, as nothing forces the cliff to begin earlier. ``len(diverged)`` means that there is
    no cliff, 0 that all lies beyond it.
    """
    lost = np.asarray(diverged, dtype=bool)
    before = np.concatenate([[0], np.cumsum(lost)])
    after = np.concatenate([np.cumsum(~lost[::-1])[::-1], [0]])
    wrong = before + after
    return int(np.flatnonzero(wrong == wrong.min())[-1])
