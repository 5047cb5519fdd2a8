"""Where training becomes unstable: at the rate that theory names, and how near to the best one?"""

import math

import numpy as np
import pandas as pd

from sweeper.answer.rows import completed_search, search_trials
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.questions.checks.verdict import CONTRARY, FOUND, NOT_FOUND, CheckResult, judge, spread, unknown
from sweeper.questions.losses import of_search
from sweeper.questions.run_data import RunData
from sweeper.records.schema import decode
from sweeper.statistics.intervals import multiplicities
from sweeper.study.expect import NearLimit, Threshold
from sweeper.trial import raised
from sweeper.wording import count, listing, number, signed_percent


def unstable(run: RunData) -> "pd.Series[bool]":
    """trial -> whether it diverged or ended with a validation loss not below its first; search, no failures.

    Near the limit a loss grows too slowly to count as exploded within the training: 1 % above it the error
    of gradient descent grows by 2 % a step. Growth itself is the sign.
    """
    search = search_trials(run.trials)
    search = search[search["outcome"].isin(["completed", "diverged"])]
    losses = of_search(search, run.curves[run.curves["metric"] == "validation_loss"])
    ends = losses.sort_values("step").groupby("trial")["value"].agg(["first", "last"])
    grown = (ends["last"] >= ends["first"]).reindex(search["trial"], fill_value=True).to_numpy(dtype=bool)
    diverged = (search["outcome"] == "diverged").to_numpy()
    return pd.Series(diverged | grown, index=search["trial"], dtype=bool)


def bracket(run: RunData, optimizer: str) -> tuple[float, float]:
    """The largest stable rate below the smallest unstable one, and that one; null where there is none."""
    lost = unstable(run)
    rows = search_trials(run.trials).set_index("trial").loc[lost.index]
    mine = (rows["optimizer"] == optimizer).to_numpy()
    rates, bad = rows["learning_rate"].to_numpy(dtype=float)[mine], lost.to_numpy()[mine]
    high = float(rates[bad].min()) if bad.any() else np.nan
    below = rates[~bad & ~(rates >= high)]
    return (float(below.max()) if len(below) else np.nan), high


LIMIT_UNIT = "η·λmax at the limit ÷ its theoretical value, the one farthest from 1"
LINEAR = tuple(name for name, optimizer in OPTIMIZERS.items() if optimizer.linear)
"""Optimizers whose update is linear in the gradient, so that the limit is known."""


def threshold(run: RunData, asked: Threshold) -> CheckResult:
    """Found: for every optimizer [largest stable, smallest unstable] η·λmax is within `tolerance` of theory.

    Contrary: one of these brackets lies wholly outside. No interval is needed: the brackets hold the limits.
    """
    tried = set(search_trials(run.trials)["optimizer"])
    names = [name for name in LINEAR if name in tried]
    ends = {name: bracket(run, name) for name in names}
    known = {name: pair for name, pair in ends.items() if not any(map(math.isnan, pair))}
    if not known or len(known) < len(names):
        lacking = ", ".join(name for name in names if name not in known) or "an optimizer with a known limit"
        return unknown(LIMIT_UNIT, f"No pair of a stable and an unstable rate was seen for {lacking}.")
    limits = {name: limit(run, name) for name in known}
    if several := [name for name, value in limits.items() if math.isnan(value)]:
        text = f"Trials of {listing(several)} differ in options, so there is no one limit."
        return unknown(LIMIT_UNIT, text)
    ratios = {name: np.array(pair) * asked.curvature / limits[name] for name, pair in known.items()}
    farthest = max(ratios, key=lambda name: abs(ratios[name].mean() - 1))
    low, high = ratios[farthest]
    parts = [
        f"{name} {number(known[name][0] * asked.curvature, 4)} to "
        f"{number(known[name][1] * asked.curvature, 4)} (theory {number(limits[name], 4)})"
        for name in names
    ]
    off = signed_percent(ratios[farthest].mean() - 1)
    said = (
        f"Training begins to diverge at η·λmax between these rates: {'; '.join(parts)}. The farthest from "
        f"theory, {farthest}, is off by {off}."
    )
    tries = len(search_trials(run.trials))
    basis = f"neighbouring stable and unstable rates among {tries} trials, one seed each"
    verdict = _within(list(ratios.values()), asked.tolerance)
    return CheckResult(
        verdict, float(ratios[farthest].mean()), float(low), float(high), LIMIT_UNIT, basis, said
    )


def limit(run: RunData, name: str) -> float:
    """Largest stable η·λ of an optimizer with the options that its trials had; NaN where these give several
    limits."""
    rows, optimizer = search_trials(run.trials), OPTIMIZERS[name]
    assert optimizer.limit is not None
    own = rows[rows["optimizer"] == name]
    had = own[[option for option in optimizer.options if option in own]].drop_duplicates()
    used = [
        {key: decode(value) for key, value in row.items() if not pd.isna(value)}
        for row in had.to_dict("records")
    ]
    limits = {optimizer.limit.value(optimizer.chosen(each), 0) for each in used or [{}]}
    return limits.pop() if len(limits) == 1 else math.nan


def _within(ratios: list[np.ndarray], tolerance: float) -> str:
    if all(np.abs(pair - 1).max() <= tolerance for pair in ratios):
        return FOUND
    outside = any(low > 1 + tolerance or high < 1 - tolerance for low, high in ratios)
    return CONTRARY if outside else NOT_FOUND


RATIO_UNIT = "largest rate that trains ÷ best rate"
SEEDS = 3
"""Fresh seeds below which the search alone is asked."""
BASIN = 1.1
"""Losses up to this multiple of the lowest count as equally good in the search."""


def near_limit(run: RunData, asked: NearLimit) -> CheckResult:
    """Found: the whole interval of the ratio lies below `factor`; of the optimizer with the lowest loss.

    A rate trains if it does so in the search and on every fresh seed that it was tried on.
    """
    done = completed_search(run.trials).sort_values(["objective", "trial"])
    if done.empty:
        return unknown(RATIO_UNIT, "No trial was completed.")
    optimizer = str(done["optimizer"].iloc[0])
    done = done[done["optimizer"] == optimizer]
    lost = run.trials[(run.trials["phase"] == "confirm") & (run.trials["outcome"] != "completed")]
    failed = done.loc[done["trial"].isin(lost["trial"]), "learning_rate"].astype(float)
    beyond = float(np.fmin.reduce([*failed, bracket(run, optimizer)[1]]))
    trains = done[~done["trial"].map(unstable(run)) & (done["learning_rate"] < beyond)]
    if trains.empty and not math.isnan(beyond):
        text = f"Training with {optimizer} fails at every rate tried, from {number(beyond)} on"
        return unknown(RATIO_UNIT, f"{text}; try lower ones.")
    if trains.empty or math.isnan(beyond):
        return unknown(
            RATIO_UNIT, f"No learning rate of {optimizer} is known to be too large; try larger ones."
        )
    largest = float(trains["learning_rate"].max())
    best, low, high, basis = _from_seeds(run, trains) or _from_search(trains)
    ratio, ends = largest / best, (largest / high, largest / low)
    middle, around = spread(ratio, *ends)
    said = (
        f"With {optimizer} training fails from a rate of {number(beyond)} on; the largest that trains is "
        f"{number(largest)}, the best {number(best)} ({basis}): {middle} times smaller (95 % interval "
        f"{around}); expected at most {number(asked.factor)} times."
    )
    return CheckResult(judge(*ends, asked.factor, below=True), ratio, *ends, RATIO_UNIT, basis, said)


def _from_seeds(run: RunData, trains: pd.DataFrame) -> tuple[float, float, float, str] | None:
    """The rate of lowest mean over fresh seeds, and its interval: resampled seeds pick it anew.

    Rates that left the race have fewer seeds, as they were called worse: they are left out.
    """
    fresh = run.trials[run.trials["phase"] == "confirm"]
    fresh = fresh[fresh["trial"].isin(trains["trial"])]
    table = fresh.pivot(index="seed", columns="trial", values="objective").astype(float)
    table = table.dropna(axis="columns")
    rate_of = trains.set_index("trial")["learning_rate"].astype(float)
    rates, values = rate_of.loc[table.columns].to_numpy(), table.to_numpy()
    seeds, candidates = len(table), len(set(rates))
    if seeds < SEEDS or not candidates:
        return None
    drawn = rates[(multiplicities(seeds) @ values).argmin(axis=1)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    basis = f"the lowest mean of {count(candidates, 'rate')} with {seeds} fresh seeds"
    return float(rates[values.mean(axis=0).argmin()]), float(low), float(high), basis


def _from_search(trains: pd.DataFrame) -> tuple[float, float, float, str]:
    rates = trains["learning_rate"].astype(float)
    basin = rates[trains["objective"] <= raised(trains["objective"].iloc[0], BASIN)]
    basis = "one seed; in place of an interval the rates within 10 % of the lowest loss"
    return float(rates.iloc[0]), float(basin.min()), float(basin.max()), basis
