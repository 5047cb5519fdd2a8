"""Problems whose truth is known: random members of six families of surfaces, and tables of real trainings.

Every problem has a space as in a study file, the true mean loss of any configuration, and a made-up training:
(configuration, seed) -> the losses at the evaluation points. The loss of a surface is

    L = L0 · exp(optimizer + activation + pair + G·(1 − exp(−κ d²/G)) + penalty(λ)),
    d = log10(rate / best rate of the pair)

with κ larger above the best rate than below it, divergence where d exceeds the pair's cliff, and noise on the
logarithm: a part that all configurations share on a seed, and a part of each configuration's own.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import real_problems

OPTIMIZERS = ("sgd", "momentum", "adam", "rmsprop")
ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu")
STEPS = 100
POINTS = tuple(range(0, STEPS + 1, 10))
TOP = 4.0
"""Largest log of a loss over the best one: where nothing is learned."""
PENALTY = (1e-6, 1e-1)
COMMON = (1e-4, 1.0)
OWN = {"sgd": (1e-3, 10.0), "momentum": (1e-4, 1.0), "adam": (1e-5, 0.1), "rmsprop": (1e-6, 1e-2)}


@dataclass(frozen=True)
class Family:
    """What its members have in common; spreads are of log losses, widths in decades of the rate."""

    curvature: tuple[float, float]
    main: float = 0.3
    pair: float = 0.1
    shift: float = 0.15
    """Spread of the best rate over pairs, decades."""
    cliff: tuple[float, float] = (0.9, 1.6)
    noise: tuple[float, float] = (0.03, 0.1)
    shared: float = 0.5
    """Share of the noise's variance that all configurations share on a seed."""
    penalty: float = 0.15
    own_ranges: bool = False


FAMILIES: dict[str, Family] = {
    "narrow": Family((6.0, 12.0)),
    "wide": Family((0.3, 0.8)),
    "interacting": Family((2.0, 5.0), main=0.3, pair=0.8, shift=0.5),
    "flat": Family((0.05, 0.2), main=0.02, pair=0.02, penalty=0.02, noise=(0.05, 0.1), shared=0.0),
    "cliff": Family((1.0, 3.0), cliff=(0.1, 0.3)),
    "conditional": Family((2.0, 6.0), shift=0.3, own_ranges=True, shared=0.9),
}
Pair = tuple[str, str]


class Surface:
    """A member of a family, drawn by `seed`."""

    def __init__(self, family: str, seed: int) -> None:
        kind = FAMILIES[family]
        self.name, self.seed, self.kind = family, seed, kind
        draw = np.random.default_rng([seed, *family.encode()])
        shape = (len(OPTIMIZERS), len(ACTIVATIONS))
        self.ranges = OWN if kind.own_ranges else dict.fromkeys(OPTIMIZERS, COMMON)
        self.worse = (
            kind.main * np.abs(draw.standard_normal(shape[0]))[:, None]
            + kind.main * np.abs(draw.standard_normal(shape[1]))
            + kind.pair * np.abs(draw.standard_normal(shape))
        )
        center = draw.uniform(0.25, 0.75, shape[0])[:, None] + np.zeros(shape)
        low = np.array([math.log10(self.ranges[name][0]) for name in OPTIMIZERS])[:, None]
        wide = np.array([math.log10(b / a) for a, b in self.ranges.values()])[:, None]
        moved = kind.shift * (draw.standard_normal(shape[1]) + draw.standard_normal(shape)) / math.sqrt(2)
        self.rate = np.clip(low + wide * center + moved, low + 0.1 * wide, low + 0.9 * wide)
        self.curvature = draw.uniform(*kind.curvature) * np.exp(0.2 * draw.standard_normal(shape))
        self.steeper = draw.uniform(1.0, 2.5)
        self.cliff = draw.uniform(*kind.cliff) * np.exp(0.1 * draw.standard_normal(shape))
        self.noise = draw.uniform(*kind.noise)
        self.best_penalty = draw.uniform(-5.0, -2.5)
        self.gain = kind.penalty * draw.uniform(-0.3, 1.0, shape[1])
        self.harm = draw.uniform(0.2, 1.0)
        self.level = float(np.exp(draw.uniform(-4, 0)))

    @property
    def space(self) -> dict[str, Any]:
        """``[search.space]``."""
        low, high = (f(x) for f, x in zip((min, max), zip(*self.ranges.values(), strict=True), strict=True))
        return {
            "optimizer": list(OPTIMIZERS),
            "activation": list(ACTIVATIONS),
            "learning_rate": {"low": low, "high": high, "log": True},
            **(
                {
                    f"learning_rate.{n}": {"low": a, "high": b, "log": True}
                    for n, (a, b) in self.ranges.items()
                }
                if self.kind.own_ranges
                else {}
            ),
            "activation_penalty": {"low": PENALTY[0], "high": PENALTY[1], "log": True, "zero": 0.25},
        }

    def log_loss(self, o: Any, a: Any, rate: Any, penalty: Any) -> Any:
        """Log of the true loss over the level; infinite where training diverges. Broadcasts."""
        d = np.log10(rate) - self.rate[o, a]
        bend = self.curvature[o, a] * np.where(d > 0, self.steeper, 1.0)
        basin = TOP * (1 - np.exp(-bend * d**2 / TOP))
        at = np.log10(np.maximum(penalty, 1e-12))
        effect = -self.gain[a] * np.exp(-((at - self.best_penalty) ** 2) / (2 * 0.6**2))
        effect = effect + self.harm / (1 + np.exp(-(at - self.best_penalty - 1.2) / 0.25))
        return np.where(
            d > self.cliff[o, a], np.inf, self.worse[o, a] + basin + np.where(penalty > 0, effect, 0)
        )

    @cached_property
    def bests(self) -> np.ndarray:
        """(optimizer, activation) lowest log loss of each pair."""
        penalties = np.array([0.0, *np.geomspace(*PENALTY, 60)])
        found = np.zeros((len(OPTIMIZERS), len(ACTIVATIONS)))
        for o, name in enumerate(OPTIMIZERS):
            for a in range(len(ACTIVATIONS)):
                rates = np.geomspace(*self.ranges[name], 400)
                found[o, a] = self.log_loss(o, a, rates[:, None], penalties).min()
        return found

    @property
    def best_pair(self) -> Pair:
        """Optimizer and activation of the lowest true loss."""
        o, a = np.unravel_index(int(self.bests.argmin()), self.bests.shape)
        return OPTIMIZERS[o], ACTIVATIONS[a]

    def regret(self, parameters: Mapping[str, Any]) -> float:
        """True mean loss over the best there is, less 1; of what diverges, that of learning nothing."""
        return math.expm1(min(float(self._log_loss(parameters)), TOP + 2) - float(self.bests.min()))

    def _log_loss(self, parameters: Mapping[str, Any]) -> float:
        o, a = OPTIMIZERS.index(parameters["optimizer"]), ACTIVATIONS.index(parameters["activation"])
        found = self.log_loss(o, a, parameters["learning_rate"], parameters["activation_penalty"])
        return float(found)

    def curve(self, parameters: Mapping[str, Any], seed: int) -> dict[int, float] | None:
        """Loss at the evaluation points; ``None`` for divergence. Each falls at its own pace."""
        log_loss = self._log_loss(parameters)
        if not math.isfinite(log_loss):
            return None
        common = np.random.default_rng([self.seed, seed]).standard_normal()
        digest = hashlib.blake2b(repr(sorted(parameters.items())).encode(), digest_size=8).digest()
        own = np.random.default_rng([self.seed, seed, int.from_bytes(digest, "little")])
        mix = self.kind.shared
        noise = self.noise * (math.sqrt(mix) * common + math.sqrt(1 - mix) * own.standard_normal())
        final = log_loss + noise
        pace = math.exp(0.4 * own.standard_normal()) * 3.0
        high = max(TOP + 0.5, final + 0.1)
        return {s: self.level * math.exp(final + (high - final) * _fall(s / STEPS, pace)) for s in POINTS}


def _fall(share: float, pace: float) -> float:
    """From 1 to 0 over the training, faster at first."""
    return (math.exp(-pace * share) - math.exp(-pace)) / (1 - math.exp(-pace))


class Table:
    """A real problem: log losses interpolated between the rates of the table, seed by seed."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name, self.seed = name, seed
        self.table = np.load(real_problems.TABLE)[name].astype(float)
        ok = np.isfinite(self.table[..., 2])
        self.log = np.log(np.where(ok, self.table[..., 2], np.nan))
        self.sound = ok.all(axis=-1)
        self.space = real_problems.SPACE
        self.worst = float(np.nanmax(self.table[..., 0, 0]))

    def _at(self, parameters: Mapping[str, Any], values: np.ndarray) -> np.ndarray:
        """`values` (optimizers, activations, rates, penalties, …) between rates; NaN beside a divergence."""
        ranges = real_problems.RANGES[parameters["optimizer"]]
        o = list(real_problems.RANGES).index(parameters["optimizer"])
        a = real_problems.ACTIVATIONS.index(parameters["activation"])
        u = math.log(parameters["learning_rate"] / ranges[0]) / math.log(ranges[1] / ranges[0])
        penalty = real_problems.PENALTIES.index(parameters["activation_penalty"])
        return _between(values[o, a, :, penalty], u * (real_problems.RATES - 1))

    @cached_property
    def means(self) -> np.ndarray:
        """True mean of each grid point, infinite where a seed diverged."""
        return np.where(self.sound, np.exp(self.log).mean(axis=-1), np.inf)

    @property
    def best_pair(self) -> Pair:
        """Optimizer and activation of the lowest true mean."""
        pairs = self.means.min(axis=(2, 3))
        o, a = np.unravel_index(int(pairs.argmin()), pairs.shape)
        return list(real_problems.RANGES)[o], real_problems.ACTIVATIONS[a]

    def regret(self, parameters: Mapping[str, Any]) -> float:
        """As of a surface."""
        mean = float(np.exp(self._at(parameters, self.log)).mean())
        return (mean if math.isfinite(mean) else float(self.means[np.isfinite(self.means)].max())) / float(
            self.means.min()
        ) - 1

    def curve(self, parameters: Mapping[str, Any], seed: int) -> dict[int, float] | None:
        """The lowest loss so far after a quarter, a half and the whole of the training."""
        which = int(np.random.default_rng([self.seed, seed]).integers(real_problems.SEEDS))
        found = np.exp(self._at(parameters, np.log(self.table[..., which, :])))
        if not np.isfinite(found).all():
            return None
        quarter, half, whole = found.tolist()
        return {0: max(2 * quarter, self.worst), 25: quarter, 50: half, 75: half, 100: whole}


def _between(values: np.ndarray, place: float) -> np.ndarray:
    """Linear between the entries of the first axis."""
    k = min(max(int(place), 0), len(values) - 2)
    share = min(max(place - k, 0.0), 1.0)
    if share < 1e-9:
        return values[k]
    return values[k + 1] if share > 1 - 1e-9 else (1 - share) * values[k] + share * values[k + 1]


Problem = Surface | Table


def problem(name: str, seed: int) -> Problem:
    """A surface of the family, or the real problem, called `name`."""
    return Surface(name, seed) if name in FAMILIES else Table(name, seed)


def tables() -> list[str]:
    """Real problems that the table of truths holds."""
    return sorted(np.load(real_problems.TABLE)) if real_problems.TABLE.exists() else []
