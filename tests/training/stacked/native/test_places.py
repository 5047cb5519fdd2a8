"""Where arrays lie in the memory that a program uses again."""

from types import SimpleNamespace
from typing import Any

import torch

from sweeper.training.stacked.native.layout import Layout, lay_out
from sweeper.training.stacked.recording import storage_of

ARRAYS = 8


def places(order: list[int]) -> list[int]:
    """Of arrays that one unit needs last, and of as many that come after it; `order` is that of addresses."""
    made = sorted((torch.zeros(4) for _ in range(2 * ARRAYS)), key=storage_of)
    before, after = [made[at] for at in order], made[ARRAYS:]
    units: list[Any] = [
        *(SimpleNamespace(inputs=(), results=(each,)) for each in before),
        SimpleNamespace(inputs=before, results=()),
        *(SimpleNamespace(inputs=(), results=(each,)) for each in after),
    ]
    layout = Layout([], after, 0)
    lay_out(layout, units, [])
    return [layout.places[storage_of(each)] for each in (*before, *after)]


def test_the_text_of_a_program_does_not_depend_on_addresses() -> None:
    """Memory is used again in the order in which it was needed: code that is kept is found by its text."""
    forwards, backwards = places([*range(ARRAYS)]), places([*range(ARRAYS)][::-1])
    assert forwards == backwards
    assert forwards[ARRAYS:] == forwards[:ARRAYS]
