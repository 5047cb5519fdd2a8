"""Both engines on the same trials, and how far apart what they give is."""

import importlib.util
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from sweeper.components.build import Built
from sweeper.components.losses import LOSSES
from sweeper.data.data import Data
from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training import reference
from sweeper.training.setup import Task
from sweeper.training.stacked import engine
from sweeper.training.stacked.engine import train_stack
from sweeper.training.stacked.refusal import NotCompiled, NotStackable
from sweeper.trial import Outcome, Trial, TrialResult

State = Mapping[str, Tensor]
ULP = 2.0**-52
APART = ": not equal to itself alone"
HAS_LLVM = importlib.util.find_spec("llvmlite") is not None
"""Without it recorded operations train all stacks."""


@dataclass
class Trained:
    """A result and the parameters and buffers at the end."""

    result: TrialResult
    state: State


def task_of(
    data: Any = "wine", model: Any = None, space: Mapping[str, Any] | None = None, **training: Any
) -> Task:
    """A small study in float64; `space` only has to allow what the trials have."""
    source = data if isinstance(data, Mapping) else {"source": data}
    search = dict(training.pop("search", {}))
    training = {
        "steps": 24,
        "batch_size": 16,
        "evaluations": 4,
        "dtype": "float64",
        "device": "cpu",
        **training,
    }
    study = Study(
        name="equal",
        data=source,
        model=model or {"source": "mlp", "depth": 2, "width": 8},
        training=training,
        search={"space": {"optimizer": ["sgd"], "learning_rate": 0.1, **(space or {})}, **search},
    )
    loss = study.training.loss
    kind = None if not isinstance(loss, str) else LOSSES[loss].task if loss in LOSSES else "regression"
    options = study.data.options
    if isinstance(study.data.source, str) and not options:
        return Task(study, _loaded(study.data.source, kind))
    return Task(study, load(study.data.source, options=options, loss_task=kind))


@cache
def _loaded(source: str, kind: str | None) -> Data:
    return load(source, loss_task=kind)


def by_reference(task: Task, trial: Trial, disturb: float = 0.0) -> Trained:
    """One trial by the reference engine; `disturb` changes every initial weight by this share of itself."""
    kept: list[Built] = []
    make = reference.initial_model

    def noted(*arguments: Any) -> Built:
        built = make(*arguments)
        state = torch.get_rng_state()
        generator = torch.Generator().manual_seed(99)
        with torch.no_grad():
            for parameter in built.model.parameters():
                sign = torch.randint(0, 2, parameter.shape, generator=generator).double() * 2 - 1
                parameter.mul_(1 + disturb * sign)
        torch.set_rng_state(state)
        kept.append(built)
        return built

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "initial_model", noted)
        result = reference.train(task, trial)
    model = kept[0].model
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return Trained(result, {name: tensor.detach() for name, tensor in state.items()})


def by_stack(
    task: Task, trials: Sequence[Trial], slots: int, compiled: bool = True
) -> dict[tuple[int, int], Trained]:
    """All trials by the fused engine, by number and seed."""
    states: dict[tuple[int, int], State] = {}

    def keep(trial: Trial, state: Mapping[str, Tensor]) -> None:
        states[trial.number, trial.seed] = dict(state)

    stream = train_stack(task, trials, slots, on_finish=keep, compiled=compiled)
    found = {}
    for result in stream:
        key = result.trial.number, result.trial.seed
        assert key not in found, "a trial came back twice"
        found[key] = Trained(result, states.get(key, {}))
    return found


def distance(a: Trained, b: Trained) -> float:
    """Largest difference of curves, layers and final states, relative to the size of what is compared.

    A number is compared with the largest of its kind in the trial (the curve of its metric, the measure
    of its layer, the parameters): what cancels to nearly nothing has no digits of its own.
    """
    assert [a.result.outcome, a.result.steps, a.result.reason] == [
        b.result.outcome,
        b.result.steps,
        b.result.reason,
    ]
    worst = _rows_distance(_curves(a.result), _curves(b.result))
    worst = max(worst, _rows_distance(_layers(a.result), _layers(b.result)))
    worst = max(worst, _rows_distance({"test": dict(a.result.test)}, {"test": dict(b.result.test)}))
    if a.result.outcome in (Outcome.COMPLETED, Outcome.PRUNED):
        worst = max(worst, abs(a.result.objective - b.result.objective) / (abs(a.result.objective) + 1e-300))
        assert list(a.state) == list(b.state)
        largest = max(float(t.double().abs().max()) for t in a.state.values() if t.numel())
        for name, mine in a.state.items():
            theirs = b.state[name]
            assert mine.dtype == theirs.dtype
            assert mine.shape == theirs.shape
            if mine.numel():
                worst = max(worst, float((mine.double() - theirs.double()).abs().max()) / largest)
    return worst


def _curves(result: TrialResult) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for step, metric, value in result.curves:
        assert step not in found.setdefault(metric, {})
        found[metric][step] = value
    return found


def _layers(result: TrialResult) -> dict[tuple[int, str], dict[int, float]]:
    found: dict[tuple[int, str], dict[int, float]] = {}
    for step, layer, measure, value in result.layers:
        assert step not in found.setdefault((layer, measure), {})
        found[layer, measure][step] = value
    return found


def _rows_distance(a: Mapping[Any, Mapping[Any, float]], b: Mapping[Any, Mapping[Any, float]]) -> float:
    assert a.keys() == b.keys()
    worst = 0.0
    for key, mine in a.items():
        assert mine.keys() == b[key].keys(), key
        scale = max((abs(value) for value in mine.values()), default=0.0) + 1e-300
        worst = max([worst, *(abs(mine[at] - b[key][at]) / scale for at in mine)])
    return worst


def assert_engines_agree(
    task: Task,
    trials: Sequence[Trial],
    slots: int,
    tolerance: float = 1e-9,
    most_chaotic: int = 0,
    compiled: bool = True,
    translated: bool = True,
) -> dict[tuple[int, int], Trained]:
    """The fused engine gives what the reference engine gives, to `tolerance`.

    As machine code if `compiled`, of which no stack may be refused where the model is `translated`.

    A training is chaotic when rounding decides where it goes: when the reference engine itself, started
    from weights that differ in the last bit, ends more than 1e-10 away. Such trials must agree to 100
    times that distance, and at most `most_chaotic` of them may be among the trials.
    """
    with one_thread(), refusals() as refused:
        found = _agreement(task, trials, slots, tolerance, most_chaotic, compiled)
    if compiled and translated and HAS_LLVM:
        apart = [text for text in refused if text.endswith(APART)]  # rounding may decide where a few go
        assert len(apart) <= most_chaotic, apart
        assert len(apart) == len(refused), refused
    return found


@contextmanager
def refusals() -> Iterator[list[str]]:
    """Why stacks of machine code trained otherwise, meanwhile."""
    noted: list[str] = []
    train, run = engine._train_stack, engine.StackedTraining.run

    def watched(*given: Any, compiled: bool = False) -> Iterator[TrialResult]:
        try:
            yield from train(*given, compiled=compiled)
        except (NotCompiled, NotStackable) as error:
            noted.extend([str(error)] * compiled)
            raise

    def checked(self: Any) -> Iterator[TrialResult]:
        yield from run(self)
        noted.extend(f"{trial}{APART}" for trial in self.incompatible if self.compiled)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_train_stack", watched)
        patch.setattr(engine.StackedTraining, "run", checked)
        yield noted


def _agreement(
    task: Task, trials: Sequence[Trial], slots: int, tolerance: float, most_chaotic: int, compiled: bool
) -> dict[tuple[int, int], Trained]:
    found, chaotic = by_stack(task, trials, slots, compiled), []
    assert set(found) == {(trial.number, trial.seed) for trial in trials}
    for trial in trials:
        mine, theirs = found[trial.number, trial.seed], by_reference(task, trial)
        try:
            apart = distance(theirs, mine)
        except AssertionError:
            apart = math.inf
        if apart <= tolerance:
            continue
        sensitivity = _sensitivity(task, trial, theirs)
        if sensitivity > 1e-10 and apart <= 100 * sensitivity:
            chaotic.append((trial.number, apart, sensitivity))
            continue
        pytest.fail(
            f"{dict(trial.parameters)} seed {trial.seed}: {apart:.3g} apart, sensitivity {sensitivity:.3g}\n"
            + _summary(theirs, mine)
        )
    assert len(chaotic) <= most_chaotic, f"chaotic: {chaotic}"
    return found


def _sensitivity(task: Task, trial: Trial, undisturbed: Trained) -> float:
    """How far the last bit of the initial weights takes the reference engine."""
    try:
        return distance(undisturbed, by_reference(task, trial, disturb=ULP))
    except AssertionError:
        return math.inf


def _summary(theirs: Trained, mine: Trained) -> str:
    lines = [f"{t.result.outcome} {t.result.steps} {t.result.reason}" for t in (theirs, mine)]
    for name, rows in (("curves", _curves), ("layers", _layers)):
        a, b = rows(theirs.result), rows(mine.result)
        if a.keys() != b.keys():
            lines.append(f"{name}: {a.keys() ^ b.keys()}")
            continue
        for key in a:
            try:
                lines.append(f"{name} {key}: {_rows_distance({key: a[key]}, {key: b[key]}):.3g}")
            except AssertionError:
                lines.append(f"{name} {key}: other steps")
    return "\n".join(lines)


def numbered(
    parameters: Sequence[Mapping[str, Any]], seeds: Sequence[int] = (0,), **more: Any
) -> list[Trial]:
    """Trials with these parameters, seeds in turn."""
    return [
        Trial(i, "explore", seeds[i % len(seeds)], {"optimizer": "sgd", "learning_rate": 0.1, **p}, **more)
        for i, p in enumerate(parameters)
    ]


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


Make = Callable[..., torch.nn.Module]


MIXED = [
    {"optimizer": "adam", "learning_rate": 0.01, "activation": "tanh"},
    {"optimizer": "momentum", "learning_rate": 0.02, "activation": "prelu", "activation_penalty": 0.1},
    {"optimizer": "rmsprop", "learning_rate": 0.003, "activation": "gelu"},
    {"optimizer": "adam", "learning_rate": 0.003, "activation": "prelu", "schedule": "cosine"},
    {
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "activation": "elu",
        "activation_penalty": 0.3,
        "penalty_kind": "l1",
    },
]
"""Different in all that may differ; twice, with other seeds, they fill slots a second time."""
SPACE = {
    "optimizer": ["adam", "momentum", "rmsprop", "sgd"],
    "activation": ["tanh", "prelu", "gelu", "elu"],
    "activation_penalty": {"low": 0.01, "high": 1.0},
}


def trials_of(parameters: list[dict[str, Any]], seeds: tuple[int, ...] = (0, 5)) -> list[Trial]:
    """All configurations for each seed."""
    return [
        Trial(t.number, t.phase, seed, t.parameters)
        for place, seed in enumerate(seeds)
        for t in numbered([*[{}] * place * len(parameters), *parameters])[place * len(parameters) :]
    ]


def refilling(parameters: list[dict[str, Any]]) -> list[Trial]:
    """Every configuration, and two of them with another seed: more trials than slots, which are refilled."""
    return trials_of(parameters)[: len(parameters) + 2]


def mixed(number: int, parameters: Sequence[dict[str, Any]] = ({},)) -> list[Trial]:
    """Trials of different optimizers and activations, and of `parameters` in turn."""
    optimizers, activations = ["sgd", "adam", "lion"], ["relu", "tanh", "rrelu", "gelu"]
    return numbered(
        [
            {
                "optimizer": optimizers[k % 3],
                "activation": activations[k % 4],
                **parameters[k % len(parameters)],
            }
            for k in range(number)
        ]
    )
