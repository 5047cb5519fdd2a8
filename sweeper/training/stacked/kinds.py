"""Which trials of a stack are compared with training alone before any is trained: one of each kind."""

from collections.abc import Collection, Sequence

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


def compared_first(trials: Sequence[Trial], kinds: Sequence[Kind]) -> list[Trial]:
    """The same trials, first one of each kind with an activation of the user: only who begins is compared."""
    first = {kinds.index(kind) for kind in set(kinds) if names_function(kind[1])}
    return [*(trials[k] for k in sorted(first)), *(t for k, t in enumerate(trials) if k not in first)]
