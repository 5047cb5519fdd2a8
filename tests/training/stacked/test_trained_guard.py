"""Stacks are compared with training alone when trials have ended, too: what shows no sooner is refused."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from equivalence import assert_engines_agree, numbered, task_of
from torch import Tensor, nn

from sweeper.study.settings import settings as settings_of
from sweeper.training.setup import Task, rows_of
from sweeper.training.stacked import cache, stacked_training
from sweeper.training.stacked.engine import train_stack
from sweeper.training.stacked.native import ordering
from sweeper.training.stacked.refusal import NotStackable
from sweeper.training.stacked.stack import Stack
from sweeper.trial import TrialResult

pytestmark = pytest.mark.usefixtures("one_thread")
FAR = 5.0
"""No initial weight is as large."""
RATES = [0.001, 10.0, 0.003, 0.001, 0.01, 0.002, 0.001]


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_refused", {})
    cache._kept.clear()


def small(**training: Any) -> Task:
    """One hidden layer with batch norm and dropout, which draw and remember."""
    model = {"source": "mlp", "depth": 1, "width": 6, "norm": "batch", "dropout": 0.3}
    return task_of(model=model, space={"optimizer": ["sgd"]}, **{"batch_size": 8, "steps": 30, **training})


def trials(rates: list[float] = RATES) -> list[Any]:
    """Of the same kind, with these learning rates."""
    return numbered([{"optimizer": "sgd", "learning_rate": rate} for rate in rates], seeds=[0])


def wrong_far_out(patch: pytest.MonkeyPatch, change: Callable[[Stack, Tensor], None]) -> list[int]:
    """`change` a stack (at its slots with large weights) after each pass; counts the passes."""
    right, passes = Stack.forward_and_backward, [0]

    def pass_(stack: Stack) -> None:
        right(stack)
        passes[0] += 1
        change(stack, stack.p.abs().amax(1) > FAR)

    patch.setattr(Stack, "forward_and_backward", pass_)
    return passes


def wrong_gradient(stack: Stack, far: Tensor) -> None:
    """All gradients a tenth too large."""
    stack.updates.g[far] *= 1.1


def wrong_loss(stack: Stack, far: Tensor) -> None:
    """The loss a tenth too large, and the sum of which it is part."""
    stack.losses[:, far] *= 1.1


def wrong_buffer(stack: Stack, far: Tensor) -> None:
    """A running mean that stays as it is."""
    stack.fixed["1.running_mean"][far] = 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("change", "what"),
    [(wrong_gradient, "the gradient of"), (wrong_loss, "the loss"), (wrong_buffer, "the buffer")],
)
def test_what_is_wrong_at_large_weights_alone_is_refused(
    change: Any, what: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial that went furthest shows it, though others end with it; no such stack is made again."""
    passes, task = wrong_far_out(monkeypatch, change), small(dtype=dtype)
    with pytest.raises(
        NotStackable, match=f"^in a stack, {what} .* at the weights of a trial that has ended$"
    ):
        list(train_stack(task, trials(), len(RATES)))
    passes[0] = 0
    with pytest.raises(NotStackable, match="at the weights of a trial that has ended"):
        list(train_stack(task, trials([0.001] * 3), 3))
    assert passes[0] == 0


def test_what_went_less_far_is_not_compared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One comparison serves all that follow, but for those whose weights are far larger."""
    compared, check = list[list[int]](), stacked_training.check_trained.__globals__["compare_trained"]

    def watched(task: Any, stacks: Any, stack: Any, runs: Any, chosen: list[int]) -> dict[int, str]:
        compared.append([runs[slot].trial.number for slot in chosen])
        return check(task, stacks, stack, runs, chosen)

    monkeypatch.setitem(stacked_training.check_trained.__globals__, "compare_trained", watched)
    list(train_stack(small(), trials([0.001, 0.02, 0.001, 0.02, 0.01, 10.0, 0.02]), 2))
    assert len(compared) <= 3
    assert compared[-1] == [5]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trials_that_go_on_do_not_feel_it(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit by bit: with their running statistics and random numbers, while others end and are compared."""
    compared = list[Any]()

    def results(compare: bool) -> dict[int, TrialResult]:
        cache._kept.clear()
        if not compare:
            monkeypatch.setattr(stacked_training, "check_trained", lambda *given: compared.append(given))
        found = train_stack(small(dtype=dtype), trials(), 3)
        return {result.trial.number: result for result in found}

    with_it, without = results(True), results(False)
    assert len(compared) > 30
    for number, result in with_it.items():
        other = without[number]
        assert (result.objective, result.curves, result.layers) == (
            other.objective,
            other.curves,
            other.layers,
        )


class Padded(nn.Module):
    """Tokens, of which 0 is padding, through attention that the kernels of an evaluation see otherwise."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.first, self.attention = nn.Embedding(9, 8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.last = nn.Linear(8, out_features)

    def forward(self, x: Tensor) -> Tensor:
        """(n, tokens) -> (n, classes)"""
        h = self.first(x)
        a, _ = self.attention(h, h, h, key_padding_mask=x == 0, need_weights=False)
        return self.last(torch.nan_to_num(h + a).mean(1))


def texts(empty: Sequence[int]) -> tuple[Tensor, Tensor]:
    """160 texts of six tokens; those that are `empty` have none."""
    x = torch.randint(1, 9, (160, 6), generator=torch.Generator().manual_seed(0))
    x[::3, 4:] = 0
    y = (x == 3).any(1).long()
    x[[*empty]] = 0
    return x, y


@pytest.mark.parametrize("some", [False, True])
def test_rows_that_are_special_on_some_seeds_alone_are_found(some: bool) -> None:
    """Rows without one token, for which kernels of an evaluation give NaN; the seed that is compared before
    training scores none of them, others do."""
    given = {"model": Padded, "space": {"optimizer": ["sgd"]}, "steps": 20, "batch_size": 16}
    plain = task_of(partial(texts, ()), **given)
    one, *others = numbered([{"optimizer": "sgd", "learning_rate": 0.1}] * 8, seeds=range(8), test=True)
    last = rows_of(plain, settings_of(plain.study, one.parameters), one.seed).x_train[-6:]
    empty = [k for k, row in enumerate(texts(())[0]) if any(torch.equal(row, each) for each in last)]
    task = task_of(partial(texts, empty if some else ()), **given)
    train_all = partial(list, train_stack(task, [one, *others], 8))
    if not some:
        assert len(train_all()) == 8
        return
    with pytest.raises(
        NotStackable, match=r"the loss on (validation|test) rows .* at the weights of a trial"
    ):
        train_all()


class SortPool(nn.Module):
    """Nodes in the order of their last channel, the first few of them kept (DGCNN, Zhang et al. 2018)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(in_features, 8), nn.Linear(48, out_features)
        nn.init.constant_(self.first.bias, 2.5)

    def forward(self, x: Tensor) -> Tensor:
        """(n, nodes, channels) -> (n, classes)"""
        h = torch.relu(self.first(x))
        order = h[:, :, -1].argsort(1, descending=True)[:, :6, None]
        return self.last(h.gather(1, order.expand(-1, -1, 8)).flatten(1))


def nodes() -> tuple[Any, Any]:
    """160 sets of 24 nodes."""
    x = torch.randn(160, 24, 3, generator=torch.Generator().manual_seed(0))
    return x.numpy(), (x[:, :, 0].amax(1) > 2).long().numpy()


def test_an_order_of_equal_numbers_that_shows_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were sorts translated whose ties torch leaves open, trials would still end as alone: nothing is equal
    before units die, and then the stack is refused."""
    pytest.importorskip("llvmlite", reason="machine code needs llvmlite")
    monkeypatch.setattr(ordering, "IN_ORDER", 1000)
    refused, refuse = list[str](), cache.StackCache.refuse

    def noted(self: Any, why: str) -> None:
        refused.append(why)
        refuse(self, why)

    monkeypatch.setattr(cache.StackCache, "refuse", noted)
    space = {"optimizer": ["adam", "sgd"]}
    task = task_of(nodes, SortPool, space, steps=400, batch_size=16)
    rates = [("adam", 0.24), ("adam", 0.22), ("adam", 0.06), ("sgd", 0.12)]
    some = numbered([{"optimizer": name, "learning_rate": rate} for name, rate in rates], seeds=[0])
    assert_engines_agree(task, some, slots=4, compiled=True, translated=False)
    assert len(refused) == 1
