"""Proposals by expected improvement under the additive surrogate (Jones, Schonlau and Welch 1998).

Of a few hundred random configurations and of neighbours of the best ones, the one is taken whose expected
improvement on the lowest believed value is largest; then it counts as observed at what is believed of it
(the kriging believer of Ginsbourger, Le Riche and Carraro 2010), so that the next keeps its distance.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr

from sweeper.search.coordinates import Coordinates, Points
from sweeper.search.history import History, thinned
from sweeper.search.kernel import Kernel, parts_of
from sweeper.search.shifts import shifts_of
from sweeper.search.surrogate import Belief, Posterior, fit
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.space import Space
from sweeper.study.study import Study
from sweeper.trial import Outcome

MODELLED = 300
"""Trials that the model is fitted to: the best half of them, and others evenly."""
RANDOM, AROUND, FINER = 600, 400, 60
"""Candidates: random ones, neighbours of good ones, neighbours of the best candidate."""
POOL_SERVES = 10
"""Proposals until candidates are drawn anew."""
CLOSE = 0.03
"""Standard deviation of the moves around the best candidate."""
APART = 0.01
"""Shares of a range: configurations that are closer tell the same."""
COMPARED = 16
"""Candidates that are compared at once with what was tried."""
PARENTS = 8
"""Good trials that neighbours are drawn around."""
STEPS_AWAY = (0.15, 0.05, 0.015)
"""Standard deviations of the moves of numbers, in shares of the range."""
CHANGE = 0.2
ATTEMPTS = 5
MANY = 64
"""Proposals beyond which those of a study with a lag are drawn together: its pool is large, and waits."""

EARLIER = 0.3
"""Noise variance of a score of an earlier run, beside that of this one's; all scores have variance 1."""
PRIOR_WEIGHT = 10.0
"""β of πBO: trials after which a prior counts as much as the model."""
CAP = 1.0
"""Scores lie above the median by at most this many times the distance from the lowest to the median."""
EVEN = 1 / 3
"""Share of the trials that is dealt out evenly over the values of each scientific parameter."""

Taken = Callable[[Mapping[str, Any]], bool]
"""Says whether a configuration was proposed before; what it is asked counts as proposed from then on."""
Proposal = tuple[dict[str, Any], str]
"""Parameters and phase."""


def scores(trials: Sequence[TrialSummary]) -> np.ndarray:
    """What is modelled: log losses, those above the median pulled in; mean 0, standard deviation 1.

    How bad a bad trial is says little about where the best ones are. What diverged counts as the worst: it
    is bad, and finite. What was pruned counts as where it would have ended, had it gained from there as much
    as the median completed trial: half of the trials near the optimum are pruned once the search is there.
    """
    if not trials:
        return np.zeros(0)
    completed = [t for t in trials if t.outcome == Outcome.COMPLETED and math.isfinite(t.objective)]
    values = np.full(len(trials), np.inf)
    if completed:
        scale = _scale(np.array([t.objective for t in completed]))
        lengths = {t.steps for t in trials if t.outcome == Outcome.PRUNED}
        gain = {steps: _gain(steps, completed, scale) for steps in lengths}
        for row, trial in enumerate(trials):
            if trial.sound and math.isfinite(trial.objective):
                values[row] = scale(trial.objective)
                values[row] += gain[trial.steps] if trial.outcome == Outcome.PRUNED else 0.0
        known = values[np.isfinite(values)]
        middle = float(np.median(known))
        reach = CAP * max(middle - float(known.min()), 1e-12)
        values = middle + np.where(
            values > middle, reach * np.tanh((values - middle) / reach), values - middle
        )
    else:
        values[:] = 0.0
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def _gain(steps: int, completed: Sequence[TrialSummary], scale: Callable[[float], float]) -> float:
    """Median change of the score of completed trials after `steps`; infinite where no curve is known."""
    gains = []
    for trial in completed:
        before = [value for step, value in trial.curve.items() if step <= steps]
        if before:
            gains.append(scale(trial.objective) - scale(min(before)))
    return float(np.median(gains)) if gains else math.inf


def _scale(values: np.ndarray) -> Callable[[float], float]:
    """Logarithm; where values reach 0, a share of their spread is added before."""
    low = float(values.min())
    shift = 0.0 if low > 0 else (0.1 * (float(np.median(values)) - low) or 1.0) - low
    tiny = 0.01 * (low + shift)
    return lambda value: math.log(max(value + shift, tiny))


def shown(trials: Sequence[TrialSummary], most: int) -> list[TrialSummary]:
    """At most `most` trials by number: half of them the best, the others thinned evenly."""
    ranked = sorted(trials, key=lambda t: (t.outcome != Outcome.COMPLETED, t.objective, t.number))
    best, rest = ranked[: most // 2], sorted(ranked[most // 2 :], key=lambda t: t.number)
    return sorted([*best, *thinned(rest, most - len(best))], key=lambda t: t.number)


class Bayesian:
    """What is believed of a space after some trials."""

    def __init__(
        self,
        space: Space,
        scientific: Sequence[str],
        trials: Sequence[TrialSummary],
        earlier: Sequence[TrialSummary] = (),
    ) -> None:
        """`trials` and those of an earlier run, without failed ones; at least one in all.

        Earlier ones are scored among themselves, as their losses may be of another size, and doubted the
        more.
        """
        self.coordinates = Coordinates(space)
        self.trials, before = shown(trials, MODELLED), shown(earlier, MODELLED // 2)
        points = self.coordinates.encode([t.parameters for t in [*self.trials, *before]])
        kernel = Kernel(
            parts_of(self.coordinates, scientific),
            len(self.coordinates.numbers),
            shifts_of(self.coordinates, scientific),
        )
        y = np.concatenate([scores(self.trials), scores(before)])
        doubt = np.repeat([0.0, EARLIER], [len(self.trials), len(before)])
        self.theta = fit(kernel, points, y, doubt)
        self.posterior = Posterior(kernel, self.theta, points, y, doubt)
        self._means = self.posterior.believed(points).mean
        self._points = self._tried = points
        self._lowest = float(self._means[: len(self.trials) or None].min())
        self._age = 0

    def propose(
        self, count: int, generator: np.random.Generator, taken: Taken, fixed: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Up to `count` configurations that are not taken, all with the values of `fixed`."""
        proposed = misses = 0
        while proposed < count and misses < ATTEMPTS:
            if self._age % POOL_SERVES == 0:
                self.posterior.watch(self._pool(generator))
            self._age += 1
            found, row, parameters = self._next(generator, taken, fixed)
            self._observe(found, row)
            if parameters is None:
                misses += 1
                continue
            self._tried = self._tried.joined(found.points[[row]])
            proposed, misses = proposed + 1, 0
            yield parameters

    def _next(
        self, generator: np.random.Generator, taken: Taken, fixed: Mapping[str, Any]
    ) -> tuple[Belief, int, dict[str, Any] | None]:
        """What to try next: its row in what is believed, and its configuration.

        Where that was tried, as the model is sure of it: the best candidate that is `APART` from all that
        was; no configuration where there is none.
        """
        ranked = self._ranked(fixed)
        best, row = self._best_around(ranked[0], generator)
        parameters = self.coordinates.decode(best.points, row)
        if not taken(parameters):
            return best, row, parameters
        pool = self.posterior.watched.points
        apart = self._first_apart(pool, ranked)
        if apart is None or taken(parameters := self.coordinates.decode(pool, apart)):
            return best, row, None
        return self.posterior.believed(pool[[apart]]), 0, parameters

    def _first_apart(self, points: Points, rows: np.ndarray) -> int | None:
        """The first of `rows` that no configuration which was tried or proposed is like, but for moves below
        `APART`."""
        tried = self._tried
        for start in range(0, len(rows), COMPARED):
            some = points[rows[start : start + COMPARED]]
            alike = np.ones((len(some), len(tried)), dtype=bool)
            for mine, others in ((some.codes, tried.codes), (some.on, tried.on)):
                for k in range(mine.shape[1]):
                    alike &= mine[:, k, None] == others[:, k]
            for k in range(some.positions.shape[1]):
                alike &= np.abs(some.positions[:, k, None] - tried.positions[:, k]) < APART
            if not (free := ~alike.any(axis=1)).any():
                continue
            return int(rows[start + int(free.argmax())])
        return None

    def propose_many(
        self, count: int, generator: np.random.Generator, taken: Taken
    ) -> Iterator[dict[str, Any]]:
        """As `propose`, at a hundredth of its cost a configuration where `count` is in the thousands.

        Those that are drawn together share one set of candidates: each takes the best of its own part.
        """
        proposed = misses = 0
        while proposed < count and misses < ATTEMPTS:
            self.posterior.watch(pool := self._pool(generator))
            watched = self.posterior.watched
            gain = self._improvement(pool, watched.mean, watched.variance)
            parts = np.array_split(generator.permutation(len(gain)), min(1 + count // 20, len(gain)))
            rows = sorted((int(part[np.argmax(gain[part])]) for part in parts), key=lambda row: -gain[row])
            self._observe(self.posterior.believed(pool[[rows[0]]]))
            misses += 1
            for row in rows[: count - proposed]:
                parameters = self.coordinates.decode(pool, row)
                if not taken(parameters):
                    proposed, misses = proposed + 1, 0
                    yield parameters

    def expect(self, pending: Sequence[Mapping[str, Any]]) -> None:
        """Configurations whose results are still to come count as observed at what is believed of them.

        At most `MANY` of them, evenly: one takes milliseconds, and none is proposed again anyway.
        """
        if not pending:
            return
        points = self.coordinates.encode(pending)
        for row in thinned(range(len(pending)), MANY):
            self._observe(self.posterior.believed(points[[row]]))

    def _pool(self, generator: np.random.Generator) -> Points:
        """Random configurations, and neighbours of the best ones."""
        order = np.argsort(self._means, kind="stable")[:PARENTS]
        parents = self._points[order[generator.integers(len(order), size=AROUND)]]
        near = self.coordinates.neighbours(parents, generator, CHANGE)
        steps = np.array(STEPS_AWAY)[generator.integers(len(STEPS_AWAY), size=AROUND)]
        return self.coordinates.draw(RANDOM, generator).joined(self._shifted(near, generator, steps[:, None]))

    def _observe(self, belief: Belief, row: int = 0) -> None:
        self._lowest = min(self._lowest, self.posterior.observe(belief, row))

    def _ranked(self, fixed: Mapping[str, Any]) -> np.ndarray:
        """Rows of the pool that have the values of `fixed`, the best first."""
        watched = self.posterior.watched
        gain = self._improvement(watched.points, watched.mean, watched.variance)
        rows = np.flatnonzero(self.coordinates.have(watched.points, fixed))
        return rows[np.argsort(-gain[rows], kind="stable")]

    def _best_around(self, row: int, generator: np.random.Generator) -> tuple[Belief, int]:
        """The best of a row of the pool and its neighbours."""
        pool = self.posterior.watched.points
        around = pool[np.full(FINER, row)]
        found = self.posterior.believed(self._shifted(around, generator, CLOSE).joined(pool[[row]]))
        return found, int(np.argmax(self._improvement(found.points, found.mean, found.variance)))

    def _improvement(self, points: Points, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Log of the expected improvement on the lowest believed value, and of the priors' density.

        The weight of the priors falls with the number of trials (πBO: Hvarfner et al. 2022, arXiv
        2204.11051).
        """
        deviation = np.sqrt(np.maximum(variance, 1e-12))
        gain = log_improvement((self._lowest - mean) / deviation) + np.log(deviation)
        return gain + PRIOR_WEIGHT / max(len(self.trials), 1) * self.coordinates.priors(points)

    def _shifted(self, points: Points, generator: np.random.Generator, steps: Any) -> Points:
        moved = points.positions + steps * generator.standard_normal(points.positions.shape)
        return self.coordinates.snapped(Points(points.codes, moved, points.on))


def log_improvement(z: np.ndarray) -> np.ndarray:
    """log(φ(z) + z·Φ(z)), stable for very negative z."""
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    plain = np.log(np.maximum(density + z * ndtr(z), 1e-300))
    far = -0.5 * z**2 - 0.5 * math.log(2 * math.pi) - 2 * np.log(np.maximum(-z, 1.0))
    return np.where(z > -10, plain, far)


def propose_evenly(
    study: Study,
    history: History,
    count: int,
    seed: int,
    taken: Taken,
    earlier: Sequence[TrialSummary] = (),
    pending: Sequence[Mapping[str, Any]] = (),
) -> list[Proposal]:
    """A generation: proposals for values that had less than their share, then the best of all.

    The first kind, phase ``explore``, keeps the comparison of scientific values fair: each has its even
    share of a third of all trials, at rates that suit it as far as is known. What is `pending` counts, too.
    """
    model = Bayesian(study.space, study.search.scientific, history.informative(), earlier)
    model.expect(pending)
    generator = np.random.default_rng(seed)
    proposals: list[Proposal] = []
    seen = [*(t.parameters for t in history.trials), *pending]
    had = _Had(study, seen)
    for _ in range(count // 2):
        fixed = had.neglected(EVEN * (len(seen) + count))
        if not fixed:
            break
        found = list(model.propose(1, generator, taken, fixed))
        had.add(found)
        proposals += [(parameters, "explore") for parameters in found]
    left = count - len(proposals)
    many = study.search.lag > 0 and left > MANY
    best = model.propose_many(left, generator, taken) if many else model.propose(left, generator, taken, {})
    return [*proposals, *((parameters, "exploit") for parameters in best)]


class _Had:
    """How many configurations each value of the scientific parameters has had."""

    def __init__(self, study: Study, seen: Iterable[Mapping[str, Any]]) -> None:
        entries, scientific = study.space.entries, study.search.scientific
        self._values = {name: list(entries[name].values or ()) for name in scientific if name in entries}
        self._counts = {name: [0] * len(values) for name, values in self._values.items()}
        self.add(seen)

    def add(self, configurations: Iterable[Mapping[str, Any]]) -> None:
        """Count these, too."""
        for parameters in configurations:
            for name, values in self._values.items():
                for column, value in enumerate(values):
                    self._counts[name][column] += parameters.get(name) == value

    def neglected(self, share: float) -> dict[str, Any]:
        """The value that has least of its even part of `share` configurations; none if all have theirs."""
        lacking = [
            (had - math.floor(share / len(counts)), column, name)
            for name, counts in self._counts.items()
            for column, had in enumerate(counts)
        ]
        least = min(lacking, default=None, key=lambda one: one[:2])
        return {} if least is None or least[0] >= 0 else {least[2]: self._values[least[2]][least[1]]}
