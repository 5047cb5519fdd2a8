"""Regressions on weights of the penalty that hold the other searched settings equal where trials allow."""

import numpy as np
import pandas as pd

from sweeper.records.schema import TRIALS
from sweeper.statistics.regression import Fit, fit
from sweeper.wording import listing

SETTING = "setting "
"""Begins the names of columns that hold a searched setting."""
OWN_TERMS = ("optimizer", "learning_rate", "activation", "activation_penalty", "penalty_kind")
"""Settings with a term of their own, which is never left out."""
OWN_CURVE, SPLINE = 40, 100
"""Trials from which a curve in the learning rate is one of an optimizer with an activation, or has knots."""
LISTED = 5
"""Values of a number up to which each has a step of its own."""
DECADE = 10.0
"""Ratio of the largest to the lowest value of a number from which its logarithm is taken."""


def settings_of(trials: pd.DataFrame) -> pd.DataFrame:
    """The settings of `trials` without a term of their own, under `SETTING` and their names."""
    names = [name for name in trials.columns if name not in (*TRIALS.names, *OWN_TERMS)]
    return trials[names].add_prefix(SETTING)


def held(rows: pd.DataFrame, asked: np.ndarray, *own: np.ndarray) -> tuple[Fit | None, str]:
    """Regress ``rows["y"]`` on `asked` next to `own` columns, `_nuisance` and the settings of the rows.

    Where all of them leave too few degrees of freedom, settings join one by one, those of the fewest columns
    first, as long as a fit is left. Also the names of those that did not: these are not held equal.
    """
    y, base = rows["y"].to_numpy(float), np.concatenate([_nuisance(rows), *own], axis=1)
    terms = {name.removeprefix(SETTING): _terms(rows[name]) for name in rows if name.startswith(SETTING)}
    terms = {name: columns for name, columns in terms.items() if np.ptp(columns, axis=0).any()}
    if (found := fit(y, asked, np.concatenate([base, *terms.values()], axis=1))) is not None:
        return found, ""
    found, left = fit(y, asked, base), []
    for name in sorted(terms, key=lambda name: (terms[name].shape[1], name)):
        with_it = np.concatenate([base, terms[name]], axis=1)
        if (further := fit(y, asked, with_it)) is None:
            left.append(name)
        else:
            found, base = further, with_it
    return found, listing(left)


def _nuisance(rows: pd.DataFrame) -> np.ndarray:
    """A curve in log10 rate for each optimizer, and a step for each activation and kind of penalty.

    Each activation of an optimizer has a curve of its own where every such pair has `OWN_CURVE` rows.
    """
    rate = np.log10(rows["learning_rate"].to_numpy(float))
    rate = rate - rate.mean()
    groups, pairs = (
        rows["optimizer"].astype("str"),
        rows["optimizer"].astype("str") + "\n" + rows["activation"],
    )
    if pairs.value_counts().min() >= OWN_CURVE:
        groups = pairs
    curves = [_curve(rate, of == 1.0) for of in _steps(groups).T]
    return np.concatenate([*curves, _steps(rows["activation"]), _steps(rows["kind"])], axis=1)


def _curve(rate: np.ndarray, group: np.ndarray) -> np.ndarray:
    """A parabola over the rows of a group, 0 elsewhere; of `SPLINE` rows and more a quadratic spline with
    knots at their quartiles: a basin is no parabola, and what is left of it would count as an effect of
    weights whose trials happen to have other rates."""
    own = rate[group]
    columns = [own**power for power in range(3)]
    if len(own) >= SPLINE:
        columns += [np.maximum(own - knot, 0.0) ** 2 for knot in np.quantile(own, (0.25, 0.5, 0.75))]
    found = np.zeros((len(rate), len(columns)))
    found[group] = np.stack(columns, axis=1)
    return found


def _steps(values: "pd.Series") -> np.ndarray:
    """(rows, values): 1 where a row has the value, these in order; as `pandas.get_dummies`, in a tenth of the
    time."""
    codes, names = pd.factorize(values.astype("str"), sort=True)
    return (np.arange(len(names))[:, None] == codes).astype(float).T


def _terms(values: "pd.Series") -> np.ndarray:
    """A step for each value of a list; of numbers without one a parabola, in log10 where they span a decade,
    and a step for those that are off: 0, or not there."""
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if not numeric or values.nunique() <= LISTED:
        return _steps(values)
    numbers = values.astype(float)
    above = numbers[numbers > 0]
    on = numbers.notna()
    if not (numbers < 0).any() and above.max() >= DECADE * above.min():
        on = numbers > 0
        numbers = np.log10(numbers.where(on))
    place = ((numbers - numbers[on].mean()) / max(float(numbers[on].std()), 1e-12)).where(on, 0.0)
    return np.stack([on.to_numpy(float), place.to_numpy(float), place.to_numpy(float) ** 2], axis=1)
