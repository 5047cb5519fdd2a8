"""The order of slots in a stack, and when trials may start."""

from collections.abc import Sequence

from sweeper.components.optimizers import hyper
from sweeper.study.settings import Settings
from sweeper.training.stacked.groups import Group
from sweeper.training.stacked.stacked_trial import StackedTrial


def slot_order(run: StackedTrial | None) -> tuple[bool, str, str]:
    """Sort key of slots: the empty ones last, those that share operations side by side."""
    if run is None:
        return True, "", ""
    return False, run.rules[0].name, run.settings.activation or ""


def groups_of(slots: Sequence[StackedTrial | None], segment: int) -> list[Group]:
    """Neighbouring slots with the same rule for the parameters of a segment."""
    groups, start = [], 0
    while start < len(slots) and (first := slots[start]) is not None:
        members, rule = [first], first.parts[segment].rule
        for run in slots[start + 1 :]:
            if run is None or run.parts[segment].rule is not rule:
                break
            members.append(run)
        stop = start + len(members)
        parts = [run.parts[segment] for run in members]
        options, history = hyper([part.group for part in parts]), [part.history for part in parts]
        groups.append(Group(rule, slice(start, stop), options, history))
        start = stop
    return groups


def start_interval(settings: Sequence[Settings], rows: int) -> int:
    """Trials start at multiples of this number of steps, at most a twentieth of a training apart."""
    steps, evaluations = min((s.total_steps(rows), s.evaluations) for s in settings)
    parts = evaluations * -(-20 // evaluations)
    return max(1, round(steps / parts))
