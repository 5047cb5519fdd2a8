"""How the trials of a run are trained, and the line that says so."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sweeper.trial import Trial, TrialResult
from sweeper.wording import count, number


@dataclass(frozen=True)
class Plan:
    """How the trials of a run are trained; it changes how long a run takes, and no result beyond rounding."""

    engine: str
    """fused | reference"""
    slots: int
    """Trials a stack; up to half as many more where that fills stacks to the end."""
    processes: int
    speedup: float | None = None
    """Of bare steps of stacks over those of one by one, timed before the run: trainings, which also evaluate
    and measure, gain less. ``None`` where nothing was measured."""
    seconds_a_step: float = 0.0
    """Of one trial, by the engine chosen."""
    alone: Mapping[str, str] = field(default_factory=dict)
    """activation -> why its trials train one by one."""
    reason: str = ""
    """Why no trial is stacked."""
    compiled: bool = False
    """Whether steps of stacks run as machine code."""
    uncompiled: str = ""
    """Why not, where that was tried."""
    recorded: str = ""
    """Optimizers and activations whose stacks do not, where others' do."""
    swapped: str = ""
    """Which activation layers are swapped and which are kept; empty where none is."""
    layer_roles: Mapping[str, str] = field(default_factory=dict)
    """Activation layer -> swapped | kept, of all that `swapped` may only count; empty in earlier versions."""
    unmeasured: str = ""
    """Why layers are not measured; empty where they are."""
    slots_of: Mapping[str, int] = field(default_factory=dict)
    """kind of processor -> `slots` there; empty where all workers are of one kind."""
    broken: int = 0
    """Trainings that ran one by one as their stack raised something."""
    why_broken: str = ""
    """What the first of these stacks raised."""
    fell_back: int = 0
    """Trainings that ran as recorded operations as the machine code of their stack failed."""
    why_fell_back: str = ""
    """What was wrong with it first."""
    step: str = ""
    """What of the model's own training step is used; empty where it has none, or a loss is named."""

    fewest: int = 1
    """Trials of one shape from which on they are stacked."""
    varied: str = ""
    """Settings of which nearly every trial has a value, and so a shape, of its own, where `fewest` > 1."""

    @property
    def one_by_one(self) -> float:
        """Seconds a step of a trial that trains alone; 0 where nothing was measured."""
        return self.seconds_a_step * (self.speedup or 1.0)

    def is_alone(self, trial: Trial) -> bool:
        """Whether the reference engine trains it, whatever others train with it."""
        return self.engine == "reference" or str(trial.parameters.get("activation")) in self.alone

    def line(self) -> str:
        """The plan in one line."""
        swapped = f"; activation layers {self.swapped}" if self.swapped else ""
        unmeasured = f"; layers are not measured: {self.unmeasured}" if self.unmeasured else ""
        step = f"; {self.step}" if self.step else ""
        return f"{self._how()}{step}{swapped}{unmeasured}"

    def _how(self) -> str:
        processes = f"{self.processes} process" + ("es" if self.processes > 1 else "")
        if self.engine == "reference":
            return f"one by one in {processes}" + (f": {self.reason}" if self.reason else "")
        faster = (
            f", a bare step {number(self.speedup, 2)} times as fast as one by one" if self.speedup else ""
        )
        apart = "".join(f"; {name} one by one: {reason}" for name, reason in self.alone.items())
        apart_from = f" but for {self.recorded}" if self.recorded else ""
        how = f", compiled{apart_from}" if self.compiled else ""
        why = f"; not compiled: {self.uncompiled}" if self.uncompiled else ""
        few = (
            f"; fewer than {self.fewest} trials with the same {self.varied} one by one (list a few values to "
            "have them stacked)"
            if self.varied
            else ""
        )
        kinds = "".join(f"; {slots} on {kind}" for kind, slots in sorted(self.slots_of.items()))
        stacks = f"{self.slots} trials a stack × {processes}{kinds}{how}{faster}{few}{apart}{why}"
        return "; ".join([stacks, *self._failures()])

    def broken_line(self) -> str:
        """How many trainings ran otherwise than planned, and why; empty if none did."""
        return "; ".join(self._failures())

    def _failures(self) -> list[str]:
        kinds = (
            (self.broken, "one by one, as their stack failed", self.why_broken),
            (self.fell_back, "as recorded operations, as machine code failed", self.why_fell_back),
        )
        return [f"{count(many, 'training')} ran {how}: {why}" for many, how, why in kinds if many]

    def with_broken(self, results: Iterable[TrialResult]) -> "Plan":
        """The plan with those of `results` counted whose stack or machine code failed; itself if none."""
        results = list(results)
        stacks = [result.unstacked for result in results if result.unstacked]
        code = [result.uncompiled for result in results if result.uncompiled and not result.unstacked]
        if not stacks and not code:
            return self
        return replace(
            self,
            broken=self.broken + len(stacks),
            why_broken=next(filter(None, [self.why_broken, *stacks]), ""),
            fell_back=self.fell_back + len(code),
            why_fell_back=next(filter(None, [self.why_fell_back, *code]), ""),
        )

    def told_first(self, before: "Plan") -> list[str]:
        """A line for each kind of failure that there was none of `before`."""
        told = list[str]()
        if self.broken and not before.broken:
            told.append(f"a stack failed, its trials are trained one by one: {self.why_broken}")
        if self.fell_back and not before.fell_back:
            told.append(f"machine code failed, its stack goes on without it: {self.why_fell_back}")
        return told

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Plan":
        """The plan that `to_dict` wrote."""
        return cls(**{name: kept[name] for name in cls.__dataclass_fields__ if name in kept})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the lines."""
        return {**asdict(self), "line": self.line(), "broken_line": self.broken_line()}


def one_by_one(processes: int, reason: str = "") -> Plan:
    """The plan without stacks."""
    return Plan("reference", 1, processes, reason=reason)
