"""A recording runs again on numbers of its own."""

import torch
from torch import Tensor
from torch.func import vmap

from sweeper.training.stacked.tape import Tape


def test_arrays_turned_in_place_are_recorded() -> None:
    """What follows reads them turned."""

    def function(h: Tensor) -> Tensor:
        v = h.view(-1, 2, 3).clone()
        v.transpose_(1, 2)
        return (v * 1.5).reshape(-1, 6)

    x = torch.randn(3, 4, 6)
    given = x.clone()
    tape = Tape(lambda: [vmap(function)(given)], [given])
    given.copy_(x + 1)
    tape.run()
    torch.testing.assert_close(tape.outputs[0], torch.stack([function(h) for h in x + 1]))
