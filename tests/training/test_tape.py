"""Recorded steps: what a tensor is beside its memory survives, or is refused."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper.training.stacked.recording import unusual
from sweeper.training.stacked.refusal import NotStackable
from sweeper.training.stacked.tape import Tape, placed_on

COMPLEX: dict[str, Callable[[Tensor], Tensor]] = {
    "product with a conjugate": lambda z: (z.conj() * (2 * z)).real,
    "conjugate of a made array": lambda z: (2 * z).conj() @ z.mT,
    "imaginary part of a conjugate": lambda z: (z * z).conj().imag * 3,
    "conjugate, transposed": lambda z: (z * 1j).mH @ z,
    "filter": lambda z: torch.fft.ifft(torch.fft.fft(z) * torch.fft.fft(z.flip(0)).conj()).real,
    "real filter": lambda z: torch.fft.irfft(torch.fft.rfft(z.real).conj() * 2),
    "conjugate written to": lambda z: (z + 0).conj().mul_(2j).imag,
    "gradient": lambda z: torch.autograd.grad((z.conj() * z * z).abs().sum(), z)[0],
    "gradient of an imaginary part": lambda z: torch.autograd.grad(z.conj().imag.square().sum(), z)[0],
    "another type on the same memory": lambda z: torch.view_as_real(z.conj().resolve_conj()).sum(-1),
    "inner product": lambda z: torch.vdot(z[0] * 2, z[1].conj()) * z,
}


@pytest.mark.parametrize("name", COMPLEX)
def test_conjugate_and_negative_bits_survive(name: str) -> None:
    """What is replayed on other numbers is what the function itself gives for them."""
    function = COMPLEX[name]
    z = torch.randn(3, 4, dtype=torch.complex128).requires_grad_()
    tape = Tape(lambda: [function(z)], [z])
    for _ in range(2):
        with torch.no_grad():
            z.copy_(torch.randn(3, 4, dtype=torch.complex128))
            tape.run()
        expected = function(z).detach()
        assert torch.equal(tape.outputs[0].detach().resolve_conj(), expected.resolve_conj())


def test_a_view_on_other_memory_is_the_same_view() -> None:
    """Offset, strides, type and both bits."""
    z = torch.randn(4, 5, dtype=torch.complex64)
    for view in (z[1:, ::2], z.conj(), z.conj().imag[:, 1], z.mH, z.real, torch._neg_view(z.conj())):
        other = torch.UntypedStorage(z.untyped_storage().nbytes())
        other.copy_(z.untyped_storage())
        moved = placed_on(other, view)
        assert torch.equal(moved.resolve_conj(), view.resolve_conj())
        assert [moved.stride(), moved.is_conj(), moved.is_neg()] == [
            view.stride(),
            view.is_conj(),
            view.is_neg(),
        ]


class Own(Tensor):
    """A class of the user's."""


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (torch.ones(2), ""),
        (torch.nn.Parameter(torch.ones(2)), ""),
        (torch.ones(2).conj(), ""),
        (torch.ones(2, 2).to_sparse(), "a tensor in the layout sparse_coo"),
        (torch.ones(2).as_subclass(Own), "a tensor of the class Own"),
        (torch._efficientzerotensor(2), "a tensor of zeros without memory"),
    ],
)
def test_what_is_more_than_memory_is_seen(tensor: Tensor, kind: str) -> None:
    """Tensors that could not be rebuilt have a name."""
    assert unusual(tensor) == kind


def test_unusual_tensors_are_refused() -> None:
    """A function that makes one is not recorded; the reason names operation and kind."""
    x = torch.ones(3, 3)
    with pytest.raises(
        NotStackable, match="works on a tensor in the layout sparse_coo, which a recorded step"
    ):
        Tape(lambda: [torch.sparse.mm(x.to_sparse(), x)], [x])


def test_what_is_read_only_is_not_written_to() -> None:
    """Writing to an input that must stay is refused by its name, also through a view of it."""
    x, y = torch.ones(3), torch.ones(3)
    for change in (lambda: x.mul_(2), lambda: x[1:].add_(1), lambda: x.view(3, 1).zero_()):
        with pytest.raises(NotStackable, match=r"^the model writes into its rows$"):
            Tape(lambda change=change: [change().sum() + y], [x, y], read_only={"rows": [x]})
    Tape(lambda: [y.mul_(2) + x], [x, y], read_only={"rows": [x]})


LOSSES = {
    "soft margin": lambda x, y: F.soft_margin_loss(x, y.sign()),
    "soft margin of several labels": lambda x, y: F.multilabel_soft_margin_loss(x, (y > 0).to(x.dtype)),
    "hinge of embeddings": lambda x, y: F.hinge_embedding_loss(x, y.sign()),
    "poisson": F.poisson_nll_loss,
    "divergence": lambda x, y: F.kl_div(x.log_softmax(1), y.softmax(1), reduction="batchmean"),
    "huber": F.huber_loss,
    "smooth": F.smooth_l1_loss,
    "margin of classes": lambda x, y: F.multi_margin_loss(x, y.argmax(1)),
    "cosine": lambda x, y: F.cosine_embedding_loss(x, y, y[:, 0].sign()),
    "binary": lambda x, y: F.binary_cross_entropy_with_logits(x, y.sigmoid()),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_run_again_without_a_word(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Torch writes what it warns of in C++ past Python, thousands of times in a training; the numbers of a
    second run are those of the loss and its gradient."""
    x, y = (torch.randn(4, 5, generator=torch.Generator().manual_seed(k)) for k in (0, 1))

    def both() -> list[Tensor]:
        with torch.enable_grad():
            given = x.clone().requires_grad_()
            value = LOSSES[name](given, y)
            return [value.detach(), *torch.autograd.grad(value, given)]

    tape = Tape(both, [x, y])
    x.mul_(0.5)
    tape.run()
    for found, expected in zip(tape.outputs, both(), strict=True):
        torch.testing.assert_close(found, expected)
    assert capfd.readouterr().err == ""
