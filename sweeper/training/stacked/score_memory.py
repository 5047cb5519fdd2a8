"""Whether scores of the user's keep what they have seen: in a stack, one score sees all trials in turn."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from sweeper.components.outputs import mapped
from sweeper.components.tree import Tree, rows_in, taken
from sweeper.training.stacked.refusal import NotStackable
from sweeper.user_code.prints import first_change, prints
from sweeper.user_code.put_back import put_back

Scores = Callable[[Any, Any], Mapping[str, Tensor]]
"""(output, target) -> scalars by name"""
KEEPS = "a score of your own keeps what it has seen"


def refuse_memory(scores: Scores, output: Any, y: Tree, code: Mapping[str, Any]) -> None:
    """Score three batches in turn, twice, beginning with each of them, from the same state of `code`: the
    user's functions by role.

    A batch always has to get the same value, and the second time to leave the state that the first one left.
    A score that begins anew with each call passes, one that notes its last value, and a cache that is full
    after the first time; one that counts, averages, or compares with the first or the best does not.

    Raises:
        NotStackable: if it is otherwise, or if a score draws random numbers.
    """
    half, known = slice(rows_in(y) // 2), dict[int, dict[str, float]]()
    fewer = mapped(lambda tensor: tensor[half] if tensor.ndim else tensor, output), taken(y, half)
    turned = mapped(lambda tensor: -tensor if tensor.is_floating_point() else tensor, output), y
    batches = [(output, y), fewer, turned]
    for first in range(len(batches)):
        states = list[dict[str, Any]]()
        with put_back(code):
            for turn in range(2 * len(batches)):
                batch = (first + turn) % len(batches)
                values = _scored(scores, *batches[batch])
                if first_change(known.setdefault(batch, values), values):
                    raise NotStackable(f"{KEEPS}: it gives the same rows another value")
                if (turn + 1) % len(batches) == 0:
                    states.append(prints(code))
        if changed := first_change(*states):
            raise NotStackable(f"{KEEPS}: it changes {changed}")
        if not any(known.values()):  # there is no score, or none that can be computed
            return


def _scored(scores: Scores, output: Any, y: Tree) -> dict[str, float]:
    """None where one fails: it fails in any engine."""
    state = torch.get_rng_state()
    with torch.no_grad():
        try:
            found = {name: value.item() for name, value in scores(output, y).items()}
        except Exception:  # whatever it is, it is the trial's own outcome
            found = {}
    if not torch.equal(state, torch.get_rng_state()):
        raise NotStackable("a score of your own draws random numbers")
    return found
