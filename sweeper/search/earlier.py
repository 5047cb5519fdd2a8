"""What an earlier run teaches: its trials whose configurations the space of this study holds too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweeper.search.starts import exact
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.parameters import PENALTY
from sweeper.study.space import Space, holds
from sweeper.trial import Outcome
from sweeper.wording import count, whole


@dataclass(frozen=True)
class Earlier:
    """The trials taken over from a run."""

    run: str
    trials: tuple[TrialSummary, ...] = ()
    of: int = 0
    """Trials that the run has in all"""
    failed: int | None = 0
    """How many of them failed; ``None`` if not known. All others left out lie outside of the space."""

    def line(self) -> str:
        """What was taken over, and what was left out for which reason, in words."""
        outside = self.of - len(self.trials) - (self.failed or 0)
        left = [f"{self.failed} failed"] if self.failed else []
        verb = "lies" if outside == 1 else "lie"
        verb = f"failed or {verb}" if self.failed is None else verb
        left += [f"{outside} {verb} outside of this study's space"] if outside else []
        why = f"; left out: {' and '.join(left)}" if left else ""
        known = f"{whole(len(self.trials))} of {count(self.of, 'trial')}"
        inform = "informs" if len(self.trials) == 1 else "inform"
        return f"taken over from {self.run}: {known} {inform} the sampler{why}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a JSON file."""
        rows = [
            {"parameters": dict(t.parameters), "outcome": str(t.outcome), "objective": _plain(t.objective)}
            for t in self.trials
        ]
        return {"run": self.run, "of": self.of, "failed": self.failed, "trials": rows}


def from_dict(space: Space, raw: Mapping[str, Any]) -> Earlier:
    """The inverse of `to_dict`."""
    trials = [
        _known(n, row["parameters"], Outcome(row["outcome"]), _number(row["objective"]))
        for n, row in enumerate(raw["trials"])
    ]
    kept = taken_over(space, str(raw["run"]), trials)
    return replace(kept, of=int(raw["of"]), failed=raw.get("failed"))


def taken_over(space: Space, run: str, trials: Iterable[TrialSummary]) -> Earlier:
    """Those of `trials` that did not fail and whose configuration `space` holds."""
    known = list(trials)
    taken: list[TrialSummary] = []
    for trial in known:
        parameters = agreeing(space, trial.parameters)
        if parameters is not None and trial.outcome != Outcome.FAILED:
            taken.append(_known(len(taken), parameters, trial.outcome, trial.objective))
    failed = sum(trial.outcome == Outcome.FAILED for trial in known)
    return Earlier(run, tuple(taken), len(known), failed)


def agreeing(space: Space, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """The configuration of `space` that `parameters` are; ``None`` if they are none.

    All parameters must be the same ones, with values of the space. A run without penalty had weight 0.
    """
    optimizer = str(parameters.get("optimizer"))
    if optimizer not in space.accepted:
        return None
    active = space.active(optimizer)
    given = {PENALTY: 0.0, **parameters} if PENALTY in active else dict(parameters)
    if given.get(PENALTY) == 0 and PENALTY not in active:
        del given[PENALTY]
    if set(given) != {"optimizer", *active}:
        return None
    if not all(holds(values, given[name]) for name, (_, values) in active.items()):
        return None
    return {"optimizer": optimizer} | {name: exact(space, name, optimizer, given[name]) for name in active}


def _known(number: int, parameters: Mapping[str, Any], outcome: Outcome, objective: float) -> TrialSummary:
    """What a sampler needs of an earlier trial; steps, seconds and curve are those of its own run."""
    return TrialSummary(number, "explore", parameters, outcome, objective, 0, 0.0, "", {})


def _plain(value: float) -> float | None:
    return value if value == value else None


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
