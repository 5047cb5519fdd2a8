"""What the plan measures, and all of it together on small studies."""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from types import SimpleNamespace

import pytest
import torch
from equivalence import mixed, numbered, task_of
from pools import Here, SerialPool
from torch import Tensor, nn

from sweeper.errors import UserError
from sweeper.training import compiling, stack_memory, timing, work
from sweeper.training import planning as module
from sweeper.training.compiling import Timing
from sweeper.training.in_workers import plan_in_workers
from sweeper.training.plan import Plan, one_by_one
from sweeper.training.planning import Measured
from sweeper.training.setup import Task
from sweeper.training.stacked import engine as stacked_engine
from sweeper.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")
TASK = task_of(steps=1000)
RRELU = "RReLU draws random slopes for the negative inputs alone"


# What is measured


def measured_by(
    monkeypatch: pytest.MonkeyPatch, trials: Sequence[Trial], cost: Callable[[int], float]
) -> tuple[Measured, dict[int, Sequence[Trial]]]:
    """`measure` with made-up seconds for a stack of so many slots; which trials each stack had."""
    stacks: dict[int, Sequence[Trial]] = {}

    def stacked(task: Task, trials: Sequence[Trial], one: float) -> float:
        stacks[len(trials)] = trials
        return cost(len(trials))

    monkeypatch.setattr(module, "_one_by_one", lambda task, trial: 1e-3)
    monkeypatch.setattr(module, "_stacked", stacked)
    return module.measure(TASK, trials, 2), stacks


def test_sizes_are_tried_until_they_get_dearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smallest first; the first that costs more than a tenth above the cheapest is the last."""
    seconds = {8: 3e-4, 16: 2e-4, 32: 2.1e-4, 64: 2.3e-4, 128: 1e-6}
    found, _ = measured_by(monkeypatch, mixed(128), seconds.__getitem__)
    assert (found.one_by_one, found.stacked) == (1e-3, {8: 3e-4, 16: 2e-4, 32: 2.1e-4, 64: 2.3e-4})


def test_stacks_that_are_timed_are_mixed_as_in_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbours in the queue, sorted by optimizer and activation, from its middle."""
    _, stacks = measured_by(monkeypatch, mixed(36), lambda slots: 1 / slots)
    queue = sorted((t.parameters["optimizer"], t.parameters["activation"]) for t in mixed(36))
    assert set(stacks) == {8, 16, 32, 36}
    for slots, trials in stacks.items():
        kinds = [(t.parameters["optimizer"], t.parameters["activation"]) for t in trials]
        assert kinds == queue[(36 - slots) // 2 :][:slots]


def clock(monkeypatch: pytest.MonkeyPatch, seconds: Callable[[int, int], float]) -> list[int]:
    """A made-up one: of the k-th training, which has so many steps, `seconds` says how long it took.

    Steps of all trainings, in their order.
    """
    steps: list[int] = []

    def timed(work: partial[object]) -> float:
        task, trial = work.args
        assert not trial.measured  # stacks that are timed measure no layers either
        steps.append(task.study.training.steps)
        return seconds(len(steps) - 1, steps[-1])

    monkeypatch.setattr(module, "timed", timed)
    return steps


@pytest.mark.parametrize("held_up", [*range(6), None])
def test_one_training_that_is_held_up_decides_nothing(
    held_up: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever it is, shorter or longer, in the first look or later: a step takes what it takes."""
    steps = clock(monkeypatch, lambda k, n: 1e-3 + 1e-4 * n + 0.05 * (k == held_up))
    assert module._one_by_one(TASK, mixed(1)[0]) == pytest.approx(1e-4)
    assert len(steps) == 6


def test_what_the_clock_cannot_tell_apart_is_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of any length that take the same: a step takes no more than its share, and some time."""
    steps = clock(monkeypatch, lambda k, n: 0.01)
    assert module._one_by_one(TASK, mixed(1)[0]) == 0.01 / steps[-1]


@pytest.mark.parametrize(
    ("number", "sizes"),
    [(1, []), (2, [2]), (8, [8]), (11, [8, 11]), (64, [8, 16, 32, 64]), (300, [8, 16, 32, 64, 128, 256])],
)
def test_no_stack_is_larger_than_the_trials(number: int, sizes: list[int]) -> None:
    """The usual sizes, and all trials together where that is another size; one trial is no stack."""
    assert list(module._sizes(TASK, mixed(number), 2)) == sizes


def test_stacks_fit_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The less is free for each process, the fewer sizes are tried; where two trials do not fit, none is."""
    trials = mixed(64)
    a_slot = stack_memory._bytes_a_slot(TASK, trials[0])
    tried = {}
    for slots in (1.5, 5.5, 16.5, 1e6):
        monkeypatch.setattr(
            stack_memory, "free_memory", lambda slots=slots: 4 * slots * a_slot / stack_memory.MEMORY_SHARE
        )
        tried[slots] = list(module._sizes(TASK, trials, 4))
    assert tried == {1.5: [], 5.5: [5], 16.5: [8, 16], 1e6: [8, 16, 32, 64]}


def test_a_slot_holds_at_least_what_a_training_needs() -> None:
    """Parameters, gradients and two states, and the layers' outputs of a batch: 8 bytes each in float64."""
    task = task_of(model={"source": "mlp", "depth": 1, "width": 100}, batch_size=64)
    parameters, outputs = 13 * 100 + 100 + 100 * 3 + 3, 100 + 100 + 3
    least = 8 * (4 * parameters + 64 * outputs)
    assert least < stack_memory._bytes_a_slot(task, numbered([{}])[0]) < 10 * least


def test_the_shortest_block_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack's step costs its block's time by steps and trials; the warm-up is not timed."""
    clock, blocks = iter(count()), list[int]()
    monkeypatch.setattr(stacked_engine, "warm_stack", lambda task, trials: blocks.append)
    ticking = dict.fromkeys(("perf_counter", "thread_time"), lambda: float(next(clock)))
    monkeypatch.setattr(timing, "time", SimpleNamespace(**ticking))
    assert module._stacked(TASK, mixed(4), one=1e-3) == pytest.approx(1 / (12 * 4))
    assert blocks == [1, 12, 12, 12, 12]


def test_trials_to_measure_are_those_of_the_search() -> None:
    """Optimizers in turn, activations of the space, one shape, tiny rates; a seed gives the same again."""
    space = {
        "optimizer": ["sgd", "adam"],
        "activation": ["relu", "tanh"],
        "learning_rate": {"low": 1e-3, "high": 10.0, "log": True},
        "model.width": [8, 16],
        "training.batch_size": [4, 8],
    }
    parsed = task_of(space=space).study.space
    trials = module.sample(parsed, 40, seed=3)
    assert [t.parameters["optimizer"] for t in trials] == ["sgd", "adam"] * 20
    assert {t.parameters["activation"] for t in trials} == {"relu", "tanh"}
    assert {t.parameters["learning_rate"] for t in trials} == {1e-7}
    assert {t.parameters["model.width"] for t in trials} == {8}
    assert not any("training.batch_size" in t.parameters for t in trials)
    assert trials == module.sample(parsed, 40, seed=3) != module.sample(parsed, 40, seed=4)


# All of it, in this process

SEARCH = {"trials": 40}


def planned(task: Task, engine: str, share: int = 12, jobs: int = 1) -> Plan:
    """The plan, measured without worker processes."""
    return plan_in_workers(SerialPool(), Here(task), jobs=jobs, engine=engine, share=share)


def test_small_networks_train_in_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny nets are clearly faster in stacks; RReLU stays out and the plan says so.

    By the time of the processor that this takes: other processes that want it too change nothing.
    """
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=time.process_time))
    space = {"optimizer": ["sgd", "adam"], "activation": ["relu", "rrelu", "tanh"]}
    plan = planned(task_of(space=space, steps=1000, search=SEARCH), "auto")
    assert plan.engine == "fused"
    assert plan.slots >= 2
    assert plan.speedup is not None
    assert plan.speedup > 1.2
    assert plan.alone == {"rrelu": RRELU}
    assert 0 < plan.seconds_a_step < 1e-2


def test_what_recurrent_layers_keep_is_counted() -> None:
    """All tensors that they put out, and the gates of every layer of theirs."""
    outputs = (torch.zeros(5, 3), (torch.zeros(2, 3), torch.zeros(2, 3)))
    assert stack_memory._size(torch.nn.LSTM(2, 3, num_layers=2), outputs) == 6 * 27
    assert stack_memory._size(torch.nn.Identity(), outputs[0]) == 15


COUNTING = {"source": "model_zoo:Annealed"}


def test_a_model_that_cannot_be_batched_trains_one_by_one() -> None:
    """`auto` gives the reason."""
    plan = planned(task_of("digits", COUNTING, steps=1000, search=SEARCH), "auto", jobs=2)
    assert (plan.engine, plan.slots, plan.processes) == ("reference", 1, 2)
    assert "the forward pass changes steps" in plan.line()


def test_who_insists_on_stacks_is_told_why_there_are_none() -> None:
    """`fused` refuses a model that cannot be batched, and says why."""
    why = r"^--engine fused: the model trains one by one alone: the forward pass changes steps"
    with pytest.raises(UserError, match=why):
        planned(task_of("digits", COUNTING, steps=1000, search=SEARCH), "fused")


@pytest.mark.parametrize("turns", [1, 2, 3, 5])
def test_processes_that_share_the_activations_refuse_as_one_does(turns: int) -> None:
    """Each activation is tried by one of them, and none is left out; more processes than activations, too."""
    task = task_of(space={"activation": ["relu", "rrelu", "tanh"]}, steps=1000, search=SEARCH)
    parts = [module.refusals(task, turn, turns) for turn in range(turns)]
    assert sorted(name for part in parts for name in part) == ["relu", "rrelu", "tanh"]
    assert {name: why for part in parts for name, why in part.items()} == module.refusals(task)


def test_nothing_is_measured_without_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `reference`, and by `auto` where there is little to train."""
    monkeypatch.setattr(SerialPool, "submit", lambda *arguments: pytest.fail("measured"))
    little, much = (task_of(steps=steps, search=SEARCH) for steps in (1, 10_000))
    assert planned(much, "reference", jobs=2) == one_by_one(2)
    assert planned(little, "auto", jobs=2) == one_by_one(2, "too little to train for stacks to pay")


@pytest.mark.parametrize("engine", ["auto", "fused"])
def test_a_sample_without_a_trial_that_can_be_batched(engine: str) -> None:
    """One trial a process, and of the activation that trains alone: one by one, and no error."""
    space = {"activation": ["rrelu", "relu"]}
    for seed in range(20):
        task = task_of(space=space, steps=1000, search={**SEARCH, "seed": seed})
        if module.sample(task.study.space, 1, seed)[0].parameters["activation"] == "rrelu":
            break
    plan = planned(task, engine, share=1)
    assert plan == one_by_one(1, "too few trials, or too little memory, for a stack")
    assert math.isfinite(plan.seconds_a_step)


# Machine code beside recorded steps


def tried(monkeypatch: pytest.MonkeyPatch, machine_code: float | str) -> tuple[Plan, list[tuple[int, ...]]]:
    """The plan where recorded steps take 300 µs in stacks of 8 and 200 in those of 12; what calls timed."""
    sizes: list[list[int]] = []

    def measure(
        task: Task, trials: Sequence[Trial], jobs: int, most: int | None, begun: object = ()
    ) -> Measured:
        sizes.append([8] if most else [12] if begun else [8, 12])
        return Measured(1e-3, {8: 3e-4} if most else {8: 3e-4, 12: 2e-4})

    def compiled(*arguments: object) -> Timing | str:
        sizes.append([])
        return machine_code if isinstance(machine_code, str) else Timing(machine_code, 12)

    monkeypatch.setattr(work, "refusals", lambda task, turn, turns: {})
    monkeypatch.setattr(work, "measure", measure)
    monkeypatch.setattr(work, "measure_compiled", compiled)
    monkeypatch.setattr(compiling, "is_there", lambda: True)
    monkeypatch.setattr(compiling, "MIN_SECONDS_LEFT", 0.0)
    plan = planned(task_of(steps=1000, search=SEARCH), "auto")
    return plan, [tuple(each) for each in sizes]


def test_machine_code_that_is_clearly_cheaper_leaves_large_stacks_untimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One size of recorded stacks, then machine code, and nothing more."""
    plan, sizes = tried(monkeypatch, 1e-4)
    assert (plan.compiled, plan.seconds_a_step, plan.speedup) == (True, 1e-4, pytest.approx(10))
    assert sizes == [(8,), ()]


@pytest.mark.parametrize(("machine_code", "compiled"), [(1.85e-4, True), (2.5e-4, False)])
def test_the_faster_of_both_is_taken_where_they_come_close(
    monkeypatch: pytest.MonkeyPatch, machine_code: float, compiled: bool
) -> None:
    """Machine code little cheaper than small stacks is held against the cheapest stack."""
    plan, sizes = tried(monkeypatch, machine_code)
    assert plan.compiled == compiled
    assert plan.seconds_a_step == (machine_code if compiled else 2e-4)
    assert sizes == [(8,), (), (12,), ()]


def test_what_cannot_be_compiled_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason stays with the plan of the cheapest stack."""
    plan, sizes = tried(monkeypatch, "no translation of it")
    assert (plan.compiled, plan.uncompiled, plan.slots) == (False, "no translation of it", 12)
    assert sizes == [(8,), (), (12,)]


def test_measurements_go_on_from_what_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes that were timed on a machine of this kind, and a trial alone, are not timed again."""
    monkeypatch.setattr(module, "_one_by_one", lambda task, trial: 1e-3)
    monkeypatch.setattr(module, "_stacked", lambda task, trials, one: 1e-4 * len(trials))
    first = module.measure(TASK, mixed(12), 2, 1)
    assert first.stacked == {8: pytest.approx(8e-4)}
    monkeypatch.setattr(module, "_one_by_one", lambda task, trial: pytest.fail("timed again"))
    both = module.measure(TASK, mixed(12), 2, None, [first])
    assert both.stacked == {8: pytest.approx(8e-4), 12: pytest.approx(1.2e-3)}


@pytest.mark.parametrize("coarse", [False, True])
def test_every_activation_is_compared_however_many_there_are(coarse: bool) -> None:
    """The tenth, too, of a model that drops other shares with it; and where a tensor on the way is coarse."""

    def made(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
        share = 0.5 if isinstance(activation(), nn.SELU) else 0.1
        return nn.Sequential(
            Halved() if coarse else nn.Identity(),
            nn.Linear(in_features, 8),
            activation(),
            nn.Dropout(share),
            nn.Linear(8, out_features),
        )

    names = ["relu", "tanh", "elu", "gelu", "silu", "mish", "softplus", "sigmoid", "leaky_relu", "selu"]
    task = task_of("digits", {"source": made}, space={"activation": names}, steps=1000, search=SEARCH)
    refused = module.refusals(task)
    assert [name for name in names if refused[name]] == ["selu"]
    assert "differs by" in refused["selu"]


class Halved(nn.Module):
    """Passes its numbers through 16 bits."""

    def forward(self, x: Tensor) -> Tensor:
        """As they are, but for rounding."""
        return x.half().to(x.dtype)
