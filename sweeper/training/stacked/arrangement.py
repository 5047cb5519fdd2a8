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
    return False, run.rule.name, run.settings.activation or ""


def groups_of(slots: Sequence[StackedTrial | None]) -> list[Group]:
    """Neighbouring slots with the same rule."""
    groups, start = [], 0
    while start < len(slots) and (first := slots[start]) is not None:
        members = [first]
        for run in slots[start + 1 :]:
            if run is None or run.rule is not first.rule:
                break
            members.append(run)
        stop = start + len(members)
        options, history = hyper([run.group for run in members]), [run.history for run in members]
        groups.append(Group(first.rule, slice(start, stop), options, history))
        start = stop
    return groups


def start_interval(settings: Sequence[Settings], rows: int) -> int:
    """Trials start at multiples of this number of steps, at most a twentieth of a training apart."""
    steps, evaluations = min((s.total_steps(rows), s.evaluations) for s in settings)
    parts = evaluations * -(-20 // evaluations)
    return max(1, round(steps / parts))
