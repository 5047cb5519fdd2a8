"""Do gradients vanish or explode at initialisation? By how many decades a layer?"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from sweeper.answer.rows import having
from sweeper.questions.checks.verdict import NOT_FOUND, CheckResult, judge, spread, unknown
from sweeper.questions.run_data import RunData
from sweeper.questions.structures import structure_of
from sweeper.statistics.intervals import interval
from sweeper.study.expect import Slope
from sweeper.wording import listing, number

UNIT = "decades per layer"


def slope(run: RunData, asked: Slope) -> CheckResult:
    """Found: the whole interval of the mean change per layer lies below `below` (above `above`).

    Of networks of several structures (`structure_of`), found, or contrary, where that holds of each; the
    number is then that of the one closest to the limit.
    """
    kinds = increments(run, asked.parameter, asked.value)
    measured = list(kinds)
    by_kind = {kind: _of_one(kind, *networks, asked) for kind, networks in measured if len(networks[0]) > 1}
    setting = f"{asked.parameter} = {asked.value}"
    if not measured:
        return unknown(UNIT, f"Gradients at initialisation were measured for no {setting}.")
    if not by_kind:
        few = "have one step from layer to layer at initialisation, too few for an interval."
        return unknown(UNIT, f"Networks with {setting} {few}")
    found = list(by_kind.values())
    closest = min(found, key=lambda one: abs(one.number - _limit(asked)))
    expected = f"expected {'below' if asked.below is not None else 'above'} {number(_limit(asked))}."
    said = f"With {asked.parameter} = {asked.value} the gradient changes by {found[0].sentence}; {expected}"
    if len(found) == 1:
        return replace(closest, sentence=said)
    told = "; ".join(f"with {kind} by {one.sentence}" for kind, one in by_kind.items())
    said = f"With {asked.parameter} = {asked.value} the gradient changes: {told}. It was {expected}"
    if len({one.verdict for one in found}) == 1:
        return replace(closest, sentence=said)
    return replace(closest, verdict=NOT_FOUND, sentence=f"{said} These kinds of network do not agree.")


def _limit(asked: Slope) -> float:
    limit = asked.below if asked.below is not None else asked.above
    assert limit is not None
    return limit


def _of_one(kind: str, steps: np.ndarray, depth: int, networks: int, asked: Slope) -> CheckResult:
    """The networks of one structure, with a sentence that is a part of one."""
    mean, (low, high) = float(steps.mean()), interval(steps)
    verdict = judge(low, high, _limit(asked), below=asked.below is not None)
    nets = "network" if networks == 1 else "networks"
    basis = f"{len(steps)} steps from layer to layer in {networks} untrained {nets} of {depth} layers"
    middle, ends = spread(mean, low, high)
    said = f"{middle} decades per layer on its way back to the input (95 % interval {ends}; {basis})"
    return CheckResult(verdict, mean, low, high, UNIT, f"{basis}, with {kind}" if kind else basis, said)


def increments(
    run: RunData, parameter: str, value: object
) -> Iterator[tuple[str, tuple[np.ndarray, int, int]]]:
    """For each structure among the networks with this value, in words (none where all have one): log10 of
    ‖dL/da‖ of each layer over that of the layer above it, at step 0; depth; networks behind it.

    Of the deepest networks of each, every distinct initialisation once: the weights of layers are
    drawn independently, and so their factors nearly are (mean-field theory).
    """
    chosen = run.trials.loc[having(run.trials, parameter, value)].drop_duplicates(["trial", "seed"])
    settings = structure_of(chosen)
    words = settings.apply(lambda row: listing([f"{name} = {given}" for name, given in row.items()]), axis=1)
    kinds = words if len(settings.columns) else pd.Series("", index=chosen.index)
    for kind, own in chosen[["trial", "seed"]].groupby(kinds):
        found = _steps(run, own)
        if len(found[0]):
            yield str(kind), found


def _steps(run: RunData, chosen: pd.DataFrame) -> tuple[np.ndarray, int, int]:
    rows = run.layers[(run.layers["measure"] == "gradient_norm") & (run.layers["step"] == 0)]
    rows = rows[(rows["value"] > 0) & np.isfinite(rows["value"])].merge(chosen, on=["trial", "seed"])
    if rows.empty:
        return np.array([]), 0, 0
    depth = rows.groupby(["trial", "seed"])["layer"].transform("max") + 1
    deepest = rows[depth == depth.max()]
    norms = deepest.pivot(index=["trial", "seed"], columns="layer", values="value").dropna()
    logs = pd.DataFrame(np.log10(norms.to_numpy(dtype=float))).round(6).drop_duplicates().to_numpy()
    return -np.diff(logs, axis=1).ravel(), int(depth.max()), len(logs)
