"""Messages of torch in plain words: a sentence, and its text after it."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.func import vmap
from torch.utils.checkpoint import checkpoint

from sweeper.user_code.calls import message_of
from sweeper.user_code.plain_words import meaning, shortened

X = torch.zeros(4, 3)
Y = torch.zeros(4, 3, requires_grad=True)


def in_place() -> None:
    """Change what the gradient needs."""
    a = torch.zeros(3, requires_grad=True)
    b = a.exp()
    b += 1
    b.sum().backward()


FIT = "the shapes of two tensors do not fit"
CASES: list[tuple[Callable[[], object], str]] = [
    (
        lambda: nn.Linear(5, 2)(X),
        "a linear layer or matrix product got rows of 3 numbers but takes rows of 5",
    ),
    (
        lambda: nn.LSTM(5, 2)(torch.zeros(2, 2, 3)),
        "a recurrent layer got rows of 3 numbers but takes rows of 5",
    ),
    (lambda: X + torch.zeros(4, 5), "two tensors of unequal sizes, 3 and 5, meet in one operation"),
    (lambda: nn.Conv2d(3, 4, 3)(torch.zeros(2, 1, 8, 8)), "a convolution got 1 channels but takes 3"),
    (lambda: nn.Conv2d(3, 4, 9)(torch.zeros(2, 3, 4, 4)), "a convolution's kernel is larger than its input"),
    (lambda: nn.Conv2d(3, 4, 3)(X[0]), "a layer got an input of the wrong number of dimensions"),
    (lambda: X.view(5, 5), FIT),
    (lambda: X.expand(7, 3), FIT),
    (lambda: torch.stack([X, X[:2]]), FIT),
    (lambda: torch.cat([X, X[0]]), FIT),
    (lambda: X @ torch.zeros(5), FIT),
    (lambda: torch.einsum("ij,jk->ik", X, torch.zeros(5, 5)), FIT),
    (lambda: nn.LayerNorm(7)(X), FIT),
    (lambda: nn.BatchNorm1d(7)(X), FIT),
    (lambda: nn.MultiheadAttention(8, 2)(X, X, X), FIT),
    (lambda: nn.functional.cross_entropy(X, torch.zeros(5).long()), FIT),
    (lambda: nn.BatchNorm2d(3)(X), "a layer got an input of the wrong number of dimensions"),
    (lambda: X.sum(2), "a tensor has no dimension 2"),
    (lambda: nn.Linear(3, 2)((X, X)), "an operation takes a tensor and got tuple"),
    (lambda: nn.functional.relu(None), "an operation takes a tensor and got NoneType"),
    (lambda: torch.optim.SGD([]), "the model has no parameters"),
    (lambda: nn.Linear(3, 2, device="meta").to("cpu"), "a tensor of device meta has no numbers"),
    (lambda: nn.LazyLinear(3).weight.sum(), "a lazy layer has no weights before its first forward pass"),
    (lambda: bool(X), "the model takes a tensor of several numbers for one"),
    (lambda: nn.Linear(3, 2)(X).backward(), "the loss is a tensor of several numbers, not one"),
    (lambda: nn.functional.nll_loss(X, X[:, 0]), "an operation got numbers of a type that it does not take"),
    (lambda: nn.Dropout(3), "torch refused an operation"),
    (lambda: nn.BatchNorm1d(3)(X[:1]), "batch normalization needs more than one row a batch"),
    (
        lambda: nn.functional.cross_entropy(X, torch.tensor([0, 1, 2, 9])),
        "a target is no class of the model's output",
    ),
    (lambda: nn.Embedding(3, 2)(torch.tensor([5])), "an embedding got a number that it has no row for"),
    (lambda: nn.Embedding(3, 2)(X), "an operation got numbers of a type that it does not take"),
    (lambda: nn.Linear(3, 2)(X.double()), "an operation got numbers of a type that it does not take"),
    (lambda: X[9], "an index is larger than the tensor"),
    (lambda: torch.empty(1 << 50), "there was not enough memory"),
    (
        lambda: X.sum().backward(),
        "the loss does not depend on any parameter that is trained, or gradients are off, as they are in an "
        "evaluation",
    ),
    (in_place, "the model changes a tensor in place that the gradient needs"),
    (lambda: nn.Linear(3, 2, device="meta")(X), "tensors of different devices meet in one operation"),
    (
        lambda: vmap(lambda a: a * a.item())(X[0]),
        "the model turns a tensor into a Python number, which a stack of trials cannot do",
    ),
    (
        lambda: vmap(lambda a: torch.nonzero(a))(X),
        "an operation's shape depends on the numbers, which a stack of trials cannot do",
    ),
    (
        lambda: vmap(lambda a: a[a > 0].sum())(X),
        "an operation's shape depends on the numbers, which a stack of trials cannot do",
    ),
    (
        lambda: vmap(lambda a: checkpoint(torch.sin, a, use_reentrant=False))(Y).sum().backward(),
        "a tensor of one pass is kept for a later one, or parts run again in the backward pass "
        "(checkpoints), which a stack of trials cannot do",
    ),
    (
        lambda: vmap(lambda a: a if a.sum() > 0 else -a)(X),
        "the model decides by the value of a tensor, which a stack of trials cannot do",
    ),
]


@pytest.mark.parametrize(("call", "words"), CASES, ids=[words for _, words in CASES])
def test_a_message_of_torch_is_told_in_plain_words(call: Callable[[], object], words: str) -> None:
    """The sentence first, then type and text, without files of torch's source or advice to its developers."""
    with pytest.raises((RuntimeError, IndexError, ValueError, AssertionError, TypeError)) as caught:
        call()
    told = message_of(caught.value)
    assert told.startswith(f"{words}: {type(caught.value).__name__}: ")
    assert not any(word in told for word in (".cpp", "Please file", "Hint:", "frame #", "github.com"))
    assert len(told) < 350


INTERNAL = """Expected is_sm80 to be true, but got false.
Exception raised from mha_fwd at /pytorch/aten/src/ATen/native/flash_api.cpp:340 (most recent call first):
frame #0: c10::Error::Error(c10::SourceLocation, std::string) + 0x98 (0x7f in libc10.so)
frame #1: <unknown function>"""


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (INTERNAL, "Expected is_sm80 to be true, but got false."),
        (
            'isDifferentiableType(t) INTERNAL ASSERT FAILED at "/pytorch/torch/csrc/saved.cpp":42, please '
            "report a bug to PyTorch. ",
            "isDifferentiableType(t) INTERNAL ASSERT FAILED",
        ),
    ],
)
def test_texts_for_torchs_developers_are_cut(text: str, short: str) -> None:
    """What has no words of its own is a refusal by torch; the C++ stack and the file's name are left out."""
    assert message_of(RuntimeError(text)) == f"torch refused an operation: RuntimeError: {short}"


def test_what_is_not_torchs_stays_as_it_is() -> None:
    """No words are put into the mouths of others."""
    assert meaning("this activation will not do") == ""
    assert (
        message_of(RuntimeError("this activation will not do")) == "RuntimeError: this activation will not do"
    )
    assert shortened("see /data/rows.csv") == "see /data/rows.csv"
    assert message_of(TypeError("no")) == "TypeError: no"


URL = "https://docs.pytorch.org/docs/stable/notes/serialization.html"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (f"see {URL} for more", f"see {URL} for more"),
        ("see http://a.org/b.cpp, it says", "see http://a.org/b.cpp, it says"),
        ("bad value (../aten/src/ATen/native/x.cpp:12) here", "bad value here"),
        ('failed at "/pytorch/c10/core.h":9, sorry', "failed sorry"),
        ("x" * 190 + f" {URL} tail", "x" * 190 + " …"),
        ("word " * 60, "word " * 40 + "…"),
        ("x" * 300, "x" * 200 + " …"),
    ],
)
def test_texts_are_cut_between_words(text: str, short: str) -> None:
    """No stump of a word, a path or a URL is left; files of torch's source go as a whole."""
    assert shortened(text) == short


def test_long_messages_of_others_are_cut_between_words() -> None:
    """The user's own too."""
    assert message_of(RuntimeError("word " * 200)) == "RuntimeError: " + "word " * 100 + "…"
