"""Which trials of a stack are compared with training alone: before any is trained, once some have ended."""

from collections.abc import Callable, Collection, Mapping, Sequence

from sweeper.study.settings import Settings
from sweeper.training.stacked.stacked_trial import StackedTrial
from sweeper.trial import Trial
from sweeper.user_code.lookup import names_function

Kind = tuple[bool, str]
"""Whether there is a penalty, whose activations have a gradient of their own; the activation."""
MOST = 3
"""Kinds with a built-in activation that are compared, as many with a penalty as without.

The plan compares all activations, as recorded operations; the tests compare each built-in one as machine
code. Those of the user are all compared.
"""
FURTHER = 4.0
"""Times as far as another one that was compared: so far out it may meet what that one has not."""


def kind_of(settings: Settings) -> Kind:
    """That of a trial."""
    return settings.activation_penalty > 0, settings.activation or ""


def new_kinds(slots: Sequence[StackedTrial | None], compared: Collection[Kind]) -> dict[Kind, int]:
    """Kind -> a slot that has it, for what is to be compared beside what was `compared`."""
    found = dict[Kind, int]()
    for slot, run in enumerate(slots):
        if run is None:
            continue
        kind = kind_of(run.settings)
        alike = {each for each in {*compared, *found} if each[0] == kind[0]}
        built_in = [name for _, name in alike if not names_function(name)]
        if kind not in alike and (names_function(kind[1]) or len(built_in) < MOST):
            found[kind] = slot
    return found


def furthest(
    slots: Sequence[StackedTrial | None], compared: Mapping[str, float], reach: Callable[[int], float]
) -> dict[str, tuple[int, float]]:
    """Activation -> the slot of largest `reach`, and that, of trials that have ended.

    Only where it is `FURTHER` than what was `compared`, and, of built-in activations, for `MOST` of them.
    """
    found = dict[str, tuple[int, float]]()
    for slot, run in enumerate(slots):
        if run is None:
            continue
        name = run.settings.activation or ""
        built_in = {each for each in {*compared, *found} if not names_function(each)}
        if not (names_function(name) or name in built_in or len(built_in) < MOST):
            continue
        here, before = reach(slot), found[name][1] if name in found else FURTHER * compared.get(name, 0.0)
        if here > before:
            found[name] = slot, here
    return found


def of_other_rows(
    slots: Sequence[StackedTrial | None],
    compared: Collection[int],
    key: Callable[[int], int],
    most: int | None,
) -> dict[int, int]:
    """The `key` of a seed's rows -> a slot, of trials that have ended, where they were not `compared`; in all
    `most`, if that is given."""
    found = dict[int, int]()
    for slot, run in enumerate(slots):
        known = {*compared, *found}
        if run is not None and key(run.trial.seed) not in known and (most is None or len(known) < most):
            found[key(run.trial.seed)] = slot
    return found


def compared_first(trials: Sequence[Trial], kinds: Sequence[Kind]) -> list[Trial]:
    """The same trials, first one of each kind with an activation of the user: only who begins is compared."""
    first = {kinds.index(kind) for kind in set(kinds) if names_function(kind[1])}
    return [*(trials[k] for k in sorted(first)), *(t for k, t in enumerate(trials) if k not in first)]
